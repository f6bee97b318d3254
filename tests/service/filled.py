"""A running service filled over REST with what its pages show, all of it measured: for tests of every page.

``scripts/screenshots.py`` fills a service with it as well.
"""

import json
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.service.harness import Service

FIXED = {"warmup_s": 0.2, "steady_within": None, "precision": None}
"""Phases end by time."""
ON_CPU = {"kind": "cpu"}
WAITS: dict[str, Any] = {"workload": "known-service", "scenario": "single_stream", "parameters": {"waiting": "sleep"}}
BEFORE, AFTER = 24, 8
"""Points of the history before and after it gets worse."""
TRIES = 15
"""Of which the fastest is a point."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the service is filled with measurements of."""

    infers: Mapping[str, Any]
    trains: Mapping[str, Any]
    title: str
    axes: Mapping[str, Any]
    min_s: float
    point_s: float = 0
    """How long each point of a history takes at least, so that its times can be told apart."""
    patience_s: float = 180
    """How long all runs of one kind may take."""


QUICK = Subject(
    infers={"workload": "matrix-product", "parameters": {"size": 128}},
    trains={"workload": "null"},
    title="The product of matrices by size and scenario",
    axes={
        "benchmark.parameters.size": [64, 128, 256],
        "benchmark.scenario": ["single_stream", "offline"],
    },
    min_s=0.3,
)
MODEL = Subject(
    infers={"workload": "resnet18", "parameters": {"batch_size": 1, "image_size": 64}},
    trains={"workload": "resnet18", "parameters": {"image_size": 32, "batch_size": 4}},
    title="ResNet-18 by batch and image size",
    axes={
        "benchmark.parameters.batch_size": [1, 2, 4, 8],
        "benchmark.parameters.image_size": [32, 48, 64],
    },
    min_s=4,
    point_s=2,
    patience_s=900,
)


@dataclass(frozen=True, kw_only=True)
class Filled:
    """Ids of what the service was filled with."""

    runs: Mapping[str, str]
    """Ids by what became of the run."""
    gpu: str
    experiment: str
    schedule: str
    history: str
    regression: str

    def addresses(self) -> dict[str, Sequence[str]]:
        """Return, by path, addresses of pages that have parameters, or that show more with some."""
        baseline, candidate, again = (self.runs[name] for name in ("baseline", "candidate", "again"))
        return {
            "/advisor": [
                "/advisor?services.0.name=a&services.0.benchmark.workload=resnet50&services.0.rate_per_s=x&measured.0.of=b",
                "/advisor?gpus.0.model=A100-SXM4-80GB&gpus.0.count=2&training.0.name=a&interference.0.of=a",
            ],
            "/compare": [
                f"/compare?baseline={baseline}&candidate={candidate}",
                f"/compare?baseline={baseline}&candidate={candidate}&candidate={again}",
            ],
            "/experiments/new": [f"/experiments/new?from={self.experiment}"],
            "/experiments/{experiment_id}": [f"/experiments/{self.experiment}"],
            "/histories/{history_id}": [f"/histories/{self.history}"],
            "/layouts": [f"/layouts?gpu={self.gpu}", "/layouts?board=a100-80gb&layout=3g.40gb%404"],
            "/problems/{slug}": ["/problems/validation"],
            "/regressions": ["/regressions?state=resolved"],
            "/regressions/{regression_id}": [f"/regressions/{self.regression}"],
            "/runs": ["/runs?state=failed&state=timed_out", f"/runs?sort=-duration_s&column=labels&pick={baseline}"],
            "/runs/{run_id}": [f"/runs/{run}" for run in self.runs.values()],
            "/schedules/new": [f"/schedules/new?run={baseline}"],
            "/schedules/{schedule}": [f"/schedules/{self.schedule}"],
            "/schedules/{schedule}/edit": [f"/schedules/{self.schedule}/edit"],
            "/submit": [f"/submit?run={baseline}"],
            "/v1/experiments/{experiment_id}/report": [f"/v1/experiments/{self.experiment}/report"],
            "/workloads/{name}": ["/workloads/resnet18", "/workloads/matrix-product"],
        }


def fill(running: Service, subject: Subject = QUICK) -> Filled:
    """Fill a service that has a simulated H100. One run goes on afterwards, and one waits."""
    filling = _Filling(running, subject)
    gpu = filling.cut_gpu("3g.40gb+2x2g.20gb")
    filling.tell_somebody()
    ended = filling.ended_runs()
    experiment, schedule = filling.experiment(), filling.schedule()
    history, regression = filling.regression()
    return Filled(
        runs=ended | filling.lasting_runs(),
        gpu=gpu,
        experiment=experiment,
        schedule=schedule,
        history=history,
        regression=regression,
    )


def worsened_history(running: Service) -> tuple[str, str]:
    """Import a history that gets worse, and wait until that is noticed; return the ids of history and regression."""
    return _Filling(running, QUICK).regression()


class _Filling:
    def __init__(self, running: Service, subject: Subject) -> None:
        self._running, self._subject = running, subject
        self._method = {**FIXED, "min_s": subject.min_s}

    def cut_gpu(self, layout: str) -> str:
        """Cut the GPU, and wait until it is; return its UUID."""
        (gpu,) = self._running.http.get("/v1/gpus").json()["items"]
        answer = self._running.http.put(f"/v1/gpus/{gpu['uuid']}/layout", json={"layout": layout})
        assert answer.status_code == 202, answer.text
        url = answer.json()["url"]
        self._wait(lambda: self._running.http.get(url).json()["state"] == "applied", "the GPU is not cut")
        return str(gpu["uuid"])

    def tell_somebody(self) -> None:
        """Add a channel that answers to nobody, so that deliveries have an error to show."""
        self._post("/v1/channels", {"kind": "webhook", "name": "ci", "url": "https://ci.invalid/hook"})

    def ended_runs(self) -> dict[str, str]:
        """Submit runs that end in several ways; return their ids once they have."""
        on_cpu = {"where": ON_CPU, "method": self._method}
        one_by_one = {**self._subject.infers, **on_cpu, "scenario": "single_stream"}
        asked = {
            "baseline": {**one_by_one, "profile": True, "labels": {"commit": "4f1c2d7"}},
            "candidate": {**one_by_one, "labels": {"commit": "9b07e55"}},
            "again": {**one_by_one, "labels": {"commit": "9b07e55"}},
            "batched": {**one_by_one, "scenario": "offline"},
            "trained": {**self._subject.trains, **on_cpu, "scenario": "train"},
            "served": {**WAITS, **on_cpu, "scenario": "server", "load": {"rate_per_s": 200}},
            "simulated": {**WAITS, "method": self._method, "where": {"simulated": True, "profile": "2g.20gb"}},
            "failed": {**one_by_one, "method": {**self._method, "min_s": 60}, "timeout_s": 1.5},
        }
        runs = {name: self._running.submit(**request) for name, request in asked.items()}
        for run in runs.values():
            self._running.finish(run, self._subject.patience_s)
        return runs

    def lasting_runs(self) -> dict[str, str]:
        """Submit a run that goes on for an hour and one that there is no place for; return their ids."""
        method = {**self._method, "min_s": 3600, "max_s": 3600}
        begun = self._running.submit(**WAITS, method=method, where={"simulated": True, "profile": "3g.40gb"})
        self._running.measuring(begun)
        return {"running": begun, "queued": self._running.submit(**WAITS, where={"gpu_model": "B200"})}

    def experiment(self) -> str:
        """Perform an experiment of few cells; return its id."""
        document = {
            "migperf": 1,
            "name": "sizes",
            "title": self._subject.title,
            "where": ON_CPU,
            "benchmark": {
                "workload": self._subject.infers["workload"],
                "scenario": "single_stream",
                "method": self._method,
            },
            "matrix": self._subject.axes,
            "repeats": 2,
        }
        url = self._post("/v1/experiments", document)["url"]
        self._wait(lambda: self._running.http.get(url).json()["finished_at"] is not None, "the experiment does not end")
        return str(url).rpartition("/")[2]

    def schedule(self) -> str:
        """Add a schedule and fire it once; return its id."""
        benchmark = {**WAITS, "method": self._method, "where": ON_CPU}
        document = {"migperf": 1, "name": "nightly", "title": "A waiting payload, every night", "cron": "30 2 * * *"}
        schedule = self._post("/v1/schedules", {**document, "time_zone": "Europe/Berlin", "benchmark": benchmark})
        fired = self._post(f"{schedule['url']}/fire", None)
        self._running.finish(str(fired["run"]).rpartition("/")[2], 120)
        return str(schedule["id"])

    def regression(self) -> tuple[str, str]:
        """Import a history that gets worse and wait until that is noticed; return the ids of both."""
        points = [_measured(self._subject.point_s, streamed=number >= BEFORE) for number in range(BEFORE + AFTER)]
        history = self._import(points)
        found: list[str] = []

        def is_noticed() -> bool:
            items = self._running.http.get("/v1/regressions", params={"history": history}).json()["items"]
            found[:] = [str(item["id"]) for item in items]
            return bool(found)

        self._wait(is_noticed, "the regression is not noticed")
        return history, found[0]

    def _import(self, points: Sequence[Mapping[str, Any]]) -> str:
        document = {
            "format": "migperf-histories",
            "version": 1,
            "tool": "stopwatch",
            "histories": [
                {
                    "name": "json.dumps",
                    "parameters": {"records": len(RECORDS)},
                    "hardware": {"machine": platform.machine()},
                    "metrics": {"duration": {"unit": "ms", "better": "lower"}},
                    "points": points,
                }
            ],
        }
        (item,) = self._post("/v1/histories/import?watch=true", document)["items"]
        return str(item["id"])

    def _post(self, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        answer = self._running.http.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def _wait(self, condition: Any, complaint: str) -> None:
        waited_s = self._subject.patience_s
        self._running.until(condition, waited_s, lambda: f"{complaint}: {self._running.log('scheduler')}")


RECORDS = [{f"field-{number % 17}": number, "name": f"record {number}", "tags": ["a", "b"]} for number in range(400)]


def _measured(over_s: float, *, streamed: bool) -> dict[str, Any]:
    """Time the encoder of JSON, which is written in Python where it streams and in C where it does not.

    The least of some times counts, spread over so many seconds, since others may use the core.
    """
    times_ns = []
    for _ in range(TRIES):
        time.sleep(over_s / TRIES)
        begun = time.perf_counter_ns()
        if streamed:
            "".join(json.JSONEncoder().iterencode(RECORDS))
        else:
            json.dumps(RECORDS)
        times_ns.append(time.perf_counter_ns() - begun)
    return {
        "time": datetime.now(UTC).isoformat(),
        "figures": {"duration": {"value": min(times_ns) / 1e6}},
        "environment": {"python": platform.python_version(), "encoder": "Python" if streamed else "C"},
    }
