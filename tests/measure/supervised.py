"""Real runs of the test payloads on this host's CPU: supervisor, warm helper, child."""

from pathlib import Path

from migperf.gpus.host_cpu import cpu_partition
from migperf.measure.benchmark import Benchmark
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Outcome, Stop
from migperf.measure.phases import Phase
from migperf.measure.supervisor import Limits, Standing, Supervisor
from migperf.metrics.instruments import Instruments
from migperf.metrics.series import SeriesUpdate

QUICK = {
    "warmup_steps": 1,
    "warmup_s": 0,
    "steady_within": None,
    "min_steps": 50,
    "min_s": 0.0,
    "precision": None,
}
LIMITS = Limits(tick_s=0.05, samples_every_s=0.1, kill_grace_s=0.3, log_bytes=200_000)


class Onlooker:
    """Notes the phases, and stops nothing."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []

    def entered(self, phase: Phase, at_ns: int) -> None:
        self.phases.append(phase)

    def tick(self, standing: Standing) -> Stop | None:
        return None

    def samples(self, updates: list[SeriesUpdate]) -> None:
        pass


def supervised(launcher: Launcher, log: Path, onlooker: Onlooker | None = None, **benchmark: object) -> Outcome:
    """Run a benchmark to its end; of the test payload that sleeps, quickly, unless told otherwise."""
    asked = {"workload": "test-step", "scenario": "single_stream", "method": QUICK, **benchmark}
    job = Job(run_id="test", benchmark=Benchmark.model_validate(asked), partition=cpu_partition(), timeout_s=60.0)
    return Supervisor(launcher, Instruments(), job, onlooker or Onlooker(), log, LIMITS).run()
