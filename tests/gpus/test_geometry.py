"""What can be cut out of a GPU: checked against published counts, and against brute force on random grids."""

import time
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.gpus.geometry import Geometry, Placed, UnknownProfileError, Wish, compute_geometry, multiset
from migperf.gpus.inventory import discover
from migperf.gpus.placement import Placement
from migperf.gpus.profile import Profile
from migperf.gpus.simulation.boards import BOARDS
from migperf.gpus.simulation.driver import open_in_memory

SMALL = 10
"""Candidates whose every combination can be tried."""
MIG_BOARDS = [key for key, board in BOARDS.items() if board.has_mig]
PLAIN = {"1g", "2g", "3g", "4g", "7g"}


def geometry_of(board: str) -> Geometry:
    (gpu,) = discover(open_in_memory([board])).gpus
    assert gpu.geometry is not None
    return gpu.geometry


def only(geometry: Geometry, names: set[str]) -> Geometry:
    profiles = tuple(profile for profile in geometry.profiles if profile.name in names)
    return Geometry(units=geometry.units, slices=geometry.slices, profiles=profiles)


A100 = geometry_of("a100-80gb")
SEVEN = {"1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"}


@pytest.mark.parametrize(
    ("board", "names", "placed", "maximal", "multisets", "maximal_multisets"),
    [
        ("a100-80gb", SEVEN, 298, 19, 37, 14),
        ("a100-80gb", {*SEVEN, "1g.20gb"}, 723, 78, 77, 38),
        ("a100-80gb", {*SEVEN, "1g.20gb", "1g.10gb+me"}, 2319, 239, 127, 64),
        ("h100-80gb", SEVEN, 298, 19, 37, 14),
        ("a30-24gb", {"1g.6gb", "2g.12gb", "4g.24gb"}, 26, 5, 9, 4),
        ("rtx-pro-6000-96gb", {"1g.24gb", "2g.48gb", "4g.96gb"}, 26, 5, 9, 4),
    ],
)
def test_the_layouts_of_known_boards_are_as_many_as_published(
    board: str, names: set[str], placed: int, maximal: int, multisets: int, maximal_multisets: int
) -> None:
    geometry = only(geometry_of(board), names)
    sets, full = list(geometry.placed_sets()), list(geometry.maximal_sets())
    assert len(sets) == len(set(sets)) == placed
    assert len(full) == maximal
    assert len({multiset(found) for found in sets if found}) == multisets
    assert len({multiset(found) for found in full}) == maximal_multisets


@pytest.mark.parametrize("board", MIG_BOARDS)
def test_every_layout_of_a_board_is_found_well_under_a_second(board: str) -> None:
    """An interactive plan must not wait for it. 0.3 s are usual; the bound leaves room for a busy machine."""
    geometry, begun = geometry_of(board), time.process_time()
    assert any(True for _ in geometry.maximal_sets())
    assert time.process_time() - begun < 1.0


@st.composite
def grids(draw: st.DrawFn) -> Geometry:
    """Small grids with profiles of any size at any places."""
    units = draw(st.integers(1, 5))
    profiles = []
    for number in range(draw(st.integers(1, 3))):
        size = draw(st.integers(1, units))
        starts = draw(st.sets(st.integers(0, units - size), min_size=1))
        profiles.append(
            Profile(
                name=f"{number + 1}g.{size}gb{draw(st.sampled_from(['', '+me', '-me', '+me.all']))}",
                id=number,
                slices=draw(st.integers(1, 3)),
                max_count=draw(st.integers(1, 3)),
                sm_count=None,
                memory_mib=None,
                placements=tuple(Placement(start, size) for start in sorted(starts)),
            )
        )
    return Geometry(units=units, slices=draw(st.integers(1, 6)), profiles=tuple(profiles))


def legal(geometry: Geometry, placed: tuple[Placed, ...]) -> bool:
    """The rules once more, said of a whole set at once."""
    profiles = [geometry.by_name[p.profile] for p in placed]
    units = [unit for p in placed for unit in range(p.placement.start, p.placement.end)]
    with_engines = [p for p in profiles if p.name.endswith(("+me", "+me.all"))]
    all_engines = [p for p in profiles if p.name.endswith("+me.all")]
    return (
        len(units) == len(set(units))
        and sum(p.slices for p in profiles) <= geometry.slices
        and all(profiles.count(p) <= p.max_count for p in profiles)
        and len(with_engines) <= 1
        and (not all_engines or all(p in all_engines or p.name.endswith("-me") for p in profiles))
    )


@given(grids())
@settings(deadline=None)
def test_enumeration_finds_exactly_the_legal_sets(geometry: Geometry) -> None:
    candidates = geometry.candidates
    found = list(geometry.placed_sets())
    assert len(found) == len(set(found)), "each set once"
    assert all(legal(geometry, placed) and geometry.check(placed) is None for placed in found)
    if len(candidates) <= SMALL:
        every = {c for n in range(len(candidates) + 1) for c in combinations(candidates, n)}
        assert set(found) == {placed for placed in every if legal(geometry, placed)}
        for placed in geometry.maximal_sets():
            assert not any(legal(geometry, (*placed, new)) for new in candidates if new not in placed)


@given(grids(), st.data())
@settings(deadline=None)
def test_instances_are_packed_beside_others_whenever_that_is_possible_and_none_is_moved(
    geometry: Geometry, data: st.DataObject
) -> None:
    sets = list(geometry.placed_sets())
    beside = data.draw(st.sampled_from(sets))
    wanted = data.draw(st.lists(st.sampled_from([p.name for p in geometry.profiles]), max_size=3))
    found = geometry.arrange([Wish(name) for name in wanted], beside)
    possible = any(
        set(beside) <= set(placed)
        and sorted(p.profile for p in placed) == sorted([*wanted, *(p.profile for p in beside)])
        for placed in sets
    )
    assert (found is not None) == possible
    if found is not None:
        assert sorted(p.profile for p in found) == sorted(wanted)
        assert legal(geometry, (*beside, *found))


@given(grids(), st.data())
@settings(deadline=None)
def test_capacity_is_how_many_more_the_legal_sets_allow(geometry: Geometry, data: st.DataObject) -> None:
    sets = list(geometry.placed_sets())
    beside, name = data.draw(st.sampled_from(sets)), data.draw(st.sampled_from(sorted(geometry.by_name)))
    more = [
        len(placed) - len(beside)
        for placed in sets
        if set(beside) <= set(placed) and all(p.profile == name for p in set(placed) - set(beside))
    ]
    assert geometry.capacity(name, beside) == max(more)


def test_an_instance_goes_where_it_leaves_the_most_room() -> None:
    (three,) = A100.arrange([Wish("3g.40gb")])
    assert three.placement.start == 4, "at 0 it would waste a compute slice"


def test_a_wish_with_a_place_gets_that_place_or_nothing() -> None:
    wishes = [Wish("3g.40gb", 4), Wish("1g.10gb", 0)]
    assert {str(p) for p in A100.arrange(wishes)} == {"3g.40gb@4", "1g.10gb@0"}
    assert A100.arrange([Wish("3g.40gb", 4), Wish("1g.10gb", 5)]) is None
    assert A100.arrange([Wish("1g.10gb", 7)]) is None, "unit 7 has no compute slice"


def test_objections_say_which_rule_is_broken() -> None:
    def at(name: str, start: int) -> Placed:
        return Placed(next(p for p in A100.by_name[name].placements if p.start == start), name)

    assert "no profile 5g.50gb" in str(A100.objection((), Placed(Placement(0, 5), "5g.50gb")))
    assert "can at 0, 4" in str(A100.objection((), Placed(Placement(2, 4), "3g.40gb")))
    assert "overlap with 2g.20gb@2" in str(A100.objection((at("2g.20gb", 2),), at("3g.40gb", 0)))
    rtx = geometry_of("rtx-pro-6000-96gb")
    everything = Placed(Placement(0, 3), "1g.24gb+me.all")
    assert "only instances without any (-me) fit" in str(
        rtx.objection((everything,), Placed(Placement(3, 3), "1g.24gb"))
    )
    assert "at most one instance" in str(rtx.objection((everything,), Placed(Placement(3, 3), "1g.24gb+me")))
    assert rtx.objection((everything,), Placed(Placement(3, 3), "1g.24gb-me")) is None
    assert "at most 1 of 1g.10gb+me" in str(A100.objection((at("1g.10gb+me", 0),), at("1g.10gb+me", 3)))
    with pytest.raises(UnknownProfileError, match=r"1g\.10gb"):
        A100.arrange([Wish("9g.90gb")])


@pytest.mark.parametrize(
    ("slices", "counts"),
    [
        (1, {"1c": 1}),
        (2, {"1c": 2, "2c": 1}),
        (3, {"1c": 3, "2c": 1, "3c": 1}),
        (4, {"1c": 4, "2c": 2, "4c": 1}),
        (7, {"1c": 7, "2c": 3, "3c": 2, "4c": 1, "7c": 1}),
    ],
)
def test_compute_instances_are_as_many_as_the_driver_lists(slices: int, counts: dict[str, int]) -> None:
    geometry = compute_geometry(slices)
    assert {p.name: p.max_count for p in geometry.profiles} == counts
    assert {name: geometry.capacity(name, ()) for name in counts} == counts
