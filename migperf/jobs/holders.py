"""Who has the places that suit a run, or is in its way there: for people who ask why it waits, or would. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from migperf.gpus.gpu import Gpu
from migperf.gpus.partition import Partition
from migperf.jobs.placement import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What there is to be given, and who is in the way."""

    offer: Offer
    holders: Mapping[str, str]
    """The run on each partition or shared device, and on each GPU that is held whole, by its UUID."""
    awaited: frozenset[str] = frozenset()
    """GPUs that a change of layout waits for (UUIDs): nothing new is put there."""


def gpu_of(thing: Partition | Gpu) -> str | None:
    """Return the UUID of the GPU that a place is, or is a part of."""
    return thing.uuid if isinstance(thing, Gpu) else thing.gpu_uuid


def holders_of(thing: Partition | Gpu, situation: Situation, *, whole: bool) -> tuple[str, ...]:
    """Return who has the place itself, or the GPU that it is a part of, or parts of what is wanted ``whole``."""
    gpu = gpu_of(thing)
    wanted = [thing.uuid, gpu]
    if whole:
        wanted += [held.partition.uuid for held in situation.offer.held if gpu and held.partition.gpu_uuid == gpu]
    found = (situation.holders.get(one) for one in wanted if one is not None)
    return tuple(dict.fromkeys(run for run in found if run is not None))


def beside(thing: Partition | Gpu, node: str, situation: Situation) -> tuple[str, ...]:
    """Return the runs on a host whose CPU cannot be shared with a run on the thing: they use it in the other way."""
    held = (place.partition for place in situation.offer.held if place.node == node)
    others = [other.uuid for other in held if other.simulated != thing.simulated and (other.simulated or other.on_cpu)]
    others += [one.gpu.uuid for one in situation.offer.gpus if one.node == node and one.gpu.simulated and one.closed]
    return tuple(dict.fromkeys(run for uuid in others if (run := situation.holders.get(uuid)) is not None))
