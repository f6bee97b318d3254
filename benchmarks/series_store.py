"""How fast series are stored and read, on SQLite and PostgreSQL, beside MLflow's tracking store on the same databases.

Written as the service does it: a flush of 200 samples of each of 140 series (seven instances, 20 metrics each, two
seconds at 100 Hz) in one transaction, small chunks merged on the way; then in bulk, 65,536 samples a chunk. Read: 2000
points of a series of 1,000,000 samples that was written by such flushes, a fresh session for each read, before and
after the merge at the end of a run. Series are of three makes: noisy power, memory in steps, and random percentages.

MLflow is measured in the same run if an interpreter that has it is given, with fewer samples: it would take minutes.

    python benchmarks/series_store.py --postgresql postgresql://postgres@127.0.0.1/postgres --mlflow-python PATH
"""

import argparse
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session
from store_databases import POSTGRESQL, SQLITE, stored_bytes, throw_away

from migperf.metrics.metric import Metric, Scope
from migperf.metrics.series import Chunk, SeriesUpdate
from migperf.store import runs, schema, series
from migperf.store.chunk_rows import MAX_CHUNK
from migperf.store.database import Database
from migperf.store.requests import RunRequest

SERIES, FLUSH = 140, 200
POINTS = 2_000
PERIOD_NS = 10_000_000
LEAST_INGEST = 1_000_000
MOST_READ_MS = 50.0


@dataclass(frozen=True, slots=True)
class Mlflow:
    """MLflow's figures: samples/s written, and the median time of reading all of them."""

    version: str
    samples: int
    ingest: float
    whole_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out on one database: samples/s written, bytes a sample on disk, and times of reading."""

    database: str
    live_ingest: float
    live_flush_p99_ms: float
    live_end: float
    """Samples/s that the merge at the end of the run goes through."""
    live_bytes: float
    bulk_ingest: float
    bulk_bytes: float
    length: int
    reads: int
    live_read_ms: tuple[float, float, float]
    """Percentiles 50, 95 and 99, while the run goes on."""
    read_ms: tuple[float, float, float]
    """The same after the run's end."""
    whole_ms: float
    """Reading every sample of the series; median."""
    mlflow: Mlflow | None

    @property
    def holds(self) -> bool:
        """Whether the limits are kept."""
        worst_ms = max(self.live_read_ms[1], self.read_ms[1])
        return min(self.live_ingest, self.bulk_ingest) >= LEAST_INGEST and worst_ms < MOST_READ_MS

    def as_text(self) -> str:
        """Return lines for people."""
        rows = [
            (f"ingest, {SERIES} series x {FLUSH} samples a flush", f"{self.live_ingest:,.0f} samples/s"),
            ("  a flush, p99", f"{self.live_flush_p99_ms:.1f} ms"),
            ("  merge at the end", f"{self.live_end:,.0f} samples/s"),
            ("  on disk", f"{self.live_bytes:.1f} bytes a sample"),
            (f"ingest, chunks of {MAX_CHUNK:,}", f"{self.bulk_ingest:,.0f} samples/s"),
            ("  on disk", f"{self.bulk_bytes:.1f} bytes a sample"),
            (f"{POINTS} points of {self.length:,}, run goes on", _percentiles(self.live_read_ms, self.reads)),
            (f"{POINTS} points of {self.length:,}, run ended", _percentiles(self.read_ms, self.reads)),
            (f"all of {self.length:,}", f"{self.whole_ms:.1f} ms, {self.length / self.whole_ms * 1e3:,.0f} samples/s"),
        ]
        return "\n".join([self.database, *(f"  {name:44} {value}" for name, value in rows), *self._mlflow_lines()])

    def _mlflow_lines(self) -> Iterator[str]:
        if self.mlflow is None:
            yield "  MLflow: not measured, for no interpreter was given (--mlflow-python)"
            return
        name, count = f"MLflow {self.mlflow.version}", f"{self.mlflow.samples:,}"
        rate = self.mlflow.samples / self.mlflow.whole_ms * 1e3
        yield f"  {f'{name}: log_batch of 1000':44} {self.mlflow.ingest:,.0f} samples/s ({count} in all)"
        yield f"  {f'{name}: get_metric_history of {count}':44} {self.mlflow.whole_ms:.1f} ms, {rate:,.0f} samples/s"


def main() -> None:
    """Measure and print; exit status 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flushes", type=int, default=250, help="flushes of all series")
    parser.add_argument("--bulk", type=int, default=160, help="chunks written in bulk")
    parser.add_argument("--length", type=int, default=1_000_000, help="samples of the series that is read")
    parser.add_argument("--reads", type=int, default=200)
    parser.add_argument("--postgresql", metavar="URL", help="a PostgreSQL server that may be given a database")
    parser.add_argument("--mlflow-python", metavar="PATH", type=Path, help="an interpreter that has MLflow")
    parser.add_argument("--mlflow-samples", type=int, default=100_000)
    parser.add_argument("--json", metavar="OUT", type=Path, help="write the figures there, too")
    arguments = parser.parse_args()
    servers = {SQLITE: None, **({POSTGRESQL: arguments.postgresql} if arguments.postgresql else {})}
    reports = []
    for name, server in servers.items():
        reports.append(measure(name, server, arguments))
        print(reports[-1].as_text(), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(report) for report in reports], indent=2) + "\n")
    raise SystemExit(0 if all(report.holds for report in reports) else 1)


def measure(name: str, server: str | None, arguments: argparse.Namespace) -> Report:
    """Return the figures of one kind of database."""
    with Store.made(server) as store:
        flushes_s = [store.flush(updates) for updates in flushes(SERIES, arguments.flushes)]
        end_s = store.end()
        live_samples, live_bytes = SERIES * FLUSH * arguments.flushes, store.grown()
    with Store.made(server) as store:
        bulk_s = sum(store.flush(updates) for updates in bulk(arguments.bulk))
        bulk_bytes = store.grown()
    with Store.made(server) as store:
        for updates in flushes(1, arguments.length // FLUSH):
            store.flush(updates)
        live_read_ms = store.read_ms(arguments.reads)
        store.end()
        read_ms, whole_ms = store.read_ms(arguments.reads), store.whole_ms(max(5, arguments.reads // 20))
    return Report(
        database=name,
        live_ingest=live_samples / sum(flushes_s),
        live_end=live_samples / end_s,
        live_flush_p99_ms=float(np.quantile(flushes_s, 0.99) * 1e3),
        live_bytes=live_bytes / live_samples,
        bulk_ingest=arguments.bulk * MAX_CHUNK / bulk_s,
        bulk_bytes=bulk_bytes / (arguments.bulk * MAX_CHUNK),
        length=arguments.length,
        reads=arguments.reads,
        live_read_ms=live_read_ms,
        read_ms=read_ms,
        whole_ms=whole_ms,
        mlflow=measure_mlflow(server, arguments.mlflow_python, arguments.mlflow_samples),
    )


class Store:
    """A throw-away database with one run, and what is timed on it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.write() as session:
            request = RunRequest.model_validate({"workload": "resnet18", "scenario": "single_stream"})
            self._run_id = runs.submit(session, request, datetime.now(UTC)).id
        self._bytes = stored_bytes(database)

    @classmethod
    @contextmanager
    def made(cls, server: str | None) -> Iterator[Self]:
        """Yield a new one, gone afterwards."""
        with throw_away(server) as url:
            database = Database(url)
            schema.upgrade(database)
            yield cls(database)
            database.close()

    def flush(self, updates: list[SeriesUpdate]) -> float:
        """Return the seconds that storing them in a transaction took, small chunks merged on the way."""
        began_s = time.perf_counter()
        with self._database.write() as session:
            series.append(session, self._run_id, updates, clock_zero_ns=0)
            series.compact(session, self._run_id)
        return time.perf_counter() - began_s

    def end(self) -> float:
        """Return the seconds that merging everything took, as at the end of a run."""
        began_s = time.perf_counter()
        with self._database.write() as session:
            series.compact(session, self._run_id, whole=True)
        return time.perf_counter() - began_s

    def grown(self) -> int:
        """Return by how many bytes the database has grown."""
        return stored_bytes(self._database) - self._bytes

    def read_ms(self, reads: int) -> tuple[float, float, float]:
        """Return percentiles 50, 95 and 99 of reading the only series downsampled, ms."""
        times_ms = [self._timed_ms(lambda s, head: series.downsample(s, head, POINTS)) for _ in range(reads)]
        p50, p95, p99 = (float(figure) for figure in np.quantile(times_ms, (0.5, 0.95, 0.99)))
        return p50, p95, p99

    def whole_ms(self, reads: int) -> float:
        """Return the median time of reading all of the only series, ms."""
        return float(np.median([self._timed_ms(lambda s, head: series.read(s, head.id)) for _ in range(reads)]))

    def _timed_ms(self, read: Callable[[Session, series.SeriesHead], Chunk]) -> float:
        began_s = time.perf_counter()
        with self._database.read() as session:
            read(session, series.get(session, self._run_id, "metric-0"))
        return (time.perf_counter() - began_s) * 1e3


def flushes(count: int, times: int) -> Iterator[list[SeriesUpdate]]:
    """Yield what a run has to store every two seconds."""
    generator = np.random.default_rng(1)
    metrics = [_metric(index) for index in range(count)]
    for turn in range(times):
        time_ns = _times(generator, turn * FLUSH, FLUSH)
        yield [SeriesUpdate(metrics[i], Chunk(time_ns, _values(generator, i, FLUSH))) for i in range(count)]


def bulk(chunks: int) -> Iterator[list[SeriesUpdate]]:
    """Yield chunks that are full, one of each of eight series at a time."""
    generator = np.random.default_rng(2)
    for turn in range(chunks // 8):
        time_ns = _times(generator, turn * MAX_CHUNK, MAX_CHUNK)
        yield [SeriesUpdate(_metric(i), Chunk(time_ns, _values(generator, i, MAX_CHUNK))) for i in range(8)]


def measure_mlflow(server: str | None, python: Path | None, samples: int) -> Mlflow | None:
    """Return MLflow's figures on a database of the same kind; None without an interpreter that has it."""
    if python is None:
        return None
    with throw_away(server) as url:
        script = Path(__file__).with_name("mlflow_store.py")
        done = subprocess.run(
            [python, script, url, "--samples", str(samples)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(f"MLflow could not be measured: {done.stderr.strip()[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return Mlflow(told["version"], samples, samples / told["ingest_s"], told["read_s"] * 1e3)


def _metric(index: int) -> Metric:
    return Metric(name=f"metric-{index}", unit="1", scope=Scope.GPU, source="benchmark")


def _times(generator: np.random.Generator, start: int, count: int) -> npt.NDArray[np.int64]:
    late_ns = np.abs(generator.normal(0, 50_000, count)).astype(np.int64)
    return (start + np.arange(count)) * PERIOD_NS + late_ns


def _values(generator: np.random.Generator, index: int, count: int) -> npt.NDArray[np.float64]:
    if index % 3 == 0:
        return np.round(300 + generator.normal(0, 20, count), 3)
    if index % 3 == 1:
        return np.repeat(generator.integers(1_000, 80_000, count // 100 + 1), 100)[:count].astype(float)
    return generator.random(count) * 100


def _percentiles(figures_ms: tuple[float, float, float], reads: int) -> str:
    return "p50 {:.1f}, p95 {:.1f}, p99 {:.1f} ms".format(*figures_ms) + f" over {reads} reads"


if __name__ == "__main__":
    main()
