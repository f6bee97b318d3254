"""The drawing of slices: to scale, inside its grid, never one above the other."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.layout_page import part_of
from api.slices import WIDTH, Bar, ComputePart, Grid, InstancePart, SliceState, draw, draw_whole
from migperf.gpus.known_boards import gpu_of_board
from migperf.gpus.legal_layouts import legal_layouts
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.boards import BOARDS

CUTTABLE = ["a30-24gb", "h100-80gb", "rtx-pro-6000-96gb", "rtx-pro-5000-48gb"]
"""One board of each grid."""


def test_every_grid_is_tried() -> None:
    grids = {(b.memory_units, b.compute_slices) for b in BOARDS.values() if b.has_mig}
    assert grids == {(BOARDS[key].memory_units, BOARDS[key].compute_slices) for key in CUTTABLE}


@settings(deadline=None)  # the first layouts of a board take their time
@given(data=st.data())
def test_instances_of_a_legal_layout_are_to_scale_and_never_overlap(data: st.DataObject) -> None:
    geometry = gpu_of_board(data.draw(st.sampled_from(CUTTABLE))).geometry
    assert geometry is not None
    legal = data.draw(st.sampled_from(legal_layouts(geometry)))
    parts = [part_of(placed, geometry.by_name[placed.profile].slices) for placed in legal.placed]
    slices = draw(Grid(geometry.units, geometry.slices), parts).slices
    for placed, drawn in zip(legal.placed, slices, strict=True):
        assert drawn.memory.left == pytest.approx(placed.placement.start * WIDTH / geometry.units)
        assert drawn.memory.width == pytest.approx(placed.placement.size * WIDTH / geometry.units)
        [compute] = drawn.compute
        per_slice = compute.width / geometry.by_name[placed.profile].slices
        assert per_slice == pytest.approx(WIDTH / geometry.units * (geometry.units // geometry.slices))
        assert drawn.memory.left <= compute.left
        assert compute.right <= drawn.memory.right + 0.01, "compute slices lie below their memory"
    for row in ([one.memory for one in slices], [bar for one in slices for bar in one.compute]):
        assert apart(row)


def apart(row: list[Bar]) -> bool:
    inside = all(bar.left >= 0 and bar.right <= WIDTH + 0.01 for bar in row)
    return inside and all(a.right <= b.left + 0.01 for a, b in pairwise(sorted(row, key=lambda bar: bar.left)))


def test_compute_instances_lie_beside_each_other_below_their_gpu_instance() -> None:
    compute = tuple(
        ComputePart(Placement(start, 2), state) for start, state in ((0, SliceState.FREE), (2, SliceState.LEASED))
    )
    [drawn] = draw(Grid(8, 7), [InstancePart("4g.40gb", Placement(0, 4), 4, compute, SliceState.LEASED)]).slices
    assert [(bar.left, bar.right) for bar in drawn.compute] == [(0, 84), (84, 168)]
    assert drawn.title == "4g.40gb, memory units 0 to 3, 4 compute slices: free, leased"


def test_a_long_name_is_broken_where_the_slice_is_narrow_and_a_device_that_is_not_cut_is_one() -> None:
    [narrow] = draw(Grid(8, 7), [part_of_unit()]).slices
    assert narrow.lines == ("1g", "10gb+me")
    [whole] = draw_whole("whole", SliceState.FREE).slices
    assert (whole.memory.width, whole.lines) == (WIDTH, ("whole",))


def part_of_unit() -> InstancePart:
    return InstancePart("1g.10gb+me", Placement(6, 1), 1, (), SliceState.FREE)


@pytest.mark.parametrize(
    ("label", "slices", "drawn"),
    [
        ("A thumbnails", 3, "A thumbnails"),
        ("A thumbnails-of-the-archive", 3, "A thumbnails-of-the…"),
        ("A thumbnails", 1, "A"),
        ("B a", 1, "B a"),
        ("", 1, ""),
    ],
)
def test_what_a_slice_is_for_stands_in_it_as_far_as_there_is_room(label: str, slices: int, drawn: str) -> None:
    part = InstancePart(f"{slices}g", Placement(0, 4), slices, (), SliceState.PLACED, says="a: 1 of 2/s", label=label)
    [one] = draw(Grid(8, 7), [part]).slices
    assert one.label == drawn
    assert one.title.endswith(": without compute instance. a: 1 of 2/s"), "the whole is said where there is no room"
