"""Buying runs until a comparison is decided: two benchmarks by turns on one partition, pair after pair.

A loop of the client; the service knows only the runs, which are labelled with what they are for.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Protocol

from migperf.client.cancelling import cancelling
from migperf.client.client import Client
from migperf.client.comparison_models import ComparisonView
from migperf.client.confirmation_models import LEAST_PAIRS, Confirmation, ConfirmationPlan, EndedBy, Pair
from migperf.client.errors import CannotConfirmError, WaitTimeoutError
from migperf.client.models import RunView
from migperf.client.partition_choice import common_partition
from migperf.statistics.looks import level_per_look, planned_looks
from migperf.statistics.verdict import Verdict
from migperf.store.states import RunState

BASELINE, CANDIDATE = "baseline", "candidate"
LABEL = "confirm"


class Watching(Protocol):
    """Is told what happens, to show it."""

    def began(self, pair: int, side: str, run: RunView) -> None:
        """A run of a pair was submitted."""
        ...

    def looked(self, pairs: int, comparison: ComparisonView) -> None:
        """So many pairs were compared."""
        ...


class _Stop(Exception):  # noqa: N818 - no error, an end
    """No more pairs are to be made."""

    def __init__(self, ended_by: EndedBy, why: str) -> None:
        super().__init__(why)
        self.ended_by = ended_by
        self.why = why


class Confirmer:
    """Runs the benchmarks of two runs by turns until their comparison is decided or the plan is used up.

    Only the runs that it makes count: the two that were given are what made somebody ask, so they are no fair sample.
    Ctrl-C cancels the run under way and ends with what there is. Use once.
    """

    def __init__(
        self,
        client: Client,
        baseline: RunView,
        candidate: RunView,
        plan: ConfirmationPlan | None = None,
        watching: Watching | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Choose the partition. Raises CannotConfirmError."""
        self._client = client
        self._of = {BASELINE: baseline, CANDIDATE: candidate}
        self._plan = plan or ConfirmationPlan()
        self._watching = watching
        self._clock_s = clock_s
        self.partition = common_partition(client.partitions(), client.nodes(), baseline, candidate)
        self._label = str(uuid.uuid4())
        self._looks_at = planned_looks(self._plan.max_pairs)
        self._level = level_per_look(self._plan.level, len(self._looks_at))
        self._pairs: list[Pair] = []
        self._looks: list[int] = []
        self._comparison: ComparisonView | None = None
        self._begun_s = 0.0
        self._longest_s = 0.0

    def run(self) -> Confirmation:
        """Make pairs and look at them until it is decided, or until something else ends it."""
        self._begun_s = self._clock_s()
        try:
            self._make_pairs()
        except _Stop as stop:
            return self._ended(stop)
        except KeyboardInterrupt:
            return self._ended(_Stop(EndedBy.INTERRUPTED, "interrupted; the run under way was cancelled"))
        raise AssertionError("making pairs ends by saying why")

    def _make_pairs(self) -> None:
        first = first_sides(self._plan.seed)
        for number in range(1, self._plan.max_pairs + 1):
            if self._longest_s > self._left_s():
                raise self._budget_spent()
            before_s = self._clock_s()
            self._pairs.append(self._pair(number, next(first)))
            self._longest_s = max(self._longest_s, self._clock_s() - before_s)
            if number in self._looks_at and self._look() is not Verdict.UNDECIDED:
                raise _Stop(EndedBy.DECIDED, f"decided after {number} pairs")
        raise _Stop(EndedBy.MAX_PAIRS, f"{self._plan.max_pairs} pairs did not decide it; raise max_pairs")

    def _pair(self, number: int, first: str) -> Pair:
        second = CANDIDATE if first == BASELINE else BASELINE
        made = {side: self._measured(number, side) for side in (first, second)}
        return Pair(baseline=made[BASELINE], candidate=made[CANDIDATE], first=first)

    def _measured(self, number: int, side: str) -> str:
        """Make one run and return its id. Raises _Stop if it does not succeed, or not in time."""
        if self._left_s() <= 0:
            raise self._budget_spent()
        request, key = self._request(number, side), f"{self._label}-{number}-{side}"
        with cancelling(self._client, request, key):
            run = self._client.submit(request, idempotency_key=key)
            if run.fingerprint != self._of[side].fingerprint:
                raise CannotConfirmError(
                    f"the benchmark of run {self._of[side].id} is another one to the service by now: it was measured "
                    "by another version; submit it again, and compare that run"
                )
            if self._watching:
                self._watching.began(number, side, run)
            ended = self._wait(run)
        if ended.state is not RunState.SUCCEEDED:
            why = f": {ended.reason}" if ended.reason else ""
            raise _Stop(EndedBy.RUN_ENDED, f"run {run.id} ({side}) ended as {ended.state}{why}")
        return run.id

    def _wait(self, run: RunView) -> RunView:
        try:
            return self._client.wait(run.id, self._left_s())
        except WaitTimeoutError:
            raise self._budget_spent() from None

    def _request(self, number: int, side: str) -> dict[str, Any]:
        run = self._of[side]
        labels = {LABEL: self._label, f"{LABEL}-side": side, f"{LABEL}-pair": str(number), f"{LABEL}-of": run.id}
        benchmark = run.benchmark.model_dump(mode="json")
        treatment = {"priority": run.priority, "timeout_s": run.timeout_s, "retry_limit": run.retry_limit}
        where = benchmark["where"] | {"partition": self.partition.uuid}
        # Trials, and many of one hour: a history that had them would rest on that hour.
        return benchmark | treatment | {"where": where, "labels": labels, "in_history": False}

    def _look(self) -> Verdict:
        """Compare the pairs that there are. Raises _Stop if their steps do not support the statistic."""
        found = self._client.compare(
            [pair.baseline for pair in self._pairs],
            [pair.candidate for pair in self._pairs],
            statistic=self._plan.statistic,
            margin=self._plan.margin,
            level=self._level,
            paired=True,
        )
        self._comparison = found
        self._looks.append(len(self._pairs))
        if self._watching:
            self._watching.looked(len(self._pairs), found)
        (candidate,) = found.candidates
        if candidate.verdict is None:
            raise _Stop(EndedBy.UNSUPPORTED, str(candidate.in_time_absent))
        return candidate.verdict

    def _ended(self, stop: _Stop) -> Confirmation:
        """Look at pairs that no look has seen yet, in place of the next planned one, and tell all."""
        if len(self._pairs) >= LEAST_PAIRS and len(self._pairs) not in self._looks:
            with suppress(_Stop):
                self._look()
        return Confirmation(
            partition=self.partition.uuid,
            label=self._label,
            ended_by=stop.ended_by,
            why=stop.why,
            pairs=tuple(self._pairs),
            looks=tuple(self._looks),
            looks_planned=len(self._looks_at),
            level_each_look=self._level,
            took_s=self._clock_s() - self._begun_s,
            comparison=self._comparison,
        )

    def _left_s(self) -> float:
        return self._plan.budget_s - (self._clock_s() - self._begun_s)

    def _budget_spent(self) -> _Stop:
        return _Stop(EndedBy.BUDGET, f"the budget of {self._plan.budget_s:g} s does not reach for another pair")


def first_sides(seed: int) -> Iterator[str]:
    """Yield which side begins each pair: by chance, and in every two pairs each side once."""
    generator = random.Random(seed)
    while True:
        yield from generator.sample((BASELINE, CANDIDATE), 2)
