"""A drawing is to scale and says the truth: what lies where, what is free, and nothing beyond the width."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from migperf.cli.slices import Pen, draw_gpu, draw_layout, draw_memory, short_names
from migperf.gpus.geometry import Geometry
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import read_gpu
from migperf.gpus.layout import InstanceSpec, Layout
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.boards import BOARDS
from migperf.gpus.simulation.driver import open_in_memory

NARROWEST = 33
"""Twelve units of two columns, the closing border, and the label."""


@cache
def whole(board: str) -> Gpu:
    driver = open_in_memory([board])
    return read_gpu(driver, driver.device_by_index(0))


def geometry_of(board: str) -> Geometry:
    geometry = whole(board).geometry
    assert geometry is not None
    return geometry


def drawn(board: str, layout: str, width: int = 80) -> str:
    return "\n".join(line.plain for line in draw_layout(geometry_of(board), Layout.parse(layout), Pen(width)))


GOLDEN = {
    ("a100-80gb", "3g.40gb@0+2g.20gb@4+1g.10gb@6"): """\
memory  |3g.40gb------------------------|2g.20gb--------|1g.10gb|.......|
compute |3c---------------------|.......|2c-------------|1c-----|""",
    # What is too long for its place is abbreviated; the eighth memory unit has no compute slice of its own.
    ("a100-80gb", "1g.10gb+me@0+1g.20gb@6"): """\
memory  |1g+me--|.......|.......|.......|.......|.......|1g.20gb--------|
compute |1c-----|.......|.......|.......|.......|.......|1c-----|""",
    ("a100-80gb", "4g.40gb@0+3g.40gb@4"): """\
memory  |4g.40gb------------------------|3g.40gb------------------------|
compute |4c-----------------------------|3c---------------------|""",
    # Compute instances inside an instance, and what they leave unused of it.
    ("a100-80gb", "7g.80gb@0(3c+2c)"): """\
memory  |7g.80gb--------------------------------------------------------|
compute |2c-------------|unused---------|3c---------------------|""",
    ("a100-80gb", "3g.40gb@4()"): """\
memory  |.......|.......|.......|.......|3g.40gb------------------------|
compute |.......|.......|.......|.......|unused-----------------|""",
    # Twelve memory units and four compute slices.
    ("rtx-pro-6000-96gb", "2g.48gb@0+1g.24gb+gfx@9"): """\
memory  |2g.48gb----------------------|....|....|....|1g.24gb+gfx---|
compute |2c---------------------------|..............|1c------------|""",
    ("a30-24gb", "2g.12gb@2+1g.6gb@0"): """\
memory  |1g.6gb----------|................|2g.12gb--------------------------|
compute |1c--------------|................|2c-------------------------------|""",
    ("a30-24gb", "empty"): """\
memory  |................|................|................|................|
compute |................|................|................|................|""",
    ("a100-80gb", "off"): """\
GPU     |whole GPU-------------------------------------------------------------|""",
}


@pytest.mark.parametrize(("board", "layout"), GOLDEN)
def test_a_layout_is_drawn_on_80_columns_without_colour(board: str, layout: str) -> None:
    assert drawn(board, layout) == GOLDEN[board, layout]


def test_compute_slices_never_run_over_the_end_whatever_grid_a_board_has() -> None:
    """No known board has a 4g in its second half; where one had, its slices would begin a little to the left."""
    place, known = Placement(4, 4), geometry_of("a100-80gb")
    four = replace(known.by_name["4g.40gb"], placements=(place,))
    board = Geometry(units=8, slices=7, profiles=(four,))
    _, compute = draw_layout(board, Layout.parse("4g.40gb@4"), Pen(80))
    assert compute.plain == "compute |.......|.......|.......|4c-----------------------------|"


def test_a_gpu_with_mig_off_and_one_without_mig_are_drawn_whole() -> None:
    for board in ("a100-80gb", "l40s-48gb"):
        (line,) = draw_gpu(whole(board), Pen(40))
        assert line.plain == "GPU     |whole GPU---------------------|"


def test_what_cannot_be_seen_is_not_drawn() -> None:
    """A container that was given one instance does not see places; a drawing would be made up."""
    blind = {"id": 1, "profile": "1g.10gb", "placement": None, "slices": 1}
    gpu = whole("h100-80gb").model_dump() | {
        "mig": {"enabled": True, "pending": True, "resetless": True},
        "instances": [blind],
    }
    assert draw_gpu(Gpu.model_validate(gpu), Pen(80)) == []


def test_compute_instances_are_drawn_where_they_are_not_where_they_would_be_put() -> None:
    compute = {"id": 0, "uuid": "MIG-1", "slices": 1, "placement": Placement(5, 1), "profile": "1c.7g.80gb"}
    instance = {"id": 1, "profile": "7g.80gb", "placement": Placement(0, 8), "slices": 7}
    instance["compute_instances"] = [compute | {"sm_count": 16, "memory_mib": 1}]
    mig = {"enabled": True, "pending": True, "resetless": True}
    gpu = Gpu.model_validate(whole("h100-80gb").model_dump() | {"mig": mig, "instances": [instance]})
    assert draw_gpu(gpu, Pen(80))[1].plain == "compute |unused---------------------------------|1c-----|unused-|"


def test_colours_replace_the_dashes_and_are_left_out_where_they_are_not_wanted() -> None:
    layout, geometry = Layout.parse("7g.80gb@0"), geometry_of("a100-80gb")
    terminal = Pen.of(Console(force_terminal=True, color_system="standard", no_color=False, width=80))
    row = draw_memory(geometry, layout, terminal)
    assert "-" not in row.plain
    assert any("on" in str(span.style) for span in row.spans)
    for plain in (Console(force_terminal=True, no_color=True, width=80), Console(force_terminal=False, width=80)):
        row = draw_memory(geometry, layout, Pen.of(plain))
        assert row.plain.startswith("|7g.80gb---")
        assert row.spans == []


@st.composite
def layouts_on_boards(draw: st.DrawFn) -> tuple[Geometry, Layout]:
    """Draw a board and a legal layout of it, instance by instance, some of them cut further."""
    geometry = geometry_of(draw(st.sampled_from([key for key, board in BOARDS.items() if board.has_mig])))
    placed, specs = [], []
    for _ in range(draw(st.integers(0, 7))):
        fitting = geometry.fitting(placed)
        if not fitting:
            break
        one = draw(st.sampled_from(fitting))
        placed.append(one)
        slices = geometry.by_name[one.profile].slices
        compute = draw(st.sampled_from([None, (), (1,) * slices]))
        specs.append(InstanceSpec(one.profile, one.placement.start, compute))
    return geometry, Layout.of(specs)


@given(layouts_on_boards(), st.integers(NARROWEST, 200))
def test_no_drawing_is_wider_than_asked_and_every_instance_is_named(case: tuple[Geometry, Layout], width: int) -> None:
    geometry, layout = case
    lines = [line.plain for line in draw_layout(geometry, layout, Pen(width))]
    assert all(len(line) <= width for line in lines)
    blocks = [block.rstrip("-") for block in lines[0].split("|")[1:-1] if set(block) != {"."}]
    ordered = sorted(layout.instances, key=lambda spec: spec.start)
    assert len(blocks) == len(ordered)
    for block, spec in zip(blocks, ordered, strict=True):
        # A name may itself end in a dash when it is cut there: 1g-me becomes 1g-.
        assert block in {name.rstrip("-") for name in short_names(spec.profile)}


@given(layouts_on_boards(), st.integers(NARROWEST, 200))
def test_widths_are_to_scale(case: tuple[Geometry, Layout], width: int) -> None:
    """Each block has as many columns a unit as every other, in both rows."""
    geometry, layout = case
    memory, compute = (line.plain.split("|")[1:-1] for line in draw_layout(geometry, layout, Pen(width)))
    row = sum(len(block) + 1 for block in memory)
    assert row % geometry.units == 0
    unit = row // geometry.units
    taken = sorted((spec.start, geometry.by_name[spec.profile].placements[0].size) for spec in layout.instances)
    assert [len(block) + 1 for block in memory if set(block) != {"."}] == [size * unit for _, size in taken]
    assert sum(len(block) + 1 for block in compute) == unit * (geometry.units // geometry.slices) * geometry.slices
