"""Requests that are refused before anybody looks at what they ask for."""

from migperf.errors import MigperfError


class RequestError(MigperfError):
    """The request itself is not of a form that this service reads."""


class MalformedJsonError(RequestError):
    """The body is announced as JSON and is none."""


class NotJsonError(RequestError):
    """The body is of another type than JSON."""

    def __init__(self, given: str) -> None:
        super().__init__(f"the body is {given}; send JSON with the header Content-Type: application/json")


class BodyTooLargeError(RequestError):
    """The body is larger than this service takes."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body is larger than {limit_bytes} bytes (MIGPERF_MAX_BODY_BYTES of the service)")


class NulCharacterError(RequestError):
    """The URL contains the character U+0000."""

    def __init__(self) -> None:
        super().__init__("the URL contains the character U+0000, which no name here can contain")
