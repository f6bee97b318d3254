"""Posting JSON to a URL that somebody else has chosen: guarded, bounded, without redirects, proxies or cookies.

Of the answer only the head is read, of which httpcore takes at most 100 KiB.
"""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import httpcore

import migperf
from migperf.alerts.bounded_stream import GuardedNetwork
from migperf.alerts.errors import DeliveryError, RefusedError
from migperf.alerts.guard import Guard


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts under a guard. ``ssl_context`` is the system's unless a test brings its own."""

    guard: Guard
    timeout_s: float
    """Of one post from looking the host up to the head of its answer."""
    ssl_context: ssl.SSLContext | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a body; done when the receiver answers 2xx.

        Raises RefusedError for a host that is forbidden and for 410 Gone, DeliveryError for everything else.
        """
        host = urlsplit(url).hostname or url
        try:
            status = self._answer_to(url, body, headers)
        except httpcore.ProtocolError as error:
            raise DeliveryError(f"{host} broke off, or does not answer in HTTP") from error
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise DeliveryError(f"{host} did not answer within {self.timeout_s:g} s") from error
        except ssl.SSLError as error:
            raise DeliveryError(f"{host}: no protected connection: {error.reason or error}") from error
        except (OSError, httpcore.NetworkError) as error:
            raise DeliveryError(f"{host}: the connection broke: {error}") from error
        if status == HTTPStatus.GONE:
            raise RefusedError(f"{host} wants no more messages (410 Gone)")
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            told = "; redirects are not followed" if status < HTTPStatus.BAD_REQUEST else ""
            raise DeliveryError(f"{host} answered {status}{told}")

    def _answer_to(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Return the status of the answer."""
        network = GuardedNetwork(self.guard, time.monotonic() + self.timeout_s)
        everything = {
            "Host": urlsplit(url).netloc,
            "User-Agent": f"migperf/{migperf.__version__}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **headers,
        }
        context = self.ssl_context or ssl.create_default_context()
        with (
            httpcore.ConnectionPool(ssl_context=context, network_backend=network) as pool,
            pool.stream("POST", url, headers=list(everything.items()), content=body) as answer,
        ):
            return answer.status
