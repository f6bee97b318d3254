"""Why a queued run waits: nothing suits it, others hold what does, or it is not yet its turn. Pure, like placement.

What suits a run, and what would be given to it, is asked of placement itself; here that is only put into words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from migperf.gpus.gpu import Gpu
from migperf.gpus.partition import Partition
from migperf.gpus.shares import SharingImpossibleError, divide
from migperf.jobs.holders import Situation, beside, gpu_of, holders_of
from migperf.jobs.outlook import suiting, why_none
from migperf.jobs.placement import WHOLE_KINDS, Free, Offer, Together, Waiting, can_be_shared, match

MOST_AHEAD = 1000
"""So many runs before one are counted; the number stands for itself and more."""
Asking = Waiting | Together


class WaitKind(StrEnum):
    """What a queued run waits for."""

    NOWHERE = "nowhere"
    """Nothing that living nodes have suits it: it waits until something is added or changed."""
    HELD = "held"
    """Other runs hold what suits it."""
    PROCESSOR = "processor"
    """The CPU of a host is measured alone, and something runs beside what suits it."""
    CHANGING = "changing"
    """The GPU that suits it is being cut anew, or is to be."""
    GROUP = "group"
    """The runs that it is measured with do not all wait yet."""
    TURN = "turn"
    """Something is free for it: the next placement pass gives it that, unless runs before it want the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why a run waits, as a sentence; ``holders`` are the ids of the runs that have what suits it."""

    kind: WaitKind
    reason: str
    ahead: int = 0
    """How many runs are before it in the queue; ``MOST_AHEAD`` stands for so many and more."""
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """Why one place that suits is not to be had."""

    kind: WaitKind
    place: str
    runs: tuple[str, ...] = ()


def why_waiting(asking: Asking | None, situation: Situation, ahead: int) -> Wait:
    """Return why a queued run, or its group, waits; None is a group that cannot be placed yet."""
    if asking is None:
        return Wait(kind=WaitKind.GROUP, reason="it is placed with its group, not all of whose runs wait", ahead=ahead)
    places = _suiting(asking, situation.offer)
    if not places:
        return Wait(kind=WaitKind.NOWHERE, reason=_why_nowhere(asking, situation.offer), ahead=ahead)
    if _is_given_something(asking, situation):
        return Wait(kind=WaitKind.TURN, reason=_turn(ahead), ahead=ahead)
    found = [_obstacle(thing, node, asking, situation) for thing, node in places]
    kind = next(kind for kind in WaitKind if any(one.kind is kind for one in found))
    holders = tuple(dict.fromkeys(run for one in found for run in one.runs))
    return Wait(kind=kind, reason=_told(found), ahead=ahead, holders=holders)


def _as_one(asking: Asking) -> Waiting:
    return asking.as_one if isinstance(asking, Together) else asking


def _suiting(asking: Asking, offer: Offer) -> Sequence[tuple[Partition | Gpu, str]]:
    """Return what the run, or all runs of the group, could be put on if nobody held it."""
    if isinstance(asking, Together) and asking.layout is None:
        sharing, shares = asking.sharing, asking.shares
        devices = (place for place in _whole_devices(asking, offer) if offer.suits(asking.as_one, place.node))
        return [(d.partition, d.node) for d in devices if sharing and can_be_shared(d.partition, sharing, shares)]
    return suiting(_as_one(asking), offer)


def _whole_devices(asking: Together, offer: Offer) -> Iterator[Free]:
    where = asking.as_one.where
    for place in (*offer.free, *offer.held):
        if place.partition.kind in WHOLE_KINDS and where.matches(place.partition, place.node):
            yield place


def _why_nowhere(asking: Asking, offer: Offer) -> str:
    run = _as_one(asking)
    if suiting(run, offer) and isinstance(asking, Together) and asking.sharing is not None:
        device = next(_whole_devices(asking, offer), None)
        if device is None:
            return "its group is measured on a whole GPU or CPU, and what matches is a part of one"
        try:
            divide(device.partition, asking.sharing, asking.shares)
        except SharingImpossibleError as error:
            return str(error)
    return why_none(run, offer)


def _is_given_something(asking: Asking, situation: Situation) -> bool:
    """Tell whether placement would give it something if it were alone in the queue."""
    offer = replace(situation.offer, layouts_wanted=asking.layout is not None)
    return next(iter(match([asking], offer, situation.awaited)), None) is not None


def _turn(ahead: int) -> str:
    if not ahead:
        return "a place that suits it is free, and the next placement pass gives it that"
    more = " or more" if ahead >= MOST_AHEAD else ""
    before = "the run" if ahead == 1 else f"one of the {ahead:,}{more} runs"
    return f"a place that suits it is free, unless {before} before it in the queue wants that"


def _obstacle(thing: Partition | Gpu, node: str, asking: Asking, situation: Situation) -> _Obstacle:
    place = f"{' '.join(filter(None, (thing.model, _profile(thing))))} on {node}"
    uuid = gpu_of(thing)
    if runs := holders_of(thing, situation, whole=asking.layout is not None or isinstance(asking, Together)):
        return _Obstacle(WaitKind.HELD, place, runs)
    offered = next((one for one in situation.offer.gpus if one.gpu.uuid == uuid), None)
    if uuid in situation.awaited or (offered is not None and (offered.closed or offered.restore is not None)):
        return _Obstacle(WaitKind.CHANGING, place)
    return _Obstacle(WaitKind.PROCESSOR, place, beside(thing, node, situation))


def _profile(thing: Partition | Gpu) -> str | None:
    return thing.profile if isinstance(thing, Partition) else None


_SAID = {
    WaitKind.HELD: ("is held by another run", "are held by other runs"),
    WaitKind.PROCESSOR: (
        "is free, but the CPU of its host is measured alone, and another run uses it",
        "are free, but the CPU of a host is measured alone, and other runs use it",
    ),
    WaitKind.CHANGING: ("is being cut anew, or is to be", "are being cut anew, or are to be"),
}


def _told(found: Sequence[_Obstacle]) -> str:
    """Return how it stands with the places that suit; of several how many are in the way of what."""
    if len(found) == 1:
        return f"the only place that suits it, {found[0].place}, {_SAID[found[0].kind][0]}"
    parts = ((kind, sum(one.kind is kind for one in found)) for kind in _SAID)
    told = ", ".join(_part(kind, count, len(found)) for kind, count in parts if count)
    return f"of {len(found)} places that suit it {told}"


def _part(kind: WaitKind, count: int, of: int) -> str:
    return f"{'all' if count == of else count} {_SAID[kind][count > 1]}"
