"""Where a run could be put now: what suits it, free or in use, or why nothing does. Pure, like placement itself.

It says what the next pass would find if nobody else waited; how many wait before the run is the queue's to tell.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from migperf.gpus.gpu import Gpu
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition
from migperf.gpus.plan import LayoutImpossibleError
from migperf.gpus.planning import make_plan
from migperf.gpus.selector import Selector
from migperf.jobs.holders import Situation, beside, holders_of
from migperf.jobs.placement import Free, Offer, OfferedGpu, Waiting, can_be_cut, match

MOST_PLACES = 24
"""So many places are told one by one; of the others their number."""
_MOST_VALUES = 6
_CONDITIONS = ("kind", "profile", "gpu_model", "node", "partition")
_NO_WORKER = "no living node has told of anything to run on; start one with `migperf worker`"


@dataclass(frozen=True, slots=True)
class Place:
    """A partition that suits, or a GPU that would be cut; ``held_by`` are the runs that have it or are in the way."""

    node: str
    thing: Partition | Gpu
    free: bool
    held_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The places that suit a run, free ones first, at most ``MOST_PLACES``; where there is none, why."""

    places: tuple[Place, ...] = ()
    free: int = 0
    """How many are free; counted up to ``MOST_PLACES``."""
    suitable: int = 0
    """How many suit, free or not."""
    why_none: str | None = None


def look_out(run: Waiting, situation: Situation) -> Outlook:
    """Return where the run could be put."""
    found = suiting(run, situation.offer)
    if not found:
        return Outlook(why_none=why_none(run, situation.offer))
    free = _given(run, situation)
    places = [
        Place(node, thing, free=True)
        if thing.uuid in free
        else Place(node, thing, free=False, held_by=_held_by(thing, node, run, situation))
        for thing, node in found
    ]
    places.sort(key=lambda place: not place.free)
    return Outlook(places=tuple(places[:MOST_PLACES]), free=len(free), suitable=len(places))


def suiting(run: Waiting, offer: Offer) -> Sequence[tuple[Partition | Gpu, str]]:
    """Return each partition that suits, free or not, or each GPU that could be cut for the run, with its node."""
    return _partitions(run, offer) if run.layout is None else _gpus(run, run.layout, offer)


def _partitions(run: Waiting, offer: Offer) -> list[tuple[Partition | Gpu, str]]:
    return [
        (place.partition, place.node)
        for place in (*offer.free, *offer.held)
        if run.where.matches(place.partition, place.node) and offer.suits(run, place.node)
    ]


def _gpus(run: Waiting, layout: Layout, offer: Offer) -> list[tuple[Partition | Gpu, str]]:
    return [
        (offered.gpu, offered.node)
        for offered in offer.gpus
        if _matches(run, offered) and offer.suits(run, offered.node) and can_be_cut(offered.gpu, layout)
    ]


def _matches(run: Waiting, offered: OfferedGpu) -> bool:
    return run.where.matches_gpu(offered.gpu, offered.node)


def _held_by(thing: Partition | Gpu, node: str, run: Waiting, situation: Situation) -> tuple[str, ...]:
    return holders_of(thing, situation, whole=run.layout is not None) or beside(thing, node, situation)


def _given(run: Waiting, situation: Situation) -> frozenset[str]:
    """Return the UUIDs of what placement would give to so many runs like this one, if they were alone in the queue."""
    offer = replace(situation.offer, layouts_wanted=run.layout is not None)
    alike = (replace(run, run_id=str(number)) for number in range(MOST_PLACES))
    found = (each.partition or each.gpu for each in match(alike, offer, situation.awaited))
    return frozenset(thing.uuid for thing in found if thing is not None)


def why_none(run: Waiting, offer: Offer) -> str:
    """Return which condition nothing meets, and what there is instead; for a run that nothing suits."""
    if run.layout is not None:
        return _why_no_gpu(run, run.layout, offer)
    places = [*offer.free, *offer.held]
    if not places:
        return _NO_WORKER
    matching = {place.node for place in places if run.where.matches(place.partition, place.node)}
    if matching:
        return _why_no_environment(run, offer, matching)
    return next(_unmet(run.where, places), None) or (
        f"each condition is met somewhere, but no partition meets all of {_conditions(run.where)}; leave one out"
    )


def _unmet(where: Selector, places: Sequence[Free]) -> Iterator[str]:
    """Yield each condition that no place meets, with what there is instead."""
    for name in _CONDITIONS:
        wanted = getattr(where, name)
        if wanted is None:
            continue
        alone = [Selector.model_validate({name: wanted, "simulated": simulated}) for simulated in (False, True)]
        if not any(one.matches(place.partition, place.node) for one in alone for place in places):
            yield f"no partition of a living node has {name}={wanted}; there is {_values(name, places)}"
    if where.partition is None and all(place.partition.simulated != where.simulated for place in places):
        yield _SIMULATED[where.simulated]


_SIMULATED = {
    False: "all partitions of living nodes are simulated; select simulated ones, or start a worker where hardware is",
    True: "no living node has simulated partitions; start a worker with MIGPERF_GPUS=simulated:…",
}


def _why_no_gpu(run: Waiting, layout: Layout, offer: Offer) -> str:
    if not offer.gpus:
        return "no living node has a GPU, and only a GPU can be cut; leave the layout out"
    matching = [offered for offered in offer.gpus if _matches(run, offered)]
    if not matching:
        return f"no GPU of a living node meets {_conditions(run.where)}; leave a condition out"
    fit = [offered for offered in matching if offer.suits(run, offered.node)]
    if not fit:
        return _why_no_environment(run, offer, {offered.node for offered in matching})
    nearest = next((offered for offered in fit if offered.gpu.mig is not None), fit[0])
    return f"{nearest.gpu.model} on {nearest.node}: {_objection(nearest.gpu, layout)}"


def _objection(gpu: Gpu, layout: Layout) -> str:
    try:
        make_plan(gpu, layout)
    except LayoutImpossibleError as error:
        return str(error)
    return f"cannot be cut into {layout}"


def _why_no_environment(run: Waiting, offer: Offer, nodes: Iterable[str]) -> str:
    wanted = ", ".join(sorted(run.environments))
    offered = sorted(frozenset[str]().union(*(offer.environments.get(node, frozenset()) for node in nodes)))
    told = ", ".join(offered) or "none beside their workers' own"
    return f"no node with a partition that matches offers the software environment {wanted}; they offer {told}"


def _conditions(where: Selector) -> str:
    given = where.model_dump(mode="json", exclude_none=True)
    return ", ".join(f"{name}={_word(value)}" for name, value in given.items())


def _word(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _values(name: str, places: Iterable[Free]) -> str:
    found = sorted({_value(name, place) for place in places} - {""})
    more = f" and {len(found) - _MOST_VALUES} more" if len(found) > _MOST_VALUES else ""
    return ", ".join(found[:_MOST_VALUES]) + more if found else "none that has any"


def _value(name: str, place: Free) -> str:
    partition = place.partition
    known = {
        "kind": str(partition.kind),
        "profile": partition.profile,
        "gpu_model": partition.model,
        "node": place.node,
        "partition": partition.uuid,
    }
    return known[name] or ""
