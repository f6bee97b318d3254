"""What performing a scenario comes to: the measured window, and how its two phases ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from migperf.measure.figures import ResultFigure
from migperf.measure.loops.stopping import Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The measured window, CLOCK_MONOTONIC, ns, with what the scenario itself has to report.

    A closed loop's reaches from the first measured step's beginning to the last one's end; an open loop's holds the
    requests that were planned to arrive in it, of which ``unanswered`` got no answer.
    """

    start_ns: int
    end_ns: int
    warmup: Ended
    measuring: Ended
    unanswered: int = 0
    figures: tuple[ResultFigure, ...] = ()
    tables: Mapping[str, JsonValue] = field(default_factory=dict)
