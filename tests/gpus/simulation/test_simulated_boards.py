"""The tables of boards are consistent in themselves: what is planned on them can be created, and fits the board."""

import re
from itertools import pairwise

import pytest

from migperf.errors import ConfigurationError
from migperf.gpus.simulation.board import Board
from migperf.gpus.simulation.boards import BOARDS, board_keys, board_named
from migperf.gpus.simulation.gpu_cuts import PROFILE_SLOTS, Media, media_of, placements
from tests.gpus.simulation.hosts import WITH_MIG, WITHOUT_MIG, cuttable, profiles

NAME = re.compile(r"(?P<slices>\d)g\.(?P<gb>\d+)gb(\+me|\+me\.all|\+gfx|-me)?")

boards = pytest.mark.parametrize("board", [BOARDS[key] for key in WITH_MIG], ids=WITH_MIG)


def test_the_boards_of_the_tables_are_there():
    assert len(WITH_MIG) == 18
    assert WITHOUT_MIG == ["l40s-48gb", "t4-16gb"], "hosts without MIG can be simulated too"
    assert all(board.key == key for key, board in BOARDS.items())


@boards
def test_names_say_slices_and_about_the_memory(board: Board):
    for profile in board.profiles:
        match = NAME.fullmatch(profile.name)
        assert match, profile.name
        assert int(match["slices"]) == profile.slices
        assert int(match["gb"]) * 0.85 <= profile.memory_mib / 1024 <= int(match["gb"]), profile.name


@boards
def test_profiles_can_be_told_apart(board: Board):
    for attribute in ("id", "slot", "name"):
        values = [getattr(profile, attribute) for profile in board.profiles]
        assert len(set(values)) == len(values), attribute
    assert all(0 <= profile.slot < PROFILE_SLOTS for profile in board.profiles)


@boards
def test_placements_lie_in_the_grid_and_allow_the_maximum_count(board: Board):
    for profile in board.profiles:
        places = placements(profile)
        assert list(places) == sorted(set(places))
        assert all(place.start >= 0 and place.end <= board.memory_units for place in places)
        assert not any(one.overlaps(other) for one, other in pairwise(places)), "so as many fit as there are starts"
        assert profile.max_count <= len(places)
        single = media_of(profile) in {Media.ONE_SET, Media.ALL}
        assert profile.max_count == (1 if single else min(len(places), board.compute_slices // profile.slices))


@boards
def test_instances_never_have_more_than_the_board(board: Board):
    whole = max(board.profiles, key=lambda profile: profile.slices)
    assert whole.memory_mib <= board.memory_mib
    assert whole.sm_count <= board.sm_count
    for profile in board.profiles:
        assert profile.max_count * profile.sm_count <= whole.sm_count, profile.name
        assert profile.max_count * profile.memory_mib <= whole.memory_mib, profile.name
        assert profile.size <= board.memory_units


@boards
def test_more_units_are_more_memory_and_more_slices_more_sms(board: Board):
    by_size = sorted({(profile.size, profile.memory_mib) for profile in board.profiles})
    assert all(small[0] < big[0] and small[1] < big[1] for small, big in pairwise(by_size)), "one memory for each size"
    by_slices = sorted((profile.slices, profile.sm_count) for profile in board.profiles)
    assert all(few[1] <= many[1] for few, many in pairwise(by_slices))


@pytest.mark.parametrize(
    ("key", "name", "profile_id", "sms", "memory_mib"),
    [
        ("a100-40gb", "3g.20gb", 9, 42, 19968),
        ("a30-24gb", "1g.6gb", 14, 14, 5952),
        ("h100-80gb", "3g.40gb", 9, 60, 40448),
        ("h100-80gb", "1g.20gb", 15, 26, 20096),
        ("h100-pcie-80gb", "4g.40gb", 5, 62, 40448),
        ("gb200-186gb", "2g.47gb", 14, 38, 46592),
        ("rtx-pro-6000-96gb", "1g.24gb-me", 67, 46, 23680),
    ],
)
def test_rows_are_those_of_the_published_tables(key: str, name: str, profile_id: int, sms: int, memory_mib: int):
    """SMs are not slices times a constant; GiB with two decimals become the driver's MiB."""
    driver, gpu = cuttable(key)
    profile = profiles(driver, gpu)[name]
    assert (profile.id, profile.sm_count, profile.memory_mib) == (profile_id, sms, memory_mib)


def test_an_unknown_board_is_refused_with_the_nearest_and_all_that_there_are():
    with pytest.raises(ConfigurationError, match=r"did you mean a100-80gb.*t4-16gb"):
        board_named("a100-80")


def test_boards_are_listed_with_commas():
    assert board_keys("A100-80gb, h100-80gb") == ("a100-80gb", "h100-80gb")
    with pytest.raises(ConfigurationError, match="''"):
        board_keys("a100-80gb,")
