"""Every layout that the rules allow can be created, and no other: counted on the driver, against known numbers."""

from collections import Counter

import pytest

from migperf.gpus.driver import Architecture
from migperf.gpus.nvml_errors import NvmlInsufficientResourcesError
from migperf.gpus.placement import Placement
from migperf.gpus.simulation import gpu_cuts
from migperf.gpus.simulation.board import Board, BoardProfile
from migperf.gpus.simulation.state import Gpu
from tests.gpus.simulation.hosts import WITH_MIG, cut, cuttable, profiles

PLAIN = ("1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb")
WIDE = (*PLAIN, "1g.20gb")


class Explorer:
    """Creates and destroys every layout of some profiles once, each instance at a given place."""

    def __init__(self, board: str, names: tuple[str, ...]) -> None:
        self.driver, self.gpu = cuttable(board)
        by_name = profiles(self.driver, self.gpu)
        self.ids = [by_name[name].id for name in names]
        self.layouts: list[Counter[int]] = []
        self.full: list[Counter[int]] = []
        self._extend(
            [(number, place) for number in self.ids for place in self.driver.gpu_instance_placements(self.gpu, number)],
            (),
        )

    def counts(self) -> tuple[int, int, int, int]:
        """Layouts by place, those that nothing can be added to; both by profiles only (the empty one not counted)."""
        return len(self.layouts), len(self.full), len(distinct(self.layouts)) - 1, len(distinct(self.full))

    def _extend(self, candidates: list[tuple[int, Placement]], made: tuple[int, ...]) -> None:
        self.layouts.append(Counter(made))
        if not any(self.driver.gpu_instance_capacity(self.gpu, number) for number in self.ids):
            self.full.append(Counter(made))
        for index, (number, place) in enumerate(candidates):
            try:
                instance = self.driver.create_gpu_instance(self.gpu, number, place)
            except NvmlInsufficientResourcesError:
                continue
            self._extend(candidates[index + 1 :], (*made, number))
            self.driver.destroy_gpu_instance(instance)


def distinct(layouts: list[Counter[int]]) -> set[frozenset[tuple[int, int]]]:
    return {frozenset(layout.items()) for layout in layouts}


@pytest.mark.parametrize(
    ("board", "names", "counts"),
    [
        ("a100-80gb", PLAIN, (298, 19, 37, 14)),
        ("h100-80gb", WIDE, (723, 78, 77, 38)),
        ("a100-80gb", (*WIDE, "1g.10gb+me"), (2319, 239, 127, 64)),
        ("a30-24gb", ("1g.6gb", "2g.12gb", "4g.24gb"), (26, 5, 9, 4)),
        ("rtx-pro-6000-96gb", ("1g.24gb", "2g.48gb", "4g.96gb"), (26, 5, 9, 4)),
    ],
)
def test_there_are_as_many_layouts_as_the_rules_allow(
    board: str, names: tuple[str, ...], counts: tuple[int, int, int, int]
):
    """Calculated by others from the placement tables; the 19 and 14 agree with the guide's drawings."""
    assert Explorer(board, names).counts() == counts


def test_order_decides_where_the_driver_chooses_the_place():
    """The guide's example: profiles 19, 19, 14, 9 leave no room for the last, 9, 19, 14, 19 do."""
    driver, gpu = cuttable("a100-40gb")
    for profile_id in (19, 19, 14):
        driver.create_gpu_instance(gpu, profile_id)
    with pytest.raises(NvmlInsufficientResourcesError):
        driver.create_gpu_instance(gpu, 9)

    driver, gpu = cuttable("a100-40gb")
    for profile_id in (9, 19, 14, 19):
        driver.create_gpu_instance(gpu, profile_id)


@pytest.mark.parametrize(("name", "place"), [("1g.5gb", "6:1"), ("2g.10gb", "4:2"), ("3g.20gb", "4:4")])
def test_the_driver_takes_the_last_free_place(name: str, place: str):
    """As seen on GPUs."""
    driver, gpu = cuttable("a100-40gb")
    assert str(driver.gpu_instance_info(cut(driver, gpu, name)).placement) == place


def test_rtx_pro_6000_is_placed_on_twelve_units():
    """Eight are not a law."""
    driver, gpu = cuttable("rtx-pro-6000-96gb")
    assert driver.gpu_instance_placements(gpu, 14) == tuple(Placement(start, 3) for start in (0, 3, 6, 9))
    assert driver.gpu_instance_placements(gpu, 0) == (Placement(0, 12),)
    assert driver.max_mig_device_count(gpu) == 4


@pytest.mark.parametrize(
    ("board", "names", "ids"),
    [
        ("a100-80gb", ["7g.80gb"], [0]),
        ("a100-80gb", ["3g.40gb", "4g.40gb"], [1, 2]),
        ("a100-80gb", ["2g.20gb"] * 3, [3, 4, 5]),
        ("a100-80gb", ["1g.20gb"] * 4, [3, 4, 5, 6]),
        ("a100-80gb", ["1g.10gb"] * 7, [7, 8, 9, 10, 11, 12, 13]),
        ("a30-24gb", ["1g.6gb"] * 2 + ["2g.12gb"], [3, 4, 1]),
        ("rtx-pro-6000-96gb", ["1g.24gb"] * 4, [3, 4, 5, 6]),
        ("rtx-pro-5000-48gb", ["1g.24gb"] * 2, [1, 2]),
    ],
)
def test_ids_are_given_by_share_of_the_memory(board: str, names: list[str], ids: list[int]):
    """An id is neither a count nor a place."""
    driver, gpu = cuttable(board)
    assert [driver.gpu_instance_info(cut(driver, gpu, name)).id for name in names] == ids


def test_the_lowest_free_id_is_given_again():
    driver, gpu = cuttable("a100-80gb")
    first, _ = cut(driver, gpu, "1g.10gb"), cut(driver, gpu, "1g.10gb")
    driver.destroy_gpu_instance(first)
    assert driver.gpu_instance_info(cut(driver, gpu, "1g.10gb")).id == 7


TIGHT = Board(
    key="tight",
    name="a board of other rules than any published one",
    architecture=Architecture.HOPPER,
    compute_capability=(9, 0),
    sm_count=80,
    cores_per_sm=128,
    memory_mib=4096,
    pci_device_id=0,
    profiles=(
        BoardProfile(
            slot=0,
            id=1,
            name="1g.1gb",
            slices=1,
            max_count=2,
            sm_count=10,
            memory_mib=1024,
            starts=(0, 1, 2, 3),
            size=1,
        ),
        BoardProfile(
            slot=1,
            id=2,
            name="2g.1gb",
            slices=2,
            max_count=4,
            sm_count=20,
            memory_mib=1024,
            starts=(0, 1, 2, 3),
            size=1,
        ),
        BoardProfile(
            slot=3, id=3, name="5g.4gb", slices=5, max_count=1, sm_count=80, memory_mib=4096, starts=(0,), size=4
        ),
    ),
)


def test_slices_and_counts_limit_where_the_grid_does_not():
    """On the published grids they follow from the places; the driver promises them all the same."""
    one, two, _ = TIGHT.profiles
    gpu = Gpu(board=TIGHT.key, uuid="GPU-1", mig=True)
    assert (gpu_cuts.capacity(TIGHT, gpu, one), gpu_cuts.capacity(TIGHT, gpu, two)) == (2, 2)
    twos = gpu_cuts.create(TIGHT, gpu_cuts.create(TIGHT, gpu, two, None, 1), two, None, 2)
    assert (gpu_cuts.capacity(TIGHT, twos, one), gpu_cuts.capacity(TIGHT, twos, two)) == (1, 0)
    with pytest.raises(NvmlInsufficientResourcesError):
        gpu_cuts.create(TIGHT, twos, two, Placement(0, 1), 3)
    ones = gpu_cuts.create(TIGHT, gpu_cuts.create(TIGHT, gpu, one, None, 1), one, None, 2)
    assert gpu_cuts.capacity(TIGHT, ones, one) == 0
    with pytest.raises(NvmlInsufficientResourcesError):
        gpu_cuts.create(TIGHT, ones, one, Placement(0, 1), 3)


def test_possible_placements_do_not_depend_on_what_is_occupied_capacity_does():
    """Whoever plans has to subtract what is occupied."""
    driver, gpu = cuttable("a100-80gb")
    empty = driver.gpu_instance_placements(gpu, 14)
    assert driver.gpu_instance_capacity(gpu, 14) == 3
    cut(driver, gpu, "3g.40gb", 0)
    assert driver.gpu_instance_placements(gpu, 14) == empty
    assert driver.gpu_instance_capacity(gpu, 14) == 1
    assert driver.gpu_instance_capacity(gpu, 19) == 3, "4:1, 5:1 and 6:1"
    assert driver.gpu_instance_capacity(gpu, 0) == 0


@pytest.mark.parametrize("board", WITH_MIG)
def test_an_empty_gpu_has_the_capacity_that_the_profile_says(board: str):
    driver, gpu = cuttable(board)
    for profile in profiles(driver, gpu).values():
        assert driver.gpu_instance_capacity(gpu, profile.id) == profile.instance_count, profile.name


@pytest.mark.parametrize("board", WITH_MIG)
def test_capacity_is_what_can_be_created(board: str):
    """Whatever is there already: capacity falls by one with each creation, and at 0 the next one fails."""
    for first in profiles(*cuttable(board)):
        for name, profile in profiles(*cuttable(board)).items():
            driver, gpu = cuttable(board)
            cut(driver, gpu, first)
            for left in range(driver.gpu_instance_capacity(gpu, profile.id), 0, -1):
                assert driver.gpu_instance_capacity(gpu, profile.id) == left, (first, name)
                cut(driver, gpu, name)
            with pytest.raises(NvmlInsufficientResourcesError):
                cut(driver, gpu, name)


@pytest.mark.parametrize(
    ("board", "present", "refused", "allowed"),
    [
        ("a100-80gb", "1g.10gb+me", {"1g.10gb+me", "7g.80gb"}, {"1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb"}),
        ("a30-24gb", "1g.6gb+me", {"1g.6gb+me", "2g.12gb+me", "4g.24gb"}, {"1g.6gb", "2g.12gb"}),
        (
            "rtx-pro-5000-48gb",
            "1g.24gb+me.all",
            {"1g.24gb", "1g.24gb+me", "1g.24gb+gfx", "1g.24gb+me.all", "2g.48gb", "2g.48gb+gfx"},
            {"1g.24gb-me"},
        ),
        (
            "rtx-pro-5000-48gb",
            "1g.24gb",
            {"1g.24gb+me.all", "2g.48gb", "2g.48gb+gfx"},
            {"1g.24gb", "1g.24gb+me", "1g.24gb+gfx", "1g.24gb-me"},
        ),
        (
            "rtx-pro-4500-32gb",
            "1g.16gb-me",
            {"2g.32gb", "2g.32gb+gfx"},
            {"1g.16gb", "1g.16gb+gfx", "1g.16gb+me.all", "1g.16gb-me"},
        ),
    ],
)
def test_media_engines_are_given_once(board: str, present: str, refused: set[str], allowed: set[str]):
    """At most one ``+me`` on a GPU, whatever its size; beside ``+me.all`` nothing that has media engines."""
    driver, gpu = cuttable(board)
    cut(driver, gpu, present)
    rest = profiles(driver, gpu)
    assert {name for name, profile in rest.items() if driver.gpu_instance_capacity(gpu, profile.id)} == allowed
    assert set(rest) - allowed == refused
