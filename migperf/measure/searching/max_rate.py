"""The search for the highest rate that keeps a latency limit, and the measurement at that rate."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pydantic import JsonValue

from migperf.measure.benchmark import Method
from migperf.measure.figures import ResultFigure
from migperf.measure.load import HIGHEST_RATE_PER_S
from migperf.measure.loops.open_loop import OpenLoop
from migperf.measure.loops.stopping import AtLeast, Ended
from migperf.measure.loops.timers import Timing
from migperf.measure.loops.until_decided import UntilDecided
from migperf.measure.loops.window import Window
from migperf.measure.phases import Phase
from migperf.measure.recorder import Recorder
from migperf.measure.search import MaxRate
from migperf.measure.searching.rate_search import RateSearch, Shown
from migperf.metrics.metric import Scope
from migperf.statistics.sample_quantiles import samples_needed

NS_PER_S = 1_000_000_000
FIRST_SHARE = 0.5
"""The first rate that is tried, of what the payload can do without a break."""
CAPACITY_REQUESTS, CAPACITY_S = 5, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxRateDrive:
    """Tries rates until the limit is found, then measures at the highest rate that keeps it.

    ``at_rate`` makes the open loop of a rate, per second, and a number that its arrivals are seeded with; ``answer``
    answers one request and returns what that took. A trial begins with an empty queue and leaves out its first part as
    warm-up does; it is decided, or undecided after ``trial_max_s``.
    """

    search: MaxRate
    method: Method
    streams: int
    at_rate: Callable[[float, int], OpenLoop]
    answer: Callable[[], Timing]

    def perform(self, recorder: Recorder) -> Window:
        """Search, measure, and return the window with what was found."""
        recorder.enter(Phase.SEARCHING)
        search, notes = self._trials(recorder)
        rate_per_s = search.found().keeps_per_s or min(rate for rate, _ in search.shown)
        window = self.at_rate(rate_per_s, len(search.shown)).perform(recorder)
        table: list[JsonValue] = [
            {"rate_per_s": rate, "shown": shown, "note": note}
            for (rate, shown), note in zip(search.shown, notes, strict=True)
        ]
        figures = (*self._figures(search), *window.figures)
        return replace(window, figures=figures, tables={**window.tables, "rate_search": table})

    def _trials(self, recorder: Recorder) -> tuple[RateSearch, list[str]]:
        search = RateSearch(
            FIRST_SHARE * self._capacity_per_s(),
            self.search.tolerance,
            # Below this a trial has too few requests for its percentile, whatever they show.
            lowest_per_s=2 * samples_needed(self.search.percentile / 100) / self.search.trial_max_s,
            highest_per_s=float(HIGHEST_RATE_PER_S),
        )
        notes: list[str] = []
        while (rate_per_s := search.next_rate()) is not None:
            ended = self._trial(rate_per_s, len(notes), recorder)
            search.tell(rate_per_s, Shown(ended.by))
            notes.append(ended.note or "")
        return search, notes

    def _trial(self, rate_per_s: float, number: int, recorder: Recorder) -> Ended:
        method, limit = self.method, self.search
        least = AtLeast(steps=0, s=0, max_s=limit.trial_max_s)
        loop = replace(
            self.at_rate(rate_per_s, number),
            warmup=AtLeast(steps=method.warmup_steps, s=method.warmup_s, max_s=method.warmup_max_s),
            measuring=UntilDecided(limit.percentile / 100, limit.limit_ms, method.level, least),
            phases=(Phase.SEARCHING, Phase.SEARCHING),
            drain_s=0.0,
        )
        return loop.perform(recorder).measuring

    def _capacity_per_s(self) -> float:
        """Return about how many requests could be answered per second if there were always one."""
        begun_ns, answers = time.monotonic_ns(), [self.answer()]
        while len(answers) < CAPACITY_REQUESTS or time.monotonic_ns() - begun_ns < CAPACITY_S * NS_PER_S:
            answers.append(self.answer())
        took_ns = sorted(timing.duration_ns for timing in answers)
        return self.streams * NS_PER_S / max(1, took_ns[len(took_ns) // 2])

    def _figures(self, search: RateSearch) -> Iterator[ResultFigure]:
        found = search.found()
        what = f"p{self.search.percentile} of latency within {self.search.limit_ms:g} ms"
        lowest, highest = (pick(rate for rate, _ in search.shown) for pick in (min, max))
        yield _rate(
            "max_rate",
            found.keeps_per_s,
            f"highest rate shown to keep {what}, in {found.trials} trials",
            f"no rate was shown to keep {what}; the lowest tried was {lowest:.4g} request/s: raise the limit, or "
            "trial_max_s",
        )
        yield _rate(
            "rate_not_kept",
            found.fails_per_s,
            f"lowest rate above it that was not shown to keep {what}",
            f"every rate up to {highest:.4g} request/s kept {what}",
        )


def _rate(name: str, value: float | None, method: str, absent: str) -> ResultFigure:
    there = value is not None
    return ResultFigure(
        name=name,
        unit="request/s",
        scope=Scope.PROCESS,
        value=value,
        method=method if there else None,
        absent=None if there else absent,
    )
