"""Matching queued runs to free partitions: which run goes where. Pure; the transaction around it is dispatch's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migperf.gpus.partition import Partition
from migperf.gpus.selector import Selector


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued run, as far as placement cares."""

    run_id: str
    where: Selector


@dataclass(frozen=True, slots=True)
class Free:
    """A partition that no run holds, and its node."""

    partition: Partition
    node: str


@dataclass(frozen=True, slots=True)
class Match:
    """A run and the partition that it gets."""

    run_id: str
    free: Free


def match(waiting: Iterable[Waiting], free: Iterable[Free]) -> Iterator[Match]:
    """Give each run, in the order given, the first partition left that its selector allows.

    A run that nothing fits does not hold up those behind it. Ends as soon as no partition is left.
    """
    left = list(free)
    for run in waiting:
        if not left:
            return
        found = next((f for f in left if run.where.matches(f.partition, f.node)), None)
        if found is not None:
            left.remove(found)
            yield Match(run.run_id, found)
