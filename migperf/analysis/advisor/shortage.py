"""What more GPUs, or one fewer, would mean."""

from dataclasses import dataclass

from migperf.analysis.advisor.advice import BoardCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """Shares are of every requirement at once, at most; None where the question does not arise or was not decided."""

    served_share: float | None = None
    would_do: list[BoardCount] | None = None
    share_with_one_fewer: float | None = None
