"""Which runs may stand on the sides of one comparison, and what to do about those that may not."""

from collections import Counter
from collections.abc import Sequence

from migperf.analysis.errors import IncomparableError
from migperf.analysis.measured import MeasuredRun
from migperf.analysis.terms import Per

BASELINE, CANDIDATE = "baseline", "candidate"
LEAST_PAIRS = 2
Side = Sequence[MeasuredRun]


def require_comparable(baseline: Side, candidates: Sequence[Side], *, paired: bool) -> None:
    """Refuse sides that cannot be compared, or not honestly. Raises IncomparableError.

    Different work, environments and partitions are no reason to refuse: they are told as differences.
    """
    _require_one_benchmark(BASELINE, baseline)
    for candidate in candidates:
        _require_one_benchmark(CANDIDATE, candidate)
        _require_each_once((*baseline, *candidate))
        _require_one_kind((*baseline, *candidate))
        if paired:
            _require_pairs(baseline, candidate)


def common_unit(runs: Side) -> Per:
    """Return what the runs' values have to be per: a step, or a sample where steps are known to be of several sizes."""
    sizes = {run.samples_per_step for run in runs}
    return Per.SAMPLE if None not in sizes and len(sizes) > 1 else Per.STEP


def _require_one_benchmark(field: str, side: Side) -> None:
    for run in side:
        if run.fingerprint != side[0].fingerprint:
            message = f"runs {side[0].id} and {run.id} are of different benchmarks; the runs of a side are of one"
            raise IncomparableError(field, run.id, f"{message}: make each a candidate of its own")


def _require_each_once(runs: Side) -> None:
    run_id, count = Counter(run.id for run in runs).most_common(1)[0]
    if count > 1:
        raise IncomparableError(CANDIDATE, run_id, f"run {run_id} is given twice; each run counts once, on one side")


def _require_one_kind(runs: Side) -> None:
    first = runs[0]
    for run in runs:
        if run.metric != first.metric:
            message = f"run {run.id} timed {run.metric}, run {first.id} {first.metric}; compare runs of one scenario"
            raise IncomparableError(CANDIDATE, run.id, message)
        if run.partition.simulated != first.partition.simulated:
            odd = run if run.partition.simulated else first
            message = (
                f"run {odd.id} was on a simulated partition, which says nothing of real ones; compare like with like"
            )
            raise IncomparableError(CANDIDATE, run.id, message)
    unknown = next((run for run in runs if run.samples_per_step is None), None)
    sizes = {run.samples_per_step for run in runs if run.samples_per_step is not None}
    if unknown is not None and (len(sizes) > 1 or len({run.fingerprint for run in runs}) > 1):
        message = f"the result of run {unknown.id} does not tell how many samples its steps were of; measure it again"
        raise IncomparableError(CANDIDATE, unknown.id, message)


def _require_pairs(baseline: Side, candidate: Side) -> None:
    if len(baseline) != len(candidate) or len(baseline) < LEAST_PAIRS:
        message = f"pairs need as many runs on each side, at least {LEAST_PAIRS}; there are"
        counts = f"{len(baseline)} and {len(candidate)}"
        raise IncomparableError(CANDIDATE, candidate[0].id, f"{message} {counts}. Leave paired out, or give the others")
