"""The client: one method for everything that the REST service offers under ``/v1``."""

import math
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, Unpack
from urllib.parse import quote, urljoin

from httpx import codes
from pydantic import BaseModel

from migperf.access.api_key import ApiKey, NotAKeyError
from migperf.client.advice_calls import AdviceCalls
from migperf.client.alert_calls import AlertCalls
from migperf.client.comparison_calls import ComparisonCalls
from migperf.client.errors import LayoutTimeoutError, RunDeletedError
from migperf.client.events import EventStream, Followed, run_event
from migperf.client.experiment_calls import ExperimentCalls
from migperf.client.files import written
from migperf.client.gpu_models import (
    GpuDetail,
    GpuList,
    GpuView,
    LayoutChangeView,
    LayoutCheck,
    LayoutPlan,
    LayoutState,
    LegalLayoutList,
    LegalLayoutView,
)
from migperf.client.history_calls import HistoryCalls
from migperf.client.import_calls import ImportCalls
from migperf.client.key_calls import KeyCalls
from migperf.client.models import (
    ArtifactList,
    ArtifactView,
    BenchmarkReading,
    EndEvent,
    Health,
    NodeList,
    NodeView,
    PartitionList,
    PartitionView,
    Readiness,
    Result,
    RunEvent,
    RunPage,
    RunView,
    Timeline,
    TimelineItem,
    WorkloadDetail,
    WorkloadList,
    WorkloadView,
)
from migperf.client.query import RunQuery, query_parameters
from migperf.client.roofline_models import RooflineView
from migperf.client.run_table_calls import RunTableCalls
from migperf.client.schedule_calls import ScheduleCalls
from migperf.client.series_calls import SeriesCalls, run_path
from migperf.client.transport import Query, Transport
from migperf.errors import ConfigurationError

if TYPE_CHECKING:
    from migperf.store.requests import RunRequest

_SOONEST_S, _LATEST_S = 0.1, 1.0


class Client(
    SeriesCalls,
    RunTableCalls,
    ComparisonCalls,
    ExperimentCalls,
    ScheduleCalls,
    HistoryCalls,
    ImportCalls,
    AdviceCalls,
    AlertCalls,
    KeyCalls,
):
    """A connection to one service. Close it, or use it in a ``with`` statement.

    ``url`` defaults to the one that the settings (``MIGPERF_URL``) name, ``api_key`` to ``MIGPERF_API_KEY``,
    ``timeout_s`` bounds one request, and ``patience_s`` is how long watching survives a service that has gone away.
    Errors are all ``MigperfClientError``; a key that is none, or a URL, raises ConfigurationError at once.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_s: float = 30.0,
        patience_s: float = 60.0,
    ) -> None:
        self._transport = Transport(url or _configured_url(), timeout_s, _key_of(api_key))
        self._patience_s = patience_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where the service is, without a trailing slash."""
        return self._transport.url

    def page_of(self, run: RunView) -> str:
        """Return the URL of the run's page for people."""
        return urljoin(self.url, run.page)

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def submit(self, request: "RunRequest | Mapping[str, Any]", idempotency_key: str | None = None) -> RunView:
        """Submit a benchmark and return its run, ``replayed`` if the key had been used for the same request before.

        A submission whose connection breaks is sent again under the same key, so it makes one run at most; give a key
        of your own to extend that to several calls.
        """
        body = request.model_dump(mode="json") if isinstance(request, BaseModel) else dict(request)
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        response = self._transport.send("POST", "/v1/runs", json=body, headers=headers)
        run = self._transport.parse(RunView, response)
        return run.model_copy(update={"replayed": response.headers.get("Idempotent-Replayed") == "true"})

    def read_benchmark(self, request: "RunRequest | Mapping[str, Any]") -> BenchmarkReading:
        """Return a submission's benchmark with every default written out, and its fingerprint; nothing is submitted.

        Raises RequestRefusedError naming the fields.
        """
        body = request.model_dump(mode="json") if isinstance(request, BaseModel) else dict(request)
        return self._transport.parse(BenchmarkReading, self._transport.send("POST", "/v1/benchmark", json=body))

    def run(self, run_id: str) -> RunView:
        """Return the run as it is now."""
        return self._transport.get(RunView, run_path(run_id))

    def runs(self, **query: Unpack[RunQuery]) -> Iterator[RunView]:
        """Iterate over the runs that the filters leave, newest first unless sorted otherwise, page by page."""
        return islice(self._all_runs(query_parameters(query)), query.get("limit"))

    def _all_runs(self, parameters: Query) -> Iterator[RunView]:
        cursor: str | None = None
        while True:
            at = [("cursor", cursor)] if cursor is not None else []
            page = self._transport.get(RunPage, "/v1/runs", [*parameters, *at])
            yield from page.items
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def cancel(self, run_id: str) -> RunView:
        """Cancel a run that has not ended. Raises ApiConflictError when it ended in another way."""
        return self._transport.parse(RunView, self._transport.send("POST", run_path(run_id, "cancel")))

    def delete(self, run_id: str) -> None:
        """Delete a run that has ended, and all that belongs to it. Raises ApiConflictError while it has not."""
        self._transport.send("DELETE", run_path(run_id), repeatable=False)

    def result(self, run_id: str) -> Result:
        """Return the figures of the run; none until it has a result."""
        return self._transport.get(Result, run_path(run_id, "result"))

    def roofline(self, run_id: str) -> RooflineView:
        """Return the run held against the latest calibration of its partition."""
        return self._transport.get(RooflineView, run_path(run_id, "roofline"))

    def timeline(self, run_id: str) -> tuple[TimelineItem, ...]:
        """Return what happened to the run, in order."""
        return self._transport.get(Timeline, run_path(run_id, "timeline")).items

    def log(self, run_id: str, attempt: int | None = None) -> str:
        """Return what the run's child wrote: of its latest attempt, or of the one given."""
        query = [] if attempt is None else [("attempt", str(attempt))]
        return self._transport.send("GET", run_path(run_id, "log"), params=query).text

    def artifacts(self, run_id: str) -> tuple[ArtifactView, ...]:
        """Return the documents that the run left behind."""
        return self._transport.get(ArtifactList, run_path(run_id, "artifacts")).items

    def artifact(self, run_id: str, name: str) -> bytes:
        """Return one document of the run."""
        return self._transport.send("GET", run_path(run_id, "artifacts", name)).content

    def save_artifact(self, run_id: str, name: str, file: Path | BinaryIO) -> int:
        """Write one document of the run into a file and return its size, bytes. A named file appears when whole."""
        with self._transport.stream(run_path(run_id, "artifacts", name)) as pieces, written(file) as opened:
            return sum(opened.write(piece) for piece in pieces)

    def watch(self, run_id: str, timeout_s: float | None = None) -> Iterator[RunEvent]:
        """Iterate over what happens to the run, from its beginning to its end, across dropped connections.

        The last event is an EndEvent, or a GoneEvent if the run is deleted.
        Raises WaitTimeoutError after ``timeout_s``.
        """
        path = run_path(run_id, "events")
        read = partial(run_event, run_id=run_id, url=self.url + path)
        return iter(EventStream(self._transport, Followed(run_id, path), read, self._patience_s, timeout_s))

    def wait(self, run_id: str, timeout_s: float | None = None) -> RunView:
        """Wait for the end of the run and return it. Raises WaitTimeoutError and RunDeletedError."""
        for event in self.watch(run_id, timeout_s):
            if isinstance(event, EndEvent):
                return event.run
        raise RunDeletedError(run_id)

    def workloads(self) -> tuple[WorkloadView, ...]:
        """Return the workloads that the service knows."""
        return self._transport.get(WorkloadList, "/v1/workloads").items

    def workload(self, name: str) -> WorkloadDetail:
        """Return one workload with its parameters as JSON Schema."""
        return self._transport.get(WorkloadDetail, f"/v1/workloads/{quote(name, safe='')}")

    def partitions(self) -> tuple[PartitionView, ...]:
        """Return the partitions of all nodes."""
        return self._transport.get(PartitionList, "/v1/partitions").items

    def gpus(self) -> tuple[GpuView, ...]:
        """Return the GPUs of all nodes, and what is on each."""
        return self._transport.get(GpuList, "/v1/gpus").items

    def gpu(self, uuid: str) -> GpuDetail:
        """Return one GPU with the profiles that it offers, even if its node no longer has it."""
        return self._transport.get(GpuDetail, _gpu_path(uuid))

    def layouts(
        self, uuid: str, full: bool = True, contains: Iterable[str] = (), beside: str | None = None
    ) -> tuple[LegalLayoutView, ...]:
        """Return the layouts that a GPU can have; without ``full`` also those to which something can be added.

        ``contains`` names profiles that they must have. With ``beside`` nothing has to move: ``current`` for what is
        there, or a layout with places. Raises ApiConflictError for a GPU without MIG.
        """
        query = [("full", str(full).lower()), *(("contains", profile) for profile in contains)]
        query += [] if beside is None else [("beside", beside)]
        return self._transport.get(LegalLayoutList, _gpu_path(uuid, "layouts"), query).items

    def check_layout(self, layout: str, board: str | None = None, gpu: str | None = None) -> LayoutCheck:
        """Return whether a board that is known, or a GPU of the service, can be cut so, and what could be added.

        Raises RequestRefusedError for a layout that cannot be read, and unless one of ``board`` and ``gpu`` is given.
        """
        body = {"board": board, "gpu": gpu, "layout": layout}
        return self._transport.parse(LayoutCheck, self._transport.send("POST", "/v1/layouts/check", json=body))

    def layout(self, uuid: str) -> LayoutState:
        """Return how a GPU is cut, and what is to become of that."""
        return self._transport.get(LayoutState, _gpu_path(uuid, "layout"))

    def plan_layout(self, uuid: str, layout: str) -> LayoutPlan:
        """Return what it would take to cut a GPU so; changes nothing. Raises RequestRefusedError if it cannot be."""
        response = self._transport.send(
            "PUT", _gpu_path(uuid, "layout"), params=[("dry_run", "true")], json={"layout": layout}
        )
        return self._transport.parse(LayoutPlan, response)

    def set_layout(
        self, uuid: str, layout: str, force: bool = False, wait: bool = False, keep: bool = False
    ) -> LayoutChangeView | None:
        """Have a GPU cut so and return the change, which has yet to be made; None if it is cut so already.

        Of runs in the way, ``force`` has them put back into the queue and ``wait`` lets them end; without either they
        raise ApiConflictError. ``keep`` applies the layout again after each boot.
        Raises RequestRefusedError for a layout that the GPU cannot have.
        """
        body = {"layout": layout, "force": force, "wait": wait, "keep": keep}
        response = self._transport.send("PUT", _gpu_path(uuid, "layout"), json=body)
        accepted = response.status_code == codes.ACCEPTED
        return self._transport.parse(LayoutChangeView, response) if accepted else None

    def forget_kept_layout(self, uuid: str) -> None:
        """Have no layout applied to a GPU after a boot any more."""
        self._transport.send("DELETE", _gpu_path(uuid, "layout", "kept"))

    def layout_change(self, change_id: str) -> LayoutChangeView:
        """Return a layout change as it is now."""
        return self._transport.get(LayoutChangeView, _change_path(change_id))

    def wait_for_layout(self, change_id: str, timeout_s: float | None = None) -> LayoutChangeView:
        """Wait until a layout change has ended, however it ends, and return it. Raises LayoutTimeoutError."""
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        for pause_s in _pauses_s():
            change = self.layout_change(change_id)
            if change.state.is_final:
                return change
            left_s = deadline - time.monotonic()
            if timeout_s is not None and left_s <= 0:
                raise LayoutTimeoutError(change_id, timeout_s)
            time.sleep(min(pause_s, left_s))
        raise AssertionError("pauses do not end")

    def cancel_layout_change(self, change_id: str) -> LayoutChangeView:
        """Cancel a layout change. Raises ApiConflictError when it has begun."""
        return self._transport.parse(LayoutChangeView, self._transport.send("POST", _change_path(change_id, "cancel")))

    def nodes(self) -> tuple[NodeView, ...]:
        """Return the nodes."""
        return self._transport.get(NodeList, "/v1/nodes").items

    def health(self) -> Health:
        """Return that the service's process is up, and its version."""
        return self._transport.get(Health, "/v1/health")

    def ready(self) -> Readiness:
        """Return that the service can take runs. Raises ServiceError naming what is missing."""
        return self._transport.get(Readiness, "/v1/ready")


def _configured_url() -> str:
    from migperf.settings import load_settings

    return load_settings().api_url


def _key_of(given: str | None) -> ApiKey | None:
    """Return the key that was given, else that of the environment; None where there is none."""
    text, what = (given, "api_key") if given is not None else (os.environ.get("MIGPERF_API_KEY"), "MIGPERF_API_KEY")
    if not text:
        return None
    try:
        return ApiKey.parse(text.strip(), f"{what} (or --api-key)" if given is None else what)
    except NotAKeyError as error:
        raise ConfigurationError(str(error)) from None


def _gpu_path(uuid: str, *below: str) -> str:
    return "/".join(("/v1/gpus", quote(uuid, safe=""), *below))


def _change_path(change_id: str, *below: str) -> str:
    return "/".join(("/v1/layout-changes", quote(change_id, safe=""), *below))


def _pauses_s() -> Iterator[float]:
    """Yield how long to wait before each further look: soon at first, later on every second."""
    pause_s = _SOONEST_S
    while True:
        yield pause_s
        pause_s = min(_LATEST_S, 1.5 * pause_s)
