"""Numbers and counts in the sentences of an answer."""

from collections.abc import Iterable

from migperf.analysis.advisor.advice import AdvisedJob, BoardCount

_DIGITS = 4


def number(value: float) -> str:
    """Return a value with four digits, whole ones with all of theirs: 127, 25.4, 1215, 12150."""
    if value == round(value) or abs(value) >= 10**_DIGITS:
        return f"{value:.0f}"
    return f"{value:.{_DIGITS}g}"


def percent(share: float) -> str:
    """Return a share as per cent: 12.5 %, 0.2 %."""
    return f"{100 * share:.3g} %"


def counted(count: int, what: str) -> str:
    """Return how many there are: 1 GPU, 2 GPUs, 3 × 1g.10gb."""
    if what.isalpha() and what != "whole":
        return f"{count} {what}" if count == 1 else f"{count} {what}s"
    return f"{count} × {what}"


def amount(value: float, unit: str) -> str:
    """Return a value of the goal with its unit."""
    return counted(round(value), unit) if unit == "GPU" else f"{number(value)} {unit}"


def boards_text(counts: Iterable[BoardCount]) -> str:
    """Return boards and their numbers: 2 × NVIDIA A30 and 1 × NVIDIA L40S."""
    return " and ".join(f"{each.count} × {each.model}" for each in counts)


def share_text(job: AdvisedJob) -> str:
    """Return the headroom of a job, in its rate and as a share of what is required."""
    if job.headroom is None or job.headroom_per_s is None:
        return ""
    return f", headroom {number(job.headroom_per_s)}/s ({percent(job.headroom)})"
