"""What can go wrong between a client and the service. Every error says where, and what can be done."""

import httpx
from pydantic import ValidationError

from migperf.client.models import FieldProblem, Problem
from migperf.errors import MigperfError


class MigperfClientError(MigperfError):
    """Base class of everything that the client raises."""


class UnreachableError(MigperfClientError):
    """Nothing answered; ``url`` is where it was looked for."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            f"no migperf service answers at {url} ({cause}); start it there with `migperf up`, "
            "or say where it is with --url or MIGPERF_URL"
        )
        self.url = url


class UnexpectedAnswerError(MigperfClientError):
    """Something answered, but not as this version of the service does."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"{url} does not answer like a migperf service of this version: {problem}")
        self.url = url


class WaitTimeoutError(MigperfClientError):
    """A run had not ended when the patience of its watcher had; the run itself goes on."""

    def __init__(self, run_id: str, timeout_s: float) -> None:
        super().__init__(
            f"run {run_id} has not ended within {timeout_s:g} s; it goes on (`migperf runs watch {run_id}`)"
        )
        self.run_id = run_id


class LayoutTimeoutError(MigperfClientError):
    """A layout change had not ended when the patience of its watcher had; the change itself goes on."""

    def __init__(self, change_id: str, timeout_s: float) -> None:
        super().__init__(f"layout change {change_id} has not ended within {timeout_s:g} s; it goes on")
        self.change_id = change_id


class CannotConfirmError(MigperfClientError):
    """Two runs cannot be made again by turns on one partition; the message says why, and what could be done."""


class CannotCheckError(MigperfClientError):
    """There is nothing to hold new runs against; the message says what was looked for, and what could be done."""


class RunDeletedError(MigperfClientError):
    """A run was deleted while it was waited for."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} was deleted")
        self.run_id = run_id


class ApiError(MigperfClientError):
    """The service answered with a problem document."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title or f"the service answered with status {status}")
        self.status = status
        self.title = problem.title
        self.detail = problem.detail
        self.errors: tuple[FieldProblem, ...] = problem.errors or ()

    @staticmethod
    def of(response: httpx.Response) -> "ApiError":
        """Return the error that an answer with an error status stands for, of the class of its status."""
        status = response.status_code
        kind = _BY_STATUS.get(status, ServiceError if status >= httpx.codes.INTERNAL_SERVER_ERROR else ApiError)
        return kind(status, _problem(response))


class RequestRefusedError(ApiError):
    """The request is not acceptable as it is; ``errors`` names the fields and what is wrong with each."""


class AuthenticationError(ApiError):
    """The service asks for an API key: none was sent, or it is not good (any more)."""


class PermissionDeniedError(ApiError):
    """The API key lacks the scope that the message names."""


class ApiNotFoundError(ApiError):
    """There is no such thing (any more)."""


class ApiConflictError(ApiError):
    """The request does not fit the present state."""


class ServiceError(ApiError):
    """The service failed or is not ready; the request itself may be fine."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: RequestRefusedError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: ApiNotFoundError,
    409: ApiConflictError,
    413: RequestRefusedError,
    415: RequestRefusedError,
    422: RequestRefusedError,
}


def _problem(response: httpx.Response) -> Problem:
    """Read the problem document, or make one of what a proxy or another server answered instead."""
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        where = f"{response.request.method} {response.request.url}"
        return Problem(title=response.reason_phrase, detail=f"{where}: {response.status_code} {response.reason_phrase}")
