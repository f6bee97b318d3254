"""The GPUs that advice is about: boards by name, what they can be cut into, and layouts of what is used."""

from collections import Counter

import pytest

from migperf.analysis.advisor.boards import matches_board, named_stock, same_board, stock_at_hand
from migperf.analysis.advisor.demand import WHOLE, GpuStock
from migperf.analysis.advisor.errors import AdviceError
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.legal_layouts import legal_layouts
from migperf.gpus.simulation.driver import open_in_memory


def stock(model: str, count: int = 1):
    (found,) = named_stock([GpuStock(model=model, count=count)])
    return found


@pytest.mark.parametrize("name", ["a100-80gb", "A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB", "*A100*-80GB"])
def test_a_board_is_known_by_its_key_and_by_its_name(name: str) -> None:
    assert stock(name, 8).model == "NVIDIA A100-SXM4-80GB"
    assert (stock(name, 8).count, stock(name).slices, stock(name).units) == (8, 7, 8)


@pytest.mark.parametrize(("name", "problem"), [("V100", "is no board known here"), ("*A100*", "means 2 boards")])
def test_a_board_that_is_unknown_or_not_one_is_refused_with_those_that_there_are(name: str, problem: str) -> None:
    with pytest.raises(AdviceError, match=problem) as caught:
        stock(name)
    assert caught.value.where == ("gpus", 0, "model")
    assert "A100-SXM4-80GB" in str(caught.value)


def test_a_board_that_is_named_twice_is_refused() -> None:
    with pytest.raises(AdviceError, match="named twice") as caught:
        named_stock([GpuStock(model="a30-24gb", count=1), GpuStock(model="A30", count=2)])
    assert caught.value.where == ("gpus", 1, "model")


def test_what_a_gpu_can_be_cut_into_is_told_by_the_profiles_that_are_of_use() -> None:
    a100 = stock("a100-80gb")
    assert a100.contents({"1g.10gb"}) == ((("1g.10gb", 7),),)
    assert a100.contents({WHOLE}) == (((WHOLE, 1),),)
    found = a100.contents({"1g.10gb", "3g.40gb"})
    assert set(found) == {(("1g.10gb", 7),), (("1g.10gb", 4), ("3g.40gb", 1)), (("3g.40gb", 2),)}


@pytest.mark.parametrize("board", ["a100-80gb", "a30-24gb", "rtx-pro-6000-96gb"])
def test_contents_are_legal_layouts_and_every_legal_layout_is_part_of_one(board: str) -> None:
    geometry = stock(board).geometry
    assert geometry is not None
    plain = {name for name in geometry.by_name if "+" not in name and "-" not in name}
    contents = [Counter(dict(content)) for content in stock(board).contents(plain)]
    legal = [Counter(layout.profiles) for layout in legal_layouts(geometry)]
    assert all(content in legal for content in contents)
    assert all(any(one <= content for content in contents) for one in legal if set(one) <= plain)
    assert not any(one is not other and one <= other for one in contents for other in contents)


def test_what_is_used_of_a_layout_is_a_layout() -> None:
    a100 = stock("a100-80gb")
    layout, placed = a100.example({"3g.40gb": 1, "1g.10gb": 2})
    assert layout == "3g.40gb+2x1g.10gb"
    assert Layout.parse(placed).without_places() == Layout.parse(layout)
    assert a100.example({WHOLE: 1}) == ("off", "off")


def test_a_board_without_mig_can_only_be_used_whole() -> None:
    l40s = stock("L40S")
    assert (l40s.profiles, l40s.slices) == ((WHOLE,), 1)
    assert l40s.contents({WHOLE, "1g.10gb"}) == (((WHOLE, 1),),)


def test_gpus_at_hand_are_those_that_exist_and_work() -> None:
    gpus = [gpu.model_copy(update={"simulated": False}) for gpu in discover(open_in_memory(["a30-24gb"] * 3)).gpus]
    (found,) = stock_at_hand([*gpus[:2], gpus[2].model_copy(update={"problem": "has fallen off the bus"})])
    assert (found.model, found.count, found.uuids) == ("NVIDIA A30", 2, (gpus[0].uuid, gpus[1].uuid))


@pytest.mark.parametrize(
    ("changes", "said"), [({"simulated": True}, "simulated GPUs only"), ({"problem": "gone"}, "can be used now")]
)
def test_without_a_usable_gpu_the_remedy_is_to_name_boards(changes: dict[str, object], said: str) -> None:
    gpus = discover(open_in_memory(["a30-24gb"])).gpus
    with pytest.raises(AdviceError, match=said) as caught:
        stock_at_hand([gpu.model_copy(update={"simulated": False, **changes}) for gpu in gpus])
    assert "name boards" in str(caught.value)
    with pytest.raises(AdviceError, match="knows no GPU"):
        stock_at_hand([])


def test_names_of_boards_are_compared_without_the_maker_and_case() -> None:
    assert same_board("NVIDIA A30", "a30")
    assert not same_board("NVIDIA A30", "A300")
    assert matches_board("A100*", "NVIDIA A100-SXM4-80GB")
    assert matches_board("*a100*", "NVIDIA A100-SXM4-80GB")
    assert not matches_board("H100*", "NVIDIA A100-SXM4-80GB")
