"""How a GPU can be cut: which sets of instances fit, where they go, and what still fits beside them.

The same rules serve two grids. A GPU is a row of memory units in which GPU instances lie; a GPU instance is a row of
compute slices in which compute instances lie. Pure arithmetic over what the driver says; no board is known here.

Rules (NVIDIA MIG User Guide, section on partitioning): instances share no unit, no profile comes more often than its
maximum, compute slices add up to no more than there are, and media engines are given out once (see ``profile.Media``).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from migperf.gpus.objection import Objection, Rule
from migperf.gpus.placement import Placement
from migperf.gpus.profile import Media, Profile


@dataclass(frozen=True, slots=True, order=True)
class Placed:
    """An instance at its place."""

    placement: Placement
    profile: str

    def __str__(self) -> str:
        return f"{self.profile}@{self.placement.start}"


PlacedSet = tuple[Placed, ...]
"""Instances that lie beside each other, in the order of their starts."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An instance that is wanted: where it lies does not matter unless a start is given."""

    profile: str
    start: int | None = None


@dataclass(frozen=True)
class Geometry:
    """The grid of one GPU, or of one GPU instance."""

    units: int
    """Memory units of a GPU (8; 12 on RTX PRO 6000; 4 on A30), or compute slices of a GPU instance."""
    slices: int
    """Compute slices that instances may use together."""
    profiles: tuple[Profile, ...]

    @cached_property
    def by_name(self) -> dict[str, Profile]:
        """The profiles by their names."""
        return {profile.name: profile for profile in self.profiles}

    @cached_property
    def candidates(self) -> PlacedSet:
        """Every single instance at every place where it may lie, in the order of their starts."""
        return tuple(sorted(Placed(place, p.name) for p in self.profiles for place in p.placements))

    def slices_of(self, profile: str) -> int | None:
        """Return the compute slices of a profile; None where there is no such profile."""
        found = self.by_name.get(profile)
        return None if found is None else found.slices

    def objection(self, beside: Iterable[Placed], new: Placed) -> Objection | None:
        """Say why ``new`` cannot be placed beside what is there; None if it can."""
        profile = self.by_name.get(new.profile)
        if profile is None:
            return Objection(Rule.PROFILE, _no_profile(new.profile, self.by_name), new.profile)
        if new.placement not in profile.placements:
            return start_objection(profile, new.placement.start)
        present = tuple(beside)
        if (taken := next((p for p in present if p.placement.overlaps(new.placement)), None)) is not None:
            both = new.placement.shared_with(taken.placement)
            return Objection(Rule.OVERLAP, f"{new} would overlap with {taken}", str(new), str(taken), both)
        if sum(p.profile == new.profile for p in present) >= profile.max_count:
            return count_objection(new.profile, profile.max_count)
        used = sum(self.by_name[p.profile].slices for p in present)
        if used + profile.slices > self.slices:
            left = f"{new.profile} needs {profile.slices} compute slices, {self.slices - used} are left"
            return Objection(Rule.COMPUTE_SLICES, left, str(new))
        why = _media_objection([self.by_name[p.profile].media for p in present], profile.media)
        return None if why is None else Objection(Rule.MEDIA_ENGINES, why, str(new))

    def check(self, placed: Iterable[Placed]) -> Objection | None:
        """Say what is wrong with a whole set; None if it is legal."""
        present: list[Placed] = []
        for new in sorted(placed):
            if (objection := self.objection(present, new)) is not None:
                return objection
            present.append(new)
        return None

    def fitting(self, beside: Sequence[Placed]) -> PlacedSet:
        """Return every single instance that could be added now."""
        return tuple(new for new in self.candidates if self.objection(beside, new) is None)

    def capacity(self, profile: str, beside: Sequence[Placed]) -> int:
        """Return how many instances of a profile could still be added beside what is there."""
        only = [new for new in self.candidates if new.profile == profile]
        return max(len(extended) for extended in self._extend(tuple(beside), only)) - len(beside)

    def placed_sets(self, beside: Sequence[Placed] = ()) -> Iterator[PlacedSet]:
        """Yield every legal set that contains ``beside``, each once: first ``beside`` alone."""
        for found in self._extend(tuple(beside), self.candidates):
            yield tuple(sorted(found))

    def maximal_sets(self) -> Iterator[PlacedSet]:
        """Yield the legal sets to which nothing can be added."""
        return (found for found in self.placed_sets() if not self.fitting(found))

    def arrange(self, wishes: Sequence[Wish], beside: Sequence[Placed] = ()) -> PlacedSet | None:
        """Place what is wanted beside what is there and cannot be moved; None if it does not fit.

        Of all ways, the one that leaves the most ways to go on: a 3g of seven slices goes to 4, where it wastes
        nothing. Raises UnknownProfileError.
        """
        for wish in wishes:
            if wish.profile not in self.by_name:
                raise UnknownProfileError(wish.profile, tuple(self.by_name))
        ways = self._arrangements(tuple(sorted(wishes, key=self._hardest_first)), tuple(beside), None)
        if all(wish.start is not None for wish in wishes):
            return next(ways, None)  # there is one way at most, and nothing to choose
        return max(ways, key=lambda way: self._freedom((*beside, *way)), default=None)

    def _hardest_first(self, wish: Wish) -> tuple[bool, int, str, int]:
        return (wish.start is None, -self.by_name[wish.profile].placements[0].size, wish.profile, wish.start or 0)

    def _arrangements(self, wishes: tuple[Wish, ...], beside: PlacedSet, last: Placed | None) -> Iterator[PlacedSet]:
        """Yield every way to place the wishes. Equal ones are placed from left to right, so each way comes once."""
        if not wishes:
            yield ()
            return
        first, *rest = wishes
        ordered = last is not None and first.start is None and last.profile == first.profile
        for place in self.by_name[first.profile].placements:
            new = Placed(place, first.profile)
            if first.start not in (None, place.start) or (ordered and last is not None and new < last):
                continue
            if self.objection(beside, new) is None:
                following = new if first.start is None else None
                yield from ((new, *way) for way in self._arrangements(tuple(rest), (*beside, new), following))

    def _freedom(self, placed: PlacedSet) -> int:
        """Count the legal sets that contain this one: how many ways there are to go on."""
        return sum(1 for _ in self._extend(placed, self.candidates))

    def _extend(self, present: PlacedSet, candidates: Sequence[Placed]) -> Iterator[PlacedSet]:
        """Yield ``present``, then all that comes of adding candidates to it, in their order."""
        yield present
        for i, new in enumerate(candidates):
            if self.objection(present, new) is None:
                beyond = [c for c in candidates[i + 1 :] if c.placement.start >= new.placement.end]
                yield from self._extend((*present, new), beyond)


class UnknownProfileError(ValueError):
    """A profile was named that this GPU does not have."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(_no_profile(name, known))
        self.name = name


def start_objection(profile: Profile, start: int) -> Objection:
    """Say that a profile has no place at a unit, and where it has one."""
    starts = ", ".join(str(place.start) for place in profile.placements)
    says = f"{profile.name} cannot begin at {start}; it can at {starts}"
    return Objection(Rule.START, says, f"{profile.name}@{start}")


def count_objection(profile: str, most: int) -> Objection:
    """Say that there are as many instances of a profile as there can be."""
    return Objection(Rule.MAX_COUNT, f"a GPU holds at most {most} of {profile}", profile)


def _no_profile(name: str, known: Iterable[str]) -> str:
    return f"this GPU has no profile {name}; it has {', '.join(known)}"


def multiset(placed: Iterable[Placed]) -> tuple[tuple[str, int], ...]:
    """Return the profiles of a set with their numbers, wherever they lie."""
    return tuple(sorted(Counter(p.profile for p in placed).items()))


def compute_geometry(slices: int) -> Geometry:
    """Return the grid of compute instances inside a GPU instance of so many compute slices.

    For planning while the GPU instance does not exist; once it does, the driver has the last word. Counts: NVIDIA's
    ``nvidia-smi mig -lcip`` on A100 (1c in every slice; 2c at even ones; 3c twice in 7g; what is left, once).
    """
    starts = {1: range(slices), 2: range(0, slices - 1, 2), 3: range(0, slices - 2, 4)}
    sizes = {1: (1,), 2: (1, 2), 3: (1, 2, 3), 4: (1, 2, 4), 7: (1, 2, 3, 4, 7)}.get(slices, (1, slices))
    profiles = tuple(_compute_profile(size, starts.get(size, range(1))) for size in sizes)
    return Geometry(units=slices, slices=slices, profiles=profiles)


def compute_profile(slices: int) -> str:
    """Return what a compute instance of so many slices is called in ``compute_geometry``."""
    return f"{slices}c"


def _compute_profile(size: int, starts: Iterable[int]) -> Profile:
    placements = tuple(Placement(start, size) for start in starts)
    return Profile(
        name=compute_profile(size),
        id=size,
        slices=size,
        max_count=len(placements),
        sm_count=None,
        memory_mib=None,
        placements=placements,
    )


def _media_objection(present: Sequence[Media], new: Media) -> str | None:
    claims = (Media.ONE_SET, Media.ALL)
    if new in claims and any(media in claims for media in present):
        return "at most one instance of a GPU can have media engines of its own (+me, +me.all)"
    everything = [*present, new]
    if Media.ALL in everything and sum(media is not Media.NONE for media in everything) > 1:
        return "beside an instance with all media engines (+me.all) only instances without any (-me) fit"
    return None
