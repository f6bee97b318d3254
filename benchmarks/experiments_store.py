"""How long what is asked of stored experiments takes, on SQLite and PostgreSQL: listings, views, passes, reports.

The database holds 200 experiments: one of 1,000 repeats of cells, the others of 95, each repeat a group of two runs,
each run with ten figures; about 20,000 groups and 40,000 runs. All of it has been settled but the newest ten
experiments, whose runs wait for a CPU that another run holds: the queue is read to its end, as by a pass that has a GPU
to give and finds nobody who wants it. Each question is asked in a fresh session; the median time, the least and the
number of statements are printed.

    python benchmarks/experiments_store.py --postgresql postgresql://postgres@127.0.0.1/postgres
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from sqlalchemy import event
from sqlalchemy.orm import Session
from store_databases import POSTGRESQL, SQLITE, analysed, throw_away
from uuid_utils.compat import uuid7

from api.links import Links
from api.routes.experiments import get_experiment, list_experiments
from api.routes.runs import list_runs
from api.schemas.queries import RunQuery
from migperf.analysis.experiments.report import render
from migperf.analysis.experiments.results import experiment_results
from migperf.experiments.group import GroupSpec
from migperf.gpus.inventory import Inventory
from migperf.gpus.partition import Partition, PartitionKind
from migperf.jobs.queue_reader import QueueReader
from migperf.store import groups, nodes, schema
from migperf.store.bulk import copy_rows, insert_rows
from migperf.store.database import Database
from migperf.store.models import CellRow, ExperimentRow, GroupRow, Label, ResultRow, Run
from migperf.store.queue import anything_to_do
from migperf.store.states import GroupState, RunState

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
CPU = Partition(uuid="CPU-1", kind=PartitionKind.CPU, model="a processor", cpus=tuple(range(8)))
SPEC = GroupSpec.model_validate(
    {
        "members": [
            {"role": role, "benchmark": {"workload": "resnet18", "scenario": "single_stream", "where": {"kind": "cpu"}}}
            for role in ("client", "neighbour")
        ],
        "sharing": "pinned",
    }
)
MOST_PASS_MS = 5.0
"""Of the quickest pass that finds nothing to do, which comes every second; others at work do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much is stored."""

    experiments: int = 200
    cells: int = 19
    repeats: int = 5
    large_cells: int = 10
    large_repeats: int = 100
    """Of the one experiment that is large."""
    waiting: int = 10
    """Experiments whose runs wait."""
    figures: int = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question took: the median time and the least, ms, and statements."""

    question: str
    median_ms: float
    least_ms: float
    statements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out on one database."""

    database: str
    shape: Shape
    groups: int
    runs: int
    asked: int
    answers: Sequence[Answer]

    @property
    def holds(self) -> bool:
        """Whether a pass that finds nothing to do is as quick as it must be."""
        return all(one.least_ms < MOST_PASS_MS for one in self.answers if one.question.startswith("pass at rest"))

    def as_text(self) -> str:
        """Return lines for people."""
        head = f"{self.database}: {self.shape.experiments} experiments, {self.groups:,} groups, {self.runs:,} runs"
        rows = (
            f"  {one.question:48} {one.median_ms:9.1f} ms, least {one.least_ms:8.1f} ms, "
            f"{one.statements} statement{'s' * (one.statements != 1)}"
            for one in self.answers
        )
        return "\n".join([f"{head}; medians of {self.asked}", *rows])


def main() -> None:
    """Measure and print; exit status 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=Shape().experiments, help="how many of them")
    parser.add_argument("--asked", type=int, default=11, help="how often each question is asked")
    parser.add_argument("--postgresql", metavar="URL", help="a PostgreSQL server that may be given a database")
    parser.add_argument("--json", metavar="OUT", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    servers = {SQLITE: None, **({POSTGRESQL: arguments.postgresql} if arguments.postgresql else {})}
    reports = []
    for name, server in servers.items():
        reports.append(measure(name, server, Shape(experiments=arguments.experiments), arguments.asked))
        print(reports[-1].as_text(), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(report) for report in reports], indent=2) + "\n")
    raise SystemExit(0 if all(report.holds for report in reports) else 1)


def measure(name: str, server: str | None, shape: Shape, asked: int) -> Report:
    """Return the figures of one kind of database."""
    with throw_away(server) as url:
        database = Database(url)
        schema.upgrade(database)
        stored = Stored(database, shape)
        stored.fill(settled=True)
        analysed(database)
        answers = [_asked(database, name, ask, asked) for name, ask in at_rest(database).items()]
        stored.fill(settled=False)
        analysed(database)
        answers += [_asked(database, name, ask, asked) for name, ask in questions(database, stored).items()]
        database.close()
    return Report(
        database=name, shape=shape, groups=stored.groups, runs=stored.runs, asked=asked, answers=tuple(answers)
    )


Ask = Callable[[], object]


def at_rest(database: Database) -> Mapping[str, Ask]:
    """Return what a pass asks while nothing waits."""
    return {
        "pass at rest: is there anything to do?": lambda: _in(database, lambda s: anything_to_do(s, BEGAN)),
        "pass at rest: groups to settle": lambda: _in(database, lambda s: groups.settle(s, BEGAN)),
    }


def questions(database: Database, stored: "Stored") -> Mapping[str, Ask]:
    """Return what users and passes ask, by what it is called."""
    links, large, newest = Links(""), stored.large, stored.newest
    return {
        "page of 50 experiments": lambda: list_experiments(database, links, 50, None).model_dump_json(),
        "view of an experiment": lambda: get_experiment(newest, database, links).model_dump_json(),
        "view of the large experiment": lambda: get_experiment(large, database, links).model_dump_json(),
        "page of 50 runs": lambda: list_runs(RunQuery(), database, links).model_dump_json(),
        "page of 50 runs of the newest experiment": lambda: _runs_of(database, links, newest),
        "page of 50 runs of the oldest, large experiment": lambda: _runs_of(database, links, large),
        "pass: is there anything to do?": lambda: _in(database, lambda s: anything_to_do(s, BEGAN)),
        "pass: groups to settle": lambda: _in(database, lambda s: groups.settle(s, BEGAN)),
        "pass: the queue to its end": lambda: _in(database, lambda s: list(QueueReader(s).waiting())),
        "results of the large experiment": lambda: _in(database, lambda s: experiment_results(s, large)),
        "report of the large experiment": lambda: _in(database, lambda s: render(experiment_results(s, large))),
    }


def _runs_of(database: Database, links: Links, experiment_id: str) -> str:
    return list_runs(RunQuery(experiment=experiment_id), database, links).model_dump_json()


def _in(database: Database, ask: Callable[[Session], object]) -> object:
    with database.read() as session:
        return ask(session)


def _asked(database: Database, question: str, ask: Ask, times: int) -> Answer:
    """Ask once to warm up and count statements, then so many times."""
    with _counted(database) as seen:
        ask()
    took_ms = []
    for _ in range(times):
        began_s = time.perf_counter()
        ask()
        took_ms.append((time.perf_counter() - began_s) * 1e3)
    return Answer(question, float(np.median(took_ms)), min(took_ms), len(seen))


@contextmanager
def _counted(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*about: Any) -> None:  # noqa: ANN401 - what SQLAlchemy tells: connection, cursor, statement, parameters
        if not about[2].startswith("BEGIN"):
            seen.append(about[2])

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


class Stored:
    """The rows, put in many at a time: the large experiment first, those that wait last."""

    def __init__(self, database: Database, shape: Shape) -> None:
        self._database, self._shape = database, shape
        self._number = 0
        self.groups = self.runs = 0
        self.large = self.newest = ""

    def fill(self, *, settled: bool) -> None:
        """Store what has been settled, with the node; or else what waits."""
        shape = self._shape
        if not settled:
            for _ in range(shape.waiting):
                self.newest = self._experiment(shape.cells, shape.repeats, settled=False)
            return
        with self._database.write() as session:
            inventory = Inventory((), (CPU,), BEGAN, "boot-1")
            registration = nodes.Registration(
                name="node-1", incarnation="a", host="host", version="0", inventory=inventory
            )
            nodes.register(session, registration, BEGAN, stale_s=20)
        self.large = self._experiment(shape.large_cells, shape.large_repeats, settled=True)
        for _ in range(shape.experiments - 1 - shape.waiting):
            self._experiment(shape.cells, shape.repeats, settled=True)

    def _experiment(self, cells: int, repeats: int, *, settled: bool) -> str:
        experiment_id, name = str(uuid7()), f"experiment-{self._number}"
        at = BEGAN + timedelta(hours=self._number)
        self._number += 1
        order = [(cell, repeat) for repeat in range(repeats) for cell in range(cells)]
        made = [Group(experiment_id, name, cell, repeat, at, settled) for cell, repeat in order]
        plan = {"order": order, "cells": [{"coordinates": {"batch_size": cell}} for cell in range(cells)]}
        experiment = {
            "id": experiment_id,
            "name": name,
            "created_at": at,
            "finished_at": at + timedelta(minutes=50) if settled else None,
            "cancelled_at": None,
            "document": {"migperf": 1, "name": name, "title": f"Experiment {name}", "repeats": repeats},
            "plan": plan,
            "retry_failed": 1,
        }
        spec = SPEC.model_dump(mode="json")
        with self._database.write() as session:
            insert_rows(session, ExperimentRow, [experiment])
            cell_rows = [
                {"experiment_id": experiment_id, "number": n, "coordinates": {"batch_size": n}, "spec": spec}
                for n in range(cells)
            ]
            insert_rows(session, CellRow, cell_rows)
            insert_rows(session, GroupRow, [group.row() for group in made])
            run_rows = [row for group in made for row in group.run_rows()]
            insert_rows(session, Run, run_rows)
            labels = [{"run_id": row["id"], "key": "experiment", "value": name} for row in run_rows]
            insert_rows(session, Label, labels)
            if settled:
                figures = [row for run in run_rows for row in _figures(run["id"], self._shape.figures)]
                copy_rows(session, ResultRow, figures)
        self.groups += len(made)
        self.runs += len(run_rows)
        return experiment_id


class Group:
    """One repeat of a cell, as rows."""

    def __init__(self, experiment_id: str, name: str, cell: int, repeat: int, at: datetime, settled: bool) -> None:
        self._id = str(uuid7())
        self._experiment_id, self._name = experiment_id, name
        self._cell, self._repeat = cell, repeat
        self._at, self._settled = at, settled

    def row(self) -> dict[str, Any]:
        """Return the row of the group."""
        return {
            "id": self._id,
            "experiment_id": self._experiment_id,
            "cell": self._cell,
            "repeat": self._repeat,
            "attempt": 1,
            "state": GroupState.SUCCEEDED if self._settled else GroupState.OPEN,
            "size": len(SPEC.members),
            "together": SPEC.is_together,
            "sharing": SPEC.sharing and SPEC.sharing.model_dump(mode="json"),
            "shares": SPEC.share_count,
            "settled_at": self._at + timedelta(minutes=40) if self._settled else None,
        }

    def run_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of its runs."""
        for number, member in enumerate(SPEC.members):
            benchmark = member.benchmark
            yield {
                "id": str(uuid7()),
                "created_at": self._at,
                "state": RunState.SUCCEEDED if self._settled else RunState.QUEUED,
                "version": 9,
                "workload": benchmark.workload,
                "scenario": str(benchmark.scenario),
                "fingerprint": benchmark.fingerprint(),
                "benchmark": benchmark.model_dump(mode="json"),
                "priority": 0,
                "timeout_s": 3600.0,
                "retry_limit": 2,
                "attempt": int(self._settled),
                "losses": 0,
                "partition": CPU.uuid if self._settled else None,
                "progress": float(self._settled),
                "started_at": self._at + timedelta(seconds=1) if self._settled else None,
                "finished_at": self._at + timedelta(seconds=11) if self._settled else None,
                "window_start_ns": 2_000_000_000 if self._settled else None,
                "window_end_ns": 9_000_000_000 if self._settled else None,
                "taints": [] if self._settled else None,
                "environment": {"host": "host", "torch": "2.13.0", "threads": 8} if self._settled else None,
                "experiment_id": self._experiment_id,
                "group_id": self._id,
                "member": number,
                "role": str(member.role),
            }


def _figures(run_id: str, count: int) -> Iterator[dict[str, Any]]:
    names = ("throughput", "latency_mean", "latency_p50", "latency_p90", "latency_p95", "latency_p99")
    for position in range(count):
        name = names[position] if position < len(names) else f"figure_{position}"
        value = 10.0 + position + (crc32(run_id.encode()) % 1000) / 1000
        yield {
            "run_id": run_id,
            "name": name,
            "position": position,
            "unit": "request/s" if name == "throughput" else "ms",
            "scope": "process",
            "value": value,
            "interval_low": value * 0.99,
            "interval_high": value * 1.01,
            "interval_level": 0.95,
            "interval_method": "batch means",
            "samples": 1000,
        }


if __name__ == "__main__":
    main()
