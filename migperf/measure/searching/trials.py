"""One trial of a search for the largest batch: a child of its own, a few steps, and whether they fit."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import JsonValue

from migperf.measure.benchmark import Benchmark
from migperf.measure.figures import ResultFigure
from migperf.measure.job import Job
from migperf.measure.outcome import Ending, Outcome
from migperf.measure.searching.batch_sizes import BATCH_SIZE
from migperf.measure.searching.memory_limit import SIGNS

STEPS = 4
"""Steps of a trial: from the second training step on, gradients and the optimiser's state are all there."""
LOG_LOOKED_AT_BYTES = 64 << 10
_PEAKS = ("peak_rss", "peak_allocated", "peak_reserved")


class TrialEnd(StrEnum):
    """How a trial ended."""

    FITS = "fits"
    DOES_NOT_FIT = "does_not_fit"
    UNDECIDED = "undecided"
    """It says nothing of the size: it failed, or was stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A batch size that was tried: what came of it, with the highest use of memory (MiB) where it is known."""

    batch_size: int
    end: TrialEnd
    took_s: float
    outcome: Outcome
    peaks: tuple[ResultFigure, ...]

    @property
    def memory_limit_mib(self) -> JsonValue:
        """What the child could take of the host's memory, MiB; None where it was not limited."""
        return self.outcome.environment.get("memory_limit_mib")

    def row(self) -> dict[str, JsonValue]:
        """Return the trial as a row of the table of all."""
        peaks: dict[str, JsonValue] = {f"{peak.name}_mib": peak.value for peak in self.peaks}
        ends: dict[str, JsonValue] = {"outcome": str(self.end), "reason": self.outcome.reason}
        limit = {"memory_limit_mib": self.memory_limit_mib}
        return {"batch_size": self.batch_size, **ends, **peaks, **limit, "took_s": self.took_s}


def trial_job(job: Job, size: int, timeout_s: float) -> Job:
    """Return the job of one trial: the benchmark with this batch size for a few steps.

    On a CPU its memory is limited, as there the host itself would run out of it.
    """
    benchmark = job.benchmark
    method = {"warmup_steps": 1, "warmup_s": 0, "steady_within": None, "min_steps": STEPS - 1, "min_s": 0}
    changes = {
        "parameters": {**benchmark.parameters, BATCH_SIZE: size},
        "method": {**method, "precision": None, "sample_hz": benchmark.method.sample_hz},
        "search": None,
    }
    return job.model_copy(
        update={
            "benchmark": Benchmark.model_validate(benchmark.model_dump() | changes),
            "timeout_s": timeout_s,
            "limit_memory": job.partition.device == "cpu",
        }
    )


def judged(size: int, outcome: Outcome, took_s: float, wrote: str) -> Trial:
    """Return the trial that came to this outcome; ``wrote`` is the end of what its child wrote."""
    peaks = tuple(figure for figure in outcome.figures if figure.name in _PEAKS)
    return Trial(batch_size=size, end=_end(outcome, wrote), took_s=took_s, outcome=outcome, peaks=peaks)


def _end(outcome: Outcome, wrote: str) -> TrialEnd:
    """Tell a trial that does not fit from one that says nothing.

    Code that gets no memory does not always raise: a library's thread aborts, or the interpreter has none left for the
    exception. A child whose memory was limited and that failed with such words did not fit.
    """
    if outcome.ending is Ending.SUCCEEDED:
        return TrialEnd.FITS
    limited = "memory_limit_mib" in outcome.environment
    ran_out = outcome.ending is Ending.FAILED and limited and any(sign in wrote for sign in SIGNS)
    return TrialEnd.DOES_NOT_FIT if ran_out or outcome.ending is Ending.DOES_NOT_FIT else TrialEnd.UNDECIDED


def end_of_log(log: Path, begin: int) -> str:
    """Return the end of what was written to the log since it had ``begin`` bytes."""
    with log.open("rb") as opened:
        opened.seek(max(begin, log.stat().st_size - LOG_LOOKED_AT_BYTES))
        return opened.read().decode(errors="replace")
