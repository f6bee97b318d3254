"""Signing what webhooks are sent, as the Standard Webhooks specification 1.0.0 says, so that its libraries verify it.

Signed is ``ID.TIMESTAMP.BODY`` by HMAC-SHA256. A receiver refuses what is older than ``TOLERANCE_S``, which ends
replays that come late, and an id that it has taken already, which ends those that come soon, and our own repeats.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_S = 300


def signed_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that go with a body; ``timestamp`` is seconds since 1970, of this very try."""
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: f"v1,{_signature(key, message_id, str(timestamp), body)}",
    }


def is_genuine(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Tell whether a body came from who has the key, within ``TOLERANCE_S`` of ``now``: what a receiver does.

    Headers by their lower-case names. Compared in constant time: how long it takes tells nothing about the signature.
    """
    message_id, timestamp = headers.get(ID_HEADER, ""), headers.get(TIMESTAMP_HEADER, "")
    if not re.fullmatch("[0-9]{1,12}", timestamp) or abs(now - int(timestamp)) > TOLERANCE_S:
        return False
    expected = f"v1,{_signature(key, message_id, timestamp, body)}".encode()
    given = headers.get(SIGNATURE_HEADER, "").split(" ")
    return any(hmac.compare_digest(expected, one.encode()) for one in given)


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
