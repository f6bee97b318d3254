"""What is wrong with a request: its form, or that it does not fit what it is about."""

from collections.abc import Iterable

from migperf.errors import ConflictError, MigperfError


class RequestError(MigperfError):
    """The request itself is not of a form that this service reads."""


class MalformedJsonError(RequestError):
    """The body is announced as JSON and is none."""


class MalformedYamlError(RequestError):
    """The body is announced as YAML and is none, or has what JSON cannot hold."""


class NotJsonError(RequestError):
    """The body is of another type than JSON."""

    def __init__(self, given: str, wanted: str = "JSON with the header Content-Type: application/json") -> None:
        super().__init__(f"the body is {given}; send {wanted}")


class BodyTooLargeError(RequestError):
    """The body is larger than this service takes."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the body is larger than {limit_bytes} bytes (MIGPERF_MAX_BODY_BYTES of the service)")


class NulCharacterError(RequestError):
    """The URL contains the character U+0000."""

    def __init__(self) -> None:
        super().__init__("the URL contains the character U+0000, which no name here can contain")


class NotCuttableError(ConflictError):
    """The GPU has no MIG, so it has no layouts."""

    def __init__(self, uuid: str, model: str) -> None:
        super().__init__(f"{model} ({uuid}) has no MIG, so it cannot be cut; run on it whole (kind=gpu)")


class RunsInTheWayError(ConflictError):
    """Runs hold what a change of layout would destroy."""

    def __init__(self, holds: Iterable[str]) -> None:
        super().__init__(
            f"{'; '.join(holds)}. Change the layout when they have ended (wait: true), put them back into the queue "
            "(force: true), or cancel them"
        )
