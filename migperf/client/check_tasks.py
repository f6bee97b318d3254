"""What a check has to run: each benchmark on one class of partitions, and the baseline that it is held against."""

import glob
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from migperf.client.baselines import Baseline, baselines, baselines_of, nothing_found
from migperf.client.check_models import CheckPlan
from migperf.client.client import Client
from migperf.client.models import BenchmarkReading, BenchmarkView

CHECK_LABEL = "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckTask:
    """A benchmark to be run. ``baseline`` is None where there is none, and ``why_not`` says why it is not run then."""

    benchmark: BenchmarkView
    fingerprint: str
    request: Mapping[str, Any]
    baseline: Baseline | None
    why_not: str | None = None


def tasks(client: Client, plan: CheckPlan, label: str) -> tuple[CheckTask, ...]:
    """Return what has to be run, labelled so. Raises CannotCheckError and RequestRefusedError."""
    labels = {**plan.labels, CHECK_LABEL: label}
    if not plan.documents:
        return tuple(_of_baseline(found, labels) for found in baselines(client, plan))
    return tuple(task for document in plan.documents for task in _of_document(client, plan, document, labels))


def _of_baseline(baseline: Baseline, labels: Mapping[str, str]) -> CheckTask:
    """Return the benchmark of a baseline, treated as its newest run was."""
    run = baseline.newest
    treatment = {
        "priority": run.priority,
        "timeout_s": run.timeout_s,
        "retry_limit": run.retry_limit,
        "taint_retry_limit": run.taint_retry_limit,
    }
    request = run.benchmark.model_dump(mode="json") | treatment | {"labels": labels, "in_history": False}
    return CheckTask(
        benchmark=run.benchmark,
        fingerprint=run.fingerprint,
        request=_placed(request, run.benchmark, baseline),
        baseline=baseline,
        why_not=_not_comparable(run.benchmark),
    )


def _of_document(
    client: Client, plan: CheckPlan, document: Mapping[str, Any], labels: Mapping[str, str]
) -> Iterator[CheckTask]:
    """Yield the benchmark of a document for each class of partitions that it has a baseline on.

    What is checked is often no version that anybody runs yet, so it is in no history unless the document says so.
    """
    reading = client.read_benchmark(document)
    request = {"in_history": False, **document, "labels": {**document.get("labels", {}), **labels}}
    found = baselines_of(client, plan, reading)
    if not found:
        yield _without_baseline(client, plan, reading)
    for baseline in found:
        yield CheckTask(
            benchmark=reading.benchmark,
            fingerprint=reading.fingerprint,
            request=_placed(request, reading.benchmark, baseline),
            baseline=baseline,
            why_not=_not_comparable(reading.benchmark),
        )


def _without_baseline(client: Client, plan: CheckPlan, reading: BenchmarkReading) -> CheckTask:
    return CheckTask(
        benchmark=reading.benchmark,
        fingerprint=reading.fingerprint,
        request={},
        baseline=None,
        why_not=nothing_found(client, plan, {"fingerprint": reading.fingerprint}),
    )


def _placed(request: dict[str, Any], benchmark: BenchmarkView, baseline: Baseline) -> dict[str, Any]:
    """Return the request for the baseline's class of partitions: where it may run, narrowed."""
    place = baseline.place
    narrowed = {"kind": place.kind, "profile": place.profile, "gpu_model": glob.escape(place.model)}
    return request | {"where": benchmark.where | narrowed}


def _not_comparable(benchmark: BenchmarkView) -> str | None:
    """Return why runs of a benchmark say nothing of its speed, None if they do."""
    if benchmark.search is None:
        return None
    kind = benchmark.search.get("kind")
    return f"it searches ({kind}), and what its steps take depends on what the search tried; check it without a search"
