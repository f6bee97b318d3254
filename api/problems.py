"""Problem documents (RFC 9457): the one form of every refusal and failure, and the kinds that there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, JsonValue

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(description="Dotted path of the field, such as `parameters.batch_size`; or a header's name.")
    detail: str = Field(description="What would be right.")
    given: JsonValue = Field(default=None, description="What was sent; shortened when it is long.")


class Problem(BaseModel):
    """Why a request was refused or failed."""

    type: str = Field(description="`/problems/…` of this service, which explains it; or `about:blank`.")
    title: str = Field(description="The kind of problem, always the same for one type.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="This very problem, and what to do about it.")
    instance: str = Field(description="The path that was asked for.")
    errors: list[FieldProblem] | None = Field(default=None, description="Field by field, when the request is invalid.")
    incident: str | None = Field(default=None, description="Under which id the service has logged its failure.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """A kind of problem. ``meaning`` is what its page says about it; ``example`` a detail for the documentation."""

    slug: str | None
    title: str
    status: HTTPStatus
    meaning: str
    example: str

    @property
    def type(self) -> str:
        """The problem's ``type``, relative to the root of the service."""
        return f"/problems/{self.slug}" if self.slug else "about:blank"


VALIDATION = ProblemKind(
    slug="validation",
    title="The request is invalid",
    status=HTTPStatus.UNPROCESSABLE_ENTITY,
    meaning="Fields are missing, unknown, of the wrong type or out of range. `errors` names each one, what was given "
    "and what would be right. Nothing has been stored.",
    example="parameters.batch_size: Input should be greater than or equal to 1",
)
MALFORMED_JSON = ProblemKind(
    slug="malformed-json",
    title="The body is not JSON",
    status=HTTPStatus.BAD_REQUEST,
    meaning="The body cannot be read as JSON (RFC 8259, UTF-8). NaN and Infinity are no JSON numbers, and text with "
    "the character U+0000 cannot be stored.",
    example="Expecting ',' delimiter at line 3, column 5",
)
MALFORMED_YAML = ProblemKind(
    slug="malformed-yaml",
    title="The body is not YAML",
    status=HTTPStatus.BAD_REQUEST,
    meaning="The body cannot be read as YAML (RFC 9512, UTF-8). Keys that come twice, aliases, NaN and Infinity are "
    "not read, and text with the character U+0000 cannot be stored.",
    example="line 3, column 5: this is not YAML: mapping values are not allowed here",
)
BAD_URL = ProblemKind(
    slug="bad-url",
    title="The URL is malformed",
    status=HTTPStatus.BAD_REQUEST,
    meaning="The URL contains the character U+0000.",
    example="the URL contains the character U+0000, which no name here can contain",
)
NOT_JSON = ProblemKind(
    slug="not-json",
    title="The body is of another type",
    status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    meaning="This service reads JSON that is not compressed, announced by `Content-Type: application/json`; files of "
    "experiments and schedules also as YAML, announced by `Content-Type: application/yaml`; results that are imported "
    "also as CSV, announced by `Content-Type: text/csv`.",
    example="the body is of type text/plain; send JSON with the header Content-Type: application/json",
)
BODY_TOO_LARGE = ProblemKind(
    slug="body-too-large",
    title="The body is too large",
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    meaning="The body is larger than the service takes (`MIGPERF_MAX_BODY_BYTES`).",
    example="the body is larger than 1048576 bytes (MIGPERF_MAX_BODY_BYTES of the service)",
)
NOT_FOUND = ProblemKind(
    slug="not-found",
    title="There is no such thing",
    status=HTTPStatus.NOT_FOUND,
    meaning="What the URL names does not exist, or not any more.",
    example="no run with id '019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77'",
)
CONFLICT = ProblemKind(
    slug="conflict",
    title="The request does not fit the present state",
    status=HTTPStatus.CONFLICT,
    meaning="The run, GPU or layout change is in a state in which this cannot be done, or a name is taken; the detail "
    "says which.",
    example="run 019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77 has ended as succeeded; there is nothing to cancel",
)
NOT_CUTTABLE = ProblemKind(
    slug="not-cuttable",
    title="The GPU cannot be cut",
    status=HTTPStatus.CONFLICT,
    meaning="The GPU has no MIG (Multi-Instance GPU), so there are no layouts of it. Runs can have it whole.",
    example="NVIDIA L40S (GPU-5f1d3c9a-8e7b-5a50-8f30-2f10e0d0c0b0) has no MIG, so it cannot be cut; run on it whole "
    "(kind=gpu)",
)
RUNS_IN_THE_WAY = ProblemKind(
    slug="runs-in-the-way",
    title="Runs hold what the change would destroy",
    status=HTTPStatus.CONFLICT,
    meaning="The new layout has no place for partitions that runs hold now; the detail names the runs. Ask again with "
    "`wait` to have it changed when they have ended, or with `force` to have them put back into the queue. "
    "`dry_run=true` shows what would be destroyed.",
    example="run 019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77 holds MIG-2f0c0a57-6d0d-5f5e-9a38-9a4d4f6f4c11 (1g.10gb). "
    "Change the layout when they have ended (wait: true), put them back into the queue (force: true), or cancel them",
)
IDEMPOTENCY_MISMATCH = ProblemKind(
    slug="idempotency-mismatch",
    title="The idempotency key belongs to another request",
    status=HTTPStatus.UNPROCESSABLE_ENTITY,
    meaning="A key stands for one request: the same body again gets the same run, another body needs another key.",
    example="Idempotency-Key 'nightly-17' was used for another request; use a new key for a new request",
)
BAD_CURSOR = ProblemKind(
    slug="bad-cursor",
    title="The cursor is not valid here",
    status=HTTPStatus.UNPROCESSABLE_ENTITY,
    meaning="A cursor continues the very listing that gave it, with the same sort order.",
    example="the cursor is damaged; leave it out to begin anew",
)
UNAUTHENTICATED = ProblemKind(
    slug="unauthenticated",
    title="An API key is needed",
    status=HTTPStatus.UNAUTHORIZED,
    meaning="This service asks who you are. Programs send `Authorization: Bearer migperf_<id>_<secret>`; people sign "
    "in on the pages. The key that was sent, if any, is unknown, has expired or was revoked.",
    example="this service asks for an API key: send the header Authorization: Bearer migperf_<id>_<secret>, or sign in "
    "on its pages",
)
MISSING_SCOPE = ProblemKind(
    slug="missing-scope",
    title="The API key does not allow this",
    status=HTTPStatus.FORBIDDEN,
    meaning="The key is good, but it lacks the scope that the detail names. `GET /v1/whoami` tells which it has; a "
    "key's scopes cannot be changed, so make another one.",
    example="this needs the scope submit (submit and cancel runs and experiments, keep schedules, triage regressions); "
    "the key 'dashboard' (4be1c09d2f7a) has read",
)
CROSS_ORIGIN = ProblemKind(
    slug="cross-origin",
    title="The request may come from another site",
    status=HTTPStatus.FORBIDDEN,
    meaning="A browser's session changes something only when the browser says that a page of this service asked for it "
    "(`Sec-Fetch-Site` or `Origin`), so that no other site can use the session.",
    example="nothing proves that this request comes from a page of this service: reload the page and try again; behind "
    "a proxy, set MIGPERF_URL of the service to where its pages are; programs send an API key",
)
TOO_MANY_ATTEMPTS = ProblemKind(
    slug="too-many-attempts",
    title="Too many wrong API keys",
    status=HTTPStatus.TOO_MANY_REQUESTS,
    meaning="So many wrong keys came from one address that no more are looked at for a while; `Retry-After` says how "
    "long. Keys that were good from there still are.",
    example="too many wrong API keys came from this address; try again in 42 s",
)
UNAVAILABLE = ProblemKind(
    slug="unavailable",
    title="The service cannot work at present",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    meaning="Something that the service needs is missing; the detail names it. Trying again later is safe.",
    example="the database cannot be reached",
)
UNEXPECTED = ProblemKind(
    slug="unexpected",
    title="The service failed",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    meaning="A defect of the service. Its log holds the details under the `incident` of the answer.",
    example="an unexpected error; the service has logged it as incident 6f1c0d2ab9e84f0c",
)
KINDS = (
    VALIDATION,
    MALFORMED_JSON,
    MALFORMED_YAML,
    BAD_URL,
    NOT_JSON,
    BODY_TOO_LARGE,
    NOT_FOUND,
    CONFLICT,
    NOT_CUTTABLE,
    RUNS_IN_THE_WAY,
    IDEMPOTENCY_MISMATCH,
    BAD_CURSOR,
    UNAUTHENTICATED,
    MISSING_SCOPE,
    CROSS_ORIGIN,
    TOO_MANY_ATTEMPTS,
    UNAVAILABLE,
    UNEXPECTED,
)


def plain_kind(status: int) -> ProblemKind:
    """Return the kind that says no more than its HTTP status."""
    phrase = HTTPStatus(status).phrase
    return ProblemKind(slug=None, title=phrase, status=HTTPStatus(status), meaning=phrase, example=phrase)


def problem_response(
    kind: ProblemKind,
    detail: str,
    instance: str,
    *,
    errors: Sequence[FieldProblem] | None = None,
    incident: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the answer that carries a problem."""
    content = _content(kind, detail, instance, errors, incident)
    return JSONResponse(content, kind.status, headers, media_type=MEDIA_TYPE)


def documented(*kinds: ProblemKind, instance: str = "/v1/runs") -> dict[int | str, dict[str, Any]]:
    """Return the problems that a route answers with, for OpenAPI; an unexpected error is always among them."""
    by_status: dict[HTTPStatus, list[ProblemKind]] = {}
    for kind in (*kinds, UNAVAILABLE):
        by_status.setdefault(kind.status, []).append(kind)
    responses: dict[int | str, dict[str, Any]] = {
        status.value: _documentation(found, instance) for status, found in by_status.items()
    }
    responses["default"] = _documentation([UNEXPECTED], instance)
    return responses


def _documentation(kinds: Sequence[ProblemKind], instance: str) -> dict[str, Any]:
    examples = {str(kind.slug): {"summary": kind.title, "value": _example(kind, instance)} for kind in kinds}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    return {"description": " / ".join(kind.title for kind in kinds), "content": {MEDIA_TYPE: content}}


def _example(kind: ProblemKind, instance: str) -> dict[str, JsonValue]:
    field, _, detail = kind.example.partition(": ")
    errors = [FieldProblem(field=field, detail=detail, given=0)] if kind is VALIDATION else None
    incident = kind.example.rpartition(" ")[2] if kind is UNEXPECTED else None
    return _content(kind, kind.example, instance, errors, incident)


def _content(
    kind: ProblemKind, detail: str, instance: str, errors: Sequence[FieldProblem] | None, incident: str | None
) -> dict[str, JsonValue]:
    """The members that apply and no others: a ``given`` of null is something that was given."""
    problem = Problem(type=kind.type, title=kind.title, status=kind.status, detail=detail, instance=instance)
    applying = {"errors": errors, "incident": incident}
    problem = problem.model_copy(update={name: value for name, value in applying.items() if value is not None})
    return problem.model_dump(mode="json", exclude_unset=True)
