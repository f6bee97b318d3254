"""The part of the client that has to do with experiments."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from migperf.client.experiment_models import (
    CompatibilityView,
    ExperimentDetail,
    ExperimentList,
    ExperimentPlanView,
    ExperimentView,
    ResumedView,
)
from migperf.client.transport import Query, Transport

Document = Mapping[str, Any]
"""An experiment as its file says it; see migperf.experiments.document."""


class _Connected(Protocol):
    _transport: Transport


class ExperimentCalls:
    """What a client can ask about experiments. Every call raises ApiNotFoundError for one that does not exist."""

    def plan_experiment(self: _Connected, document: Document) -> ExperimentPlanView:
        """Return what submitting the experiment would do. Raises RequestRefusedError naming the place in the file."""
        answer = self._transport.send("POST", "/v1/experiments/plan", json=document)
        return self._transport.parse(ExperimentPlanView, answer)

    def submit_experiment(self: _Connected, document: Document) -> ExperimentView:
        """Queue all runs of the experiment. Raises RequestRefusedError naming the place in the file."""
        answer = self._transport.send("POST", "/v1/experiments", json=document, repeatable=False)
        return self._transport.parse(ExperimentView, answer)

    def experiments(self: _Connected, limit: int = 50) -> Iterator[ExperimentView]:
        """Yield at most so many experiments, newest first."""
        query: Query = [("limit", str(min(limit, 200)))]
        while limit > 0:
            page = self._transport.get(ExperimentList, "/v1/experiments", query)
            yield from page.items[:limit]
            limit -= len(page.items)
            if page.next_cursor is None:
                return
            query = [("limit", str(min(max(limit, 1), 200))), ("cursor", page.next_cursor)]

    def experiment(self: _Connected, experiment_id: str) -> ExperimentDetail:
        """Return the experiment with its cells."""
        return self._transport.get(ExperimentDetail, experiment_path(experiment_id))

    def cancel_experiment(self: _Connected, experiment_id: str) -> ExperimentView:
        """Cancel what of it has not ended."""
        answer = self._transport.send("POST", f"{experiment_path(experiment_id)}/cancel")
        return self._transport.parse(ExperimentView, answer)

    def resume_experiment(self: _Connected, experiment_id: str) -> int:
        """Queue again what failed or was cancelled; return how many repeats of cells."""
        answer = self._transport.send("POST", f"{experiment_path(experiment_id)}/resume", repeatable=False)
        return self._transport.parse(ResumedView, answer).queued

    def delete_experiment(self: _Connected, experiment_id: str) -> None:
        """Delete an experiment that has ended, with its runs."""
        self._transport.send("DELETE", experiment_path(experiment_id))

    def experiment_report(self: _Connected, experiment_id: str) -> bytes:
        """Return the report, HTML, of what there is by now."""
        return self._transport.send("GET", f"{experiment_path(experiment_id)}/report").content

    def experiment_results(self: _Connected, experiment_id: str, form: str = "csv") -> bytes:
        """Return every figure of every run as ``csv`` or ``parquet``."""
        return self._transport.send(
            "GET", f"{experiment_path(experiment_id)}/results", params=[("format", form)]
        ).content

    def experiment_compatibility(self: _Connected, experiment_id: str) -> CompatibilityView:
        """Return which framework works where, by the probes of the experiment so far."""
        return self._transport.get(CompatibilityView, f"{experiment_path(experiment_id)}/compatibility")


def experiment_path(experiment_id: str) -> str:
    """Return the path of an experiment."""
    return f"/v1/experiments/{quote(experiment_id, safe='')}"
