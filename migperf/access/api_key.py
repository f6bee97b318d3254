"""The form of API keys, ``migperf_<id>_<secret>``, and how they are stored.

The id is no secret: it finds the row, and logs may name it. The secret has 192 bits from the system's generator, so
nobody can guess it, and nobody who has read its SHA-256 can search for it: a slow hash, which protects what people
choose, would protect nothing here and cost time at every request.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from migperf.errors import MigperfError

ID_BYTES, SECRET_BYTES = 6, 24
FORM = "migperf_<id>_<secret>"
_PATTERN = re.compile(rf"migperf_([0-9a-f]{{{2 * ID_BYTES}}})_[0-9a-f]{{{2 * SECRET_BYTES}}}")


class KeyState(StrEnum):
    """Whether a key opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class NotAKeyError(MigperfError):
    """A text that should be an API key is none. The message does not repeat it: it may be nearly one."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not an API key; one looks like {FORM}, as `migperf keys create` prints it")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its holder has it. Its ``repr`` shows the id alone."""

    id: str
    text: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Return a key that nobody has."""
        key_id = secrets.token_hex(ID_BYTES)
        return cls(key_id, f"migperf_{key_id}_{secrets.token_hex(SECRET_BYTES)}")

    @classmethod
    def parse(cls, text: str, what: str = "what was given") -> Self:
        """Return the key that a text is. Raises NotAKeyError, which calls the text ``what``."""
        found = _PATTERN.fullmatch(text)
        if found is None:
            raise NotAKeyError(what)
        return cls(found[1], text)

    @property
    def digest(self) -> str:
        """What is stored of it."""
        return digest_of(self.text)


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a random secret, as 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Tell whether two digests are equal, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(one, other)
