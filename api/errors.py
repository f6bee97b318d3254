"""What is wrong with a request: its form, or that it does not fit what it is about."""

from collections.abc import Iterable

from api.caller import Caller
from migperf.access.scope import Scope, in_order
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


class UnauthenticatedError(MigperfError):
    """Nobody knows who sends the request."""

    def __init__(self, *, given: bool = False) -> None:
        super().__init__(
            "the API key is none that this service knows, or it has expired or was revoked; `migperf keys list` on the "
            "service's host shows which there are"
            if given
            else "this service asks for an API key: send the header Authorization: Bearer migperf_<id>_<secret>, or "
            "sign in on its pages"
        )


class MissingScopeError(MigperfError):
    """The key does not have the scope that this needs."""

    def __init__(self, scope: Scope, caller: Caller) -> None:
        has = ", ".join(in_order(caller.scopes)) or "none"
        super().__init__(
            f"this needs the scope {scope} ({scope.meaning}); the key {caller.name!r} ({caller.key_id}) has {has}"
        )


class CrossOriginError(MigperfError):
    """A request in a session that another site may have had the browser send."""

    def __init__(self) -> None:
        super().__init__(
            "nothing proves that this request comes from a page of this service: reload the page and try again; behind "
            "a proxy, set MIGPERF_URL of the service to where its pages are; programs send an API key"
        )


class TooManyAttemptsError(MigperfError):
    """So many keys from one address were wrong that no more are looked at."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong API keys came from this address; try again in {wait_s} s")
        self.wait_s = wait_s


class AuthenticationOffError(ConflictError):
    """Whoever reaches this service may do everything, so it hands out no keys that would outlive that."""

    def __init__(self) -> None:
        super().__init__(
            "authentication is off, so anybody could make themselves a key that is good for later: make keys with "
            "`migperf keys create`, then set MIGPERF_AUTHENTICATION=required"
        )
