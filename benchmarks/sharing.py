"""Ways of sharing a GPU beside each other: as many clients at a time, each with its own closed loop of requests.

A client of time-slicing or MPS is a process; of green contexts, and of plain streams beside them, a stream of one
process. Modes take turns, every other time backwards. A line is a mode's throughput of all clients together, and the
slowest client's median latency. No setting of the GPU is changed; MPS daemons come and go as a worker's do.

    python benchmarks/sharing.py --workload resnet50 --workload vit-p-18gf --clients 1 --clients 2 --clients 4
    python benchmarks/sharing.py --where kind=cpu --workload resnet18 --image-size 32
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from performing import LIMITS, Nobody
from pydantic import JsonValue, TypeAdapter

from migperf.cli.local_run import choose_partition
from migperf.errors import MigperfError
from migperf.gpus.partition import Partition
from migperf.gpus.selector import Selector
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing, SharingMode
from migperf.jobs.sharing import DeviceSharing, Prepared
from migperf.measure.benchmark import Benchmark
from migperf.measure.company import Company
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome
from migperf.measure.perform import perform_together
from migperf.measure.rendezvous import Rendezvous
from migperf.measure.supervisor import Supervisor
from migperf.metrics.instruments import Instruments
from migperf.settings import load_settings

STREAMS = "streams"
"""Streams of one process without green contexts: what these are compared with first."""
ON_GPU = (STREAMS, SharingMode.TIME_SLICING, SharingMode.MPS, SharingMode.GREEN_CONTEXT)
ON_CPU = (STREAMS, SharingMode.TIME_SLICING, SharingMode.PINNED, SharingMode.UNRESTRICTED)
OF_ONE_PROCESS = (STREAMS, SharingMode.GREEN_CONTEXT)
TOLD = ("device_sm_count", "mps_", "green_context", "device_name", "torch", "cuda", "layout")
"""What a result's environment says of sharing; names, or how they begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One mode, measured once."""

    workload: str
    clients: int
    mode: str
    repeat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What one process came to. Throughput of all its streams, samples a second; latency in ms."""

    ending: Ending
    reason: str | None
    throughput: float | None
    unit: str | None
    latency_p50_ms: float | None
    environment: dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A case and its processes; ``problem`` says why there are no figures."""

    case: Case
    problem: str | None
    clients: tuple[Client, ...]

    @property
    def throughput(self) -> float | None:
        """Of all clients together; None where one of them has none."""
        each = [client.throughput for client in self.clients]
        return sum(one for one in each if one is not None) if each and None not in each else None

    @property
    def latency_p50_ms(self) -> float | None:
        """Of the slowest; None where one has none."""
        each = [client.latency_p50_ms for client in self.clients]
        return max(one for one in each if one is not None) if each and None not in each else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was measured; ``left_out`` is what there was no time for."""

    begun_at: datetime
    partition: Partition
    measured: tuple[Measured, ...]
    left_out: tuple[Case, ...]


def main() -> None:
    """Measure, print each case when it is over and then all of them, and write them."""
    asked = _arguments()
    settings = load_settings()
    partition = choose_partition(Selector.model_validate(asked.where), settings)
    begun_at, until = datetime.now(UTC), time.monotonic() + asked.limit_s
    measured: list[Measured] = []
    left_out: list[Case] = []
    with tempfile.TemporaryDirectory() as folder, Launcher() as launcher:
        launcher.wait_until_warm()
        bench = Bench(launcher, DeviceSharing(settings.mps_control, Path(folder)), partition, asked, Path(folder))
        modes = ON_CPU if partition.on_cpu else ON_GPU
        for case in cases(asked.workload, asked.clients, modes, asked.repeats):
            if time.monotonic() > until:
                left_out.append(case)
                continue
            measured.append(bench.measure(case))
            print(line(measured[-1]), flush=True)
    report = Report(begun_at=begun_at, partition=partition, measured=tuple(measured), left_out=tuple(left_out))
    print("\n".join(("", *table(report))))
    if asked.out is not None:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "sharing.json").write_bytes(TypeAdapter(Report).dump_json(report, indent=1) + b"\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", action="append", required=True)
    parser.add_argument("--clients", action="append", type=int, help="how many at a time (default: 2)")
    parser.add_argument("--where", default="", help="which partition, such as kind=gpu (default: the first)")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measured window")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--limit-s", type=float, default=3600.0, help="begin no case after so many seconds")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write sharing.json there")
    asked = parser.parse_args()
    asked.clients = asked.clients or [2]
    return asked


def cases(workloads: Sequence[str], clients: Sequence[int], modes: Sequence[str], repeats: int) -> Iterator[Case]:
    """Yield all cases, the modes beside each other, and every other time backwards, from repeat to repeat as well.

    One client alone in streams is the same as one alone in time-slicing, and left out.
    """
    for repeat in range(repeats):
        for turn, (count, workload) in enumerate(product(clients, workloads), start=repeat):
            for mode in modes if turn % 2 == 0 else reversed(modes):
                if (count, mode) != (1, STREAMS):
                    yield Case(workload=workload, clients=count, mode=str(mode), repeat=repeat)


@dataclass(frozen=True, slots=True)
class Bench:
    """Measures cases on one partition."""

    launcher: Launcher
    sharing: DeviceSharing
    partition: Partition
    asked: argparse.Namespace
    folder: Path

    def measure(self, case: Case) -> Measured:
        """Measure all clients of a case at the same time."""
        one_process = case.mode in OF_ONE_PROCESS
        streams, processes = (case.clients, 1) if one_process else (1, case.clients)
        try:
            shares = self._shares(case.mode, processes)
            benchmark = self._benchmark(case.workload, streams)
            meeting = Rendezvous(processes) if processes > 1 else None
            with ThreadPoolExecutor(processes) as pool:
                ended = list(pool.map(lambda share: self._client(case, benchmark, share, meeting), shares))
        except MigperfError as error:
            return Measured(case=case, problem=str(error), clients=())
        clients = tuple(map(_client, ended))
        problem = next((f"{c.ending}: {c.reason}" for c in clients if c.ending is not Ending.SUCCEEDED), None)
        return Measured(case=case, problem=problem, clients=clients)

    def _shares(self, mode: str, processes: int) -> tuple[Partition, ...]:
        return (self.partition,) if mode == STREAMS else divide(self.partition, Sharing(mode=mode), processes)

    def _client(self, case: Case, benchmark: Benchmark, share: Partition, meeting: Rendezvous | None) -> Outcome:
        index = 0 if share.share is None else share.share.index
        gang = f"{case.workload}-{case.clients}-{case.mode}-{case.repeat}"
        try:
            prepared: AbstractContextManager[Prepared] = self.sharing.prepared(gang, share)
            with prepared as ready:
                return self._perform(f"{gang}-{index}", benchmark, share, ready, meeting)
        except MigperfError as error:
            if meeting is not None:
                meeting.break_up(str(error), again=False)
            return Outcome(ending=Ending.FAILED, reason=str(error))

    def _perform(
        self, name: str, benchmark: Benchmark, share: Partition, ready: Prepared, meeting: Rendezvous | None
    ) -> Outcome:
        count = 1 if share.share is None else share.share.count
        job = Job(
            run_id=name,
            benchmark=benchmark,
            partition=share,
            timeout_s=120.0,
            company=Company(group="here", members=count, measured=True) if meeting else None,
            environment=dict(ready.environment),
            facts=dict(ready.facts),
        )
        log = self.folder / f"{name}.log"
        log.touch()
        supervisor = Supervisor(self.launcher, Instruments(), job, Nobody(), log, LIMITS)
        outcome = supervisor.run() if meeting is None else perform_together(supervisor, name, meeting)
        if (problem := ready.problem()) is not None:
            return Outcome(ending=Ending.FAILED, reason=problem)
        return outcome

    def _benchmark(self, workload: str, streams: int) -> Benchmark:
        request: dict[str, Any] = {
            "workload": workload,
            "scenario": "multi_stream",
            "load": {"streams": streams},
            "engine": {"precision": self.asked.precision},
            "parameters": {"batch_size": self.asked.batch_size, "image_size": self.asked.image_size, "data_pool": 2},
            "method": {
                "warmup_s": 0.5,
                "steady_within": None,
                "min_s": self.asked.seconds,
                "max_s": 4 * self.asked.seconds,
                "precision": None,
            },
        }
        return Benchmark.model_validate(request)


def _client(outcome: Outcome) -> Client:
    figures = {figure.name: figure for figure in outcome.figures}
    speed, latency = figures.get("throughput"), figures.get("latency_p50")
    return Client(
        ending=outcome.ending,
        reason=(outcome.reason or "").splitlines()[0] if outcome.reason else None,
        throughput=speed.value if speed else None,
        unit=speed.unit if speed else None,
        latency_p50_ms=latency.value if latency else None,
        environment={name: value for name, value in outcome.environment.items() if name.startswith(TOLD)},
    )


def line(measured: Measured) -> str:
    """Return a case as a line."""
    case = measured.case
    heading = f"{case.workload:12} {case.clients} x {case.mode:14} repeat {case.repeat}"
    if measured.throughput is None or measured.problem is not None:
        return f"{heading} {measured.problem}"
    latency = measured.latency_p50_ms
    shown = "too few for a median" if latency is None else f"median {latency:.2f} ms"
    return f"{heading} {measured.throughput:9.1f} {measured.clients[0].unit}, {shown}"


def table(report: Report) -> Iterator[str]:
    """Yield all modes side by side: the lowest and highest throughput of the repeats."""
    speeds: dict[tuple[str, int, str], list[float]] = {}
    for measured in report.measured:
        if measured.problem is None and measured.throughput is not None:
            case = measured.case
            speeds.setdefault((case.workload, case.clients, case.mode), []).append(measured.throughput)
    for (workload, clients, mode), found in sorted(speeds.items()):
        yield f"{workload:12} {clients} x {mode:14} {min(found):9.1f} to {max(found):9.1f}  ({len(found)} times)"
    if report.left_out:
        yield f"no time was left for {len(report.left_out)} cases"


if __name__ == "__main__":
    main()
