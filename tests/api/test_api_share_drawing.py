"""CPUs and shared devices are drawn to scale: a lane for each share, as long as what it may have, within the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.share_drawing import Lane, draw_cpu, draw_shared_gpu, share_words
from api.slices import WIDTH, SliceState
from migperf.gpus.partition import PartitionKind
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from tests.builders import partition

CPU = partition("CPU-1", cpus=tuple(range(12)))
GPU = partition("GPU-1", PartitionKind.GPU, model="a board")


def lane(drawn: Lane) -> tuple[float, float, str]:
    return drawn.left / WIDTH, drawn.width / WIDTH, drawn.text


def test_a_cpu_that_nobody_shares_is_one_lane_with_its_cores() -> None:
    drawing = draw_cpu(CPU, SliceState.FREE)
    [whole] = drawing.lanes
    assert (lane(whole), whole.title) == ((0, 1, "12 cores"), "12 cores: free")
    assert drawing.grid.count("M") == 11, "borders between cores"


def test_pinned_shares_lie_where_their_cores_are() -> None:
    shares = divide(CPU, Sharing(mode="pinned"), 3)
    lanes = draw_cpu(CPU, SliceState.LEASED, shares).lanes
    assert [lane(one) for one in lanes] == [
        (pytest.approx(0), pytest.approx(1 / 3), "4 cores"),
        (pytest.approx(1 / 3), pytest.approx(1 / 3), "4 cores"),
        (pytest.approx(2 / 3), pytest.approx(1 / 3), "4 cores"),
    ]
    assert lanes[0].title == "4 cores of its own: leased"


def test_shares_that_take_turns_have_the_same_cores_one_below_the_other() -> None:
    lanes = draw_cpu(CPU, SliceState.LEASED, divide(CPU, Sharing(mode="time_slicing", cores=6), 2)).lanes
    assert [lane(one) for one in lanes] == [(0, 0.5, "6 cores")] * 2
    assert lanes[0].top + lanes[0].height == lanes[1].top
    assert lanes[0].title == "6 cores shared with 1 other: leased"


def test_shares_of_mps_are_as_long_as_their_limits() -> None:
    lanes = draw_shared_gpu(divide(GPU, Sharing(mode="mps", thread_pct=25, memory_limit_mib=2048), 2)).lanes
    assert [lane(one) for one in lanes] == [(0, 0.25, "25 %"), (0.25, 0.25, "25 %")]
    assert "MPS, at most 25 % of the multiprocessors, at most 2,048 MiB" in lanes[0].title
    turns = divide(GPU, Sharing(mode="time_slicing"), 3)
    assert share_words(turns[0]) == "turns on all of it with 2 others"
    assert [one.width for one in draw_shared_gpu(turns).lanes] == [WIDTH] * 3


@given(st.integers(1, 12), st.sampled_from(["pinned", "time_slicing", "unrestricted", "mps"]), st.integers(1, 100))
def test_no_lane_leaves_the_drawing_or_lies_on_another(runs: int, mode: str, pct: int) -> None:
    """Also where limits of MPS come to more than the whole, and where there are many shares."""
    if mode == "mps":
        drawing = draw_shared_gpu(divide(GPU, Sharing(mode="mps", thread_pct=pct), runs))
    else:
        drawing = draw_cpu(CPU, SliceState.LEASED, divide(CPU, Sharing(mode=mode), runs))
    bottom = 0.0
    for one in drawing.lanes:
        assert one.left >= 0
        assert one.left + one.width <= WIDTH + 0.02
        assert one.top == pytest.approx(bottom, abs=0.02)
        assert one.width > 0
        bottom = one.top + one.height
    assert bottom == pytest.approx(drawing.height, abs=0.02)
