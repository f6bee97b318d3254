"""Every way in which a GPU can be cut, told apart by what there is, not by where it lies."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from migperf.gpus.geometry import Geometry, Placed, PlacedSet, multiset
from migperf.gpus.layout import InstanceSpec, Layout

EMPTY = Layout()
GEOMETRIES_KEPT = 64


@dataclass(frozen=True, slots=True)
class LegalLayout:
    """A layout that a GPU can have, and one way to place it."""

    placed: PlacedSet
    """If possible a way to which nothing can be added, else one that leaves the most ways to go on."""
    full: bool
    """Whether nothing can be added to ``placed``."""
    slices_left: int
    """Compute slices that no instance has."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles of its instances, largest first."""
        return Layout.of(InstanceSpec(p.profile) for p in self.placed).profiles

    @property
    def layout(self) -> Layout:
        """The layout with its places left open."""
        return self.example().without_places()

    def example(self, beside: Layout = EMPTY) -> Layout:
        """Return the layout with the places of ``placed``; what is there already keeps its compute instances."""
        cuts = {spec.start: spec.compute for spec in beside.instances}
        starts = ((p.profile, p.placement.start) for p in self.placed)
        return Layout.of(InstanceSpec(profile, start, cuts.get(start)) for profile, start in starts)


@lru_cache(maxsize=GEOMETRIES_KEPT)
def legal_layouts(geometry: Geometry, beside: PlacedSet = ()) -> tuple[LegalLayout, ...]:
    """Return every legal layout that contains ``beside`` where it lies, largest instances first.

    The empty one is left out. A GPU of seven slices has 128 of 2318 placed ones, which takes some 0.1 s; hence the
    cache.
    """
    freedom = _freedom(geometry, beside)
    by_content: dict[object, list[PlacedSet]] = defaultdict(list)
    for placed in freedom:
        by_content[multiset(placed)].append(placed)
    found = (_legal_layout(geometry, ways, freedom) for ways in by_content.values() if ways[0])
    return tuple(sorted(found, key=lambda legal: [InstanceSpec(profile).order for profile in legal.profiles]))


def has_profiles(legal: LegalLayout, profiles: Sequence[str]) -> bool:
    """Tell whether the layout has all of these profiles; one that is named twice, twice."""
    return Counter(profiles) <= Counter(legal.profiles)


def _freedom(geometry: Geometry, beside: PlacedSet) -> Counter[PlacedSet]:
    """Count for each legal set the legal sets that contain it, itself included; 1: nothing can be added.

    Every part of a legal set is legal.
    """
    must = frozenset(beside)
    counted: Counter[PlacedSet] = Counter()
    for placed in geometry.placed_sets(tuple(sorted(beside))):
        added = [p for p in placed if p not in must]
        for number in range(len(added) + 1):
            counted.update(_joined(beside, part) for part in combinations(added, number))
    return counted


def _joined(beside: Sequence[Placed], part: Sequence[Placed]) -> PlacedSet:
    return tuple(sorted((*beside, *part))) if beside else tuple(part)


def _legal_layout(geometry: Geometry, ways: Sequence[PlacedSet], freedom: Counter[PlacedSet]) -> LegalLayout:
    best = max(ways, key=lambda placed: (freedom[placed] == 1, freedom[placed]))
    used = sum(geometry.by_name[p.profile].slices for p in best)
    return LegalLayout(
        placed=best,
        full=freedom[best] == 1,
        slices_left=geometry.slices - used,
    )
