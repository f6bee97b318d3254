"""How long pages take on the server with 100,000 runs stored, and how soon a run of a million samples is drawn.

The database holds that many runs of eight benchmarks on four partitions, each with ten figures and two labels, and
forty histories, one of 10,000 points. The API is a process of its own on that database; each page is asked for again
and again over one connection, and the time until its whole body has arrived is printed: median and p95. With --browser,
Chromium opens pages and says when they were drawn.

    python benchmarks/pages.py --postgresql postgresql://postgres@127.0.0.1/postgres --browser
"""

import argparse
import html
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import numpy as np
from store_databases import POSTGRESQL, SQLITE, analysed, throw_away
from uuid_utils.compat import uuid7

from migperf.gpus.inventory import Inventory
from migperf.gpus.partition import Partition, PartitionKind
from migperf.measure.benchmark import Benchmark, Scenario
from migperf.measure.timing_log import timing_metric
from migperf.metrics.series import Chunk, SeriesUpdate
from migperf.store import nodes, schema, series
from migperf.store.bulk import copy_rows, insert_rows
from migperf.store.database import Database
from migperf.store.history_tables import PointRow
from migperf.store.judging import judge_history
from migperf.store.models import Label, ResultRow, Run
from migperf.store.new_points import NewHistory, history_of
from migperf.store.run_search import search_text
from migperf.store.states import RunState

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_NEXT = re.compile(r'<a rel="next" href="([^"]+)"')
MOST_P95_MS = 100.0
MOST_DRAWN_MS = 1_000.0
PARTITIONS = tuple(
    Partition(uuid=f"CPU-{number}", kind=PartitionKind.CPU, model="a processor", cpus=tuple(range(8)))
    for number in range(4)
)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
FIGURES = (
    "throughput",
    "latency_mean",
    "latency_p50",
    "latency_p90",
    "latency_p95",
    "latency_p99",
    "latency_p99.9",
    "peak_rss",
    "energy",
    "energy_per_sample",
)
PAGES = (
    "/",
    "/runs",
    "/runs?state=failed",
    "/runs?state=succeeded",
    "/runs?state=succeeded&sort=-priority",
    "/runs?workload=matrix-product&sort=-finished_at",
    "/runs?workload=matrix-product",
    "/runs?workload=no-such-workload&sort=-priority",
    "/runs?scenario=train",
    "/runs?tainted=true",
    "/runs?kind=cpu",
    "/runs?gpu_model=*processor*",
    "/runs?gpu_model=*processor*&sort=-finished_at",
    "/runs?partition=CPU-1",
    "/runs?partition=CPU-1&sort=workload",
    "/runs?label=commit%3Dc77",
    "/runs?label=team%3Da",
    "/runs?label=team%3Da&label=commit%3Dc77&sort=-finished_at",
    "/runs?text=commit",
    "/runs?text=commit%3Dc77",
    "/runs?text=no-such-word",
    "/runs?text=no-such-word&sort=-priority",
    "/runs?sort=workload&state=failed",
    "/runs?sort=-duration_s",
    "/runs?workload=matrix-product&sort=-duration_s",
    "/runs?state=failed&sort=duration_s",
    "/runs?text=no-such-word&sort=-duration_s",
    "/runs?created_before=2026-01-02T00:00:00Z&sort=-finished_at",
    "/runs/{run}",
    "/runs/{large_run}",
    "/experiments",
    "/experiments/new",
    "/schedules",
    "/schedules/new",
    "/alerts",
    "/histories",
    "/histories/{history}",
    "/histories/{long_history}",
    "/regressions",
    "/regressions?state=resolved",
    "/submit",
    "/workloads",
    "/workloads/matrix-product",
    "/layouts",
    "/advisor",
)
VIEWS = tuple(path for path in PAGES if path.partition("?")[0] == "/runs")
"""Of the table of runs: their second pages are asked for, too."""
DRAWN = "() => !document.querySelector('[data-loading], [aria-busy=true]')"
IN_BROWSER = ("/runs", "/runs/{large_run}", "/histories/{long_history}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much is stored."""

    runs: int = 100_000
    samples: int = 1_000_000
    histories: int = 40
    points: int = 10_000
    """Of the long history; others have a fiftieth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTime:
    """What one page took, ms, and how large it is."""

    path: str
    status: int
    median_ms: float
    p95_ms: float
    kib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out on one database. ``drawn_ms`` are times until pages were drawn in a browser, by path."""

    database: str
    shape: Shape
    asked: int
    pages: Sequence[PageTime]
    drawn_ms: Mapping[str, float]

    @property
    def holds(self) -> bool:
        """Whether every page is there, and as quick as it must be."""
        served = all(page.status == httpx.codes.OK and page.p95_ms < MOST_P95_MS for page in self.pages)
        return served and all(drawn < MOST_DRAWN_MS for drawn in self.drawn_ms.values())

    def as_text(self) -> str:
        """Return lines for people."""
        head = f"{self.database}: {self.shape.runs:,} runs; each page asked for {self.asked} times"
        rows = (
            f"  {page.path:60} {page.status} {page.median_ms:8.1f} ms, p95 {page.p95_ms:8.1f} ms, {page.kib:7.1f} KiB"
            for page in self.pages
        )
        drawn = (f"  drawn by Chromium: {path:27} {taken:8.0f} ms" for path, taken in self.drawn_ms.items())
        return "\n".join([head, *rows, *drawn])


def main() -> None:
    """Measure and print; exit status 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=Shape().runs, help="how many of them")
    parser.add_argument("--samples", type=int, default=Shape().samples, help="of the large run")
    parser.add_argument("--asked", type=int, default=60, help="how often each page is asked for")
    parser.add_argument("--postgresql", metavar="URL", help="a PostgreSQL server that may be given a database")
    parser.add_argument("--browser", action="store_true", help="see when Chromium has drawn pages, too")
    parser.add_argument("--json", metavar="OUT", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    shape = Shape(runs=arguments.runs, samples=arguments.samples)
    servers = {SQLITE: None, **({POSTGRESQL: arguments.postgresql} if arguments.postgresql else {})}
    reports = []
    for name, server in servers.items():
        reports.append(measure(name, server, shape, arguments.asked, browser=arguments.browser))
        print(reports[-1].as_text(), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(report) for report in reports], indent=2) + "\n")
    raise SystemExit(0 if all(report.holds for report in reports) else 1)


def measure(name: str, server: str | None, shape: Shape, asked: int, *, browser: bool) -> Report:
    """Return the figures of one kind of database."""
    with throw_away(server) as url:
        database = Database(url)
        schema.upgrade(database)
        known = fill(database, shape)
        analysed(database)
        database.close()
        with served(url) as base_url, httpx.Client(base_url=base_url, timeout=60) as http:
            pages = [_asked(http, path, path.format(**known), asked) for path in PAGES]
            pages += [_asked(http, f"{path} (next)", after, asked) for path in VIEWS if (after := _after(http, path))]
            drawn = drawn_ms(base_url, known) if browser else {}
    return Report(database=name, shape=shape, asked=asked, pages=pages, drawn_ms=drawn)


def _after(http: httpx.Client, view: str) -> str | None:
    """Return the path of a view's second page, None where it has one page."""
    link = _NEXT.search(http.get(view).text)
    return None if link is None else html.unescape(link[1])


def _asked(http: httpx.Client, called: str, path: str, times: int) -> PageTime:
    """Ask once to warm up, then so many times."""
    answer, took_ms = http.get(path), []
    for _ in range(times):
        began_s = time.perf_counter()
        answer = http.get(path)
        took_ms.append((time.perf_counter() - began_s) * 1e3)
    median, p95 = (float(np.quantile(took_ms, share)) for share in (0.5, 0.95))
    kib = len(answer.content) / 1024
    return PageTime(path=called, status=answer.status_code, median_ms=median, p95_ms=p95, kib=kib)


@contextmanager
def served(database_url: str) -> Iterator[str]:
    """Serve the API on that database by a process of its own; yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with TemporaryDirectory(prefix="migperf-pages-") as folder:
        settings = {"MIGPERF_DATABASE_URL": database_url, "MIGPERF_DATA_DIR": folder, "MIGPERF_PORT": str(port)}
        log = Path(folder) / "api.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "migperf", "api"], env=os.environ | settings, stdout=out, stderr=out
            )
        try:
            _wait_for(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the API ended: {log.read_text(errors='replace')[-2000:]}")
        try:
            httpx.get(f"{url}/v1/health")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the API does not answer")


def drawn_ms(base_url: str, known: Mapping[str, str]) -> dict[str, float]:
    """Return when pages were drawn: from the click until nothing is loading and two frames have passed."""
    from playwright.sync_api import sync_playwright

    drawn = {}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page()
        for called in IN_BROWSER:
            url = base_url + called.format(**known)
            page.goto(url, wait_until="networkidle")  # the second time is a reader's: scripts are cached
            page.wait_for_function(DRAWN)
            began_s = time.perf_counter()
            page.goto(url, wait_until="load")
            page.wait_for_function(DRAWN)
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            drawn[called] = (time.perf_counter() - began_s) * 1e3
        chromium.close()
    return drawn


def fill(database: Database, shape: Shape) -> dict[str, str]:
    """Store everything; return the ids that paths name."""
    with database.write() as session:
        inventory = Inventory((), PARTITIONS, BEGAN, "boot-1")
        node = nodes.Registration(name="node-1", incarnation="a", host="host", version="0", inventory=inventory)
        nodes.register(session, node, BEGAN, stale_s=20)
    ids = _runs(database, shape.runs)
    large_run = _large_run(database, ids[-1], shape.samples)
    histories = _histories(database, shape, ids)
    return {"run": ids[-2], "large_run": large_run, "history": histories[1], "long_history": histories[0]}


def _runs(database: Database, count: int) -> list[str]:
    """Store runs; return the ids of those that succeeded."""
    chance, ids = random.Random(1), []
    benchmarks = [
        Benchmark.model_validate(
            {"workload": "matrix-product", "scenario": "single_stream", "parameters": {"repetitions": size}}
        )
        for size in SIZES
    ]
    told = [(one.model_dump(mode="json"), one.fingerprint()) for one in benchmarks]
    for begin in range(0, count, 5_000):
        made = [_run(number, chance, told) for number in range(begin, min(count, begin + 5_000))]
        labels = {run["id"]: _labels(chance) for run in made}
        for run in made:
            run["search_text"] = search_text(run["workload"], labels[run["id"]])
        succeeded = [run for run in made if run["state"] is RunState.SUCCEEDED]
        ids += [run["id"] for run in succeeded]
        with database.write() as session:
            insert_rows(session, Run, made)
            copy_rows(session, ResultRow, [row for run in succeeded for row in _figures(run["id"], chance)])
            copy_rows(session, Label, [row for run_id, given in labels.items() for row in _label_rows(run_id, given)])
    return ids


def _run(number: int, chance: random.Random, told: Sequence[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    benchmark, fingerprint = chance.choice(told)
    at, took_s = BEGAN + timedelta(minutes=number), 29 + number % 1000 / 1000
    state = chance.choices((RunState.SUCCEEDED, RunState.FAILED, RunState.DOES_NOT_FIT), (94, 5, 1))[0]
    return {
        "id": str(uuid7()),
        "created_at": at,
        "state": state,
        "version": 5,
        "workload": benchmark["workload"],
        "scenario": benchmark["scenario"],
        "fingerprint": fingerprint,
        "benchmark": benchmark,
        "priority": 0,
        "timeout_s": 3600.0,
        "retry_limit": 2,
        "attempt": 1,
        "losses": 0,
        "partition": chance.choice(PARTITIONS).uuid,
        "progress": 1.0,
        "started_at": at + timedelta(seconds=1),
        "finished_at": at + timedelta(seconds=1 + took_s),
        "duration_s": took_s,
        "reason": None if state is RunState.SUCCEEDED else "RuntimeError: it broke",
        "clock_zero_ns": 0,
        "window_start_ns": 2_000_000_000,
        "window_end_ns": 28_000_000_000,
        "taints": [],
        "environment": {"torch": "2.13.0", "python": "3.12.4", "host": "one"},
        "history_due": False,
    }


def _figures(run_id: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    for position, name in enumerate(FIGURES):
        value = chance.lognormvariate(2, 0.5)
        yield {
            "run_id": run_id,
            "name": name,
            "position": position,
            "unit": "ms" if name.startswith("latency") else "1",
            "scope": "process",
            "value": value,
            "interval_low": value * 0.99,
            "interval_high": value * 1.01,
            "interval_level": 0.95,
            "interval_method": "batch means",
            "samples": 1000,
        }


def _labels(chance: random.Random) -> dict[str, str]:
    return {"commit": f"c{chance.randrange(500)}", "team": chance.choice("abcd")}


def _label_rows(run_id: str, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for key, value in labels.items():
        yield {"run_id": run_id, "key": key, "value": value}


def _large_run(database: Database, run_id: str, samples: int) -> str:
    """Give a run timings of so many steps within its window."""
    generator = np.random.default_rng(1)
    metric = timing_metric(Scenario.SINGLE_STREAM)
    time_ns = np.sort(generator.integers(0, 30_000_000_000, samples))
    value = generator.lognormal(0.0, 0.2, samples) * 30_000 / samples
    with database.write() as session:
        for begin in range(0, samples, 50_000):
            part = Chunk(time_ns[begin : begin + 50_000], value[begin : begin + 50_000])
            series.append(session, run_id, [SeriesUpdate(metric=metric, chunk=part)], 0)
    return run_id


def _histories(database: Database, shape: Shape, ids: Sequence[str]) -> list[str]:
    chance, made = random.Random(2), []
    for number in range(shape.histories):
        count = shape.points if number == 0 else shape.points // 50
        new = NewHistory(
            fingerprint=f"{number:064d}",
            hardware_key="0" * 64,
            hardware={"model": "a processor", "kind": "cpu"},
            title=f"matrix-product single_stream on a processor, {number}",
            workload="matrix-product",
            scenario="single_stream",
        )
        with database.write() as session:
            history = history_of(session, new, BEGAN, BEGAN)
            history.watch, history.pending, history.edition = {"confirm_runs": 0}, True, 1
            points = [_point(history.id, place, count, chance, ids) for place in range(count)]
            insert_rows(session, PointRow, points)
            history.latest_at = points[-1]["at"]
            made.append(history.id)
        judge_history(database, made[-1])
    return made


def _point(history_id: str, place: int, count: int, chance: random.Random, ids: Sequence[str]) -> dict[str, Any]:
    """A point of a history that gets slower by a tenth for its last twentieth."""
    level = 10.0 if place < count * 19 // 20 else 11.0
    value = level * chance.gauss(1, 0.01)
    run_id = ids[place % len(ids)]
    return {
        "history_id": history_id,
        "at": BEGAN + timedelta(hours=place),
        "origin": "run",
        "key": f"{run_id}-{place}",
        "run_id": run_id,
        "repeats": 1,
        "figures": {
            "latency_p50": {"value": value, "unit": "ms", "low": value * 0.99, "high": value * 1.01, "level": 0.95}
        },
        "environment": {"torch": "2.13.0", "driver_version": f"590.{place // 500}"},
        "changed": [],
        "taints": [],
    }


if __name__ == "__main__":
    main()
