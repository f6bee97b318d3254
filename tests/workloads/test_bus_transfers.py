"""Protects what is said of copies between host and GPU, as far as it shows without one: what is copied, and refusals.

Transfers are between ordinary buffers here; ``tests/gpu/test_bus_copies.py`` copies over a bus.
"""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from workloads.base import CannotExecuteError, Context, UncountableError
from workloads.micro.bus_copy import BusCopy, Transfer, bytes_copied, transfers_of
from workloads.micro.parameters import Direction
from workloads.registry import card

TO_DEVICE, TO_HOST = Direction.HOST_TO_DEVICE, Direction.DEVICE_TO_HOST
OVER_THE_BUS = [TO_DEVICE, TO_HOST, Direction.BOTH]

ordinary = partial(torch.zeros, dtype=torch.int64)


def transfer(entries: int, first: int = 1) -> Transfer:
    return Transfer.between(ordinary(entries), ordinary(entries), first)


@pytest.mark.parametrize("direction", OVER_THE_BUS)
@pytest.mark.parametrize("more", [{}, {"launch": "cuda_graph"}], ids=["plain", "cuda_graph"])
def test_a_cpu_has_no_bus_and_says_which_parameter_to_change(direction: Direction, more: dict[str, str]) -> None:
    entry = card("memory-copy")
    parameters = entry.parameters.model_validate({"direction": direction, **more})
    with pytest.raises(CannotExecuteError, match=rf"^direction = {direction} .* set direction to device$"):
        entry.load().inference(parameters, Context(device=torch.device("cpu"), seed=0))


@pytest.mark.parametrize(
    ("direction", "ways"), [(TO_DEVICE, [TO_DEVICE]), (TO_HOST, [TO_HOST]), (Direction.BOTH, [TO_DEVICE, TO_HOST])]
)
def test_a_pass_copies_one_buffer_for_each_way_from_the_memory_that_it_names(
    direction: Direction, ways: list[Direction]
) -> None:
    allocated: dict[str, list[Tensor]] = {"host": [], "device": []}

    def memory(name: str, entries: int) -> Tensor:
        allocated[name].append(ordinary(entries))
        return allocated[name][-1]

    found = transfers_of(direction, 100, on_host=partial(memory, "host"), on_device=partial(memory, "device"))
    assert list(found) == ways
    for way, source, target in ((TO_DEVICE, "host", "device"), (TO_HOST, "device", "host")):
        assert bytes_copied(found, way) == (800 if way in ways else 0)
        if way in ways:
            assert any(found[way].source is one for one in allocated[source])
            assert any(found[way].target is one for one in allocated[target])


def test_two_ways_share_no_buffer_and_no_number() -> None:
    there, back = transfers_of(Direction.BOTH, 100, on_host=ordinary, on_device=ordinary).values()
    buffers = (there.source, there.target, back.source, back.target)
    assert len({buffer.data_ptr() for buffer in buffers}) == 4
    assert len({*there.source.tolist(), *back.source.tolist()}) == 200
    back.target.copy_(there.source)
    assert not back.has_arrived(), "what went the other way was taken for this way's"


@given(entries=st.integers(1, 50), first=st.integers(1, 2**40), at_once=st.integers(1, 60))
def test_what_was_copied_has_arrived_and_nothing_had_before(entries: int, first: int, at_once: int) -> None:
    one = transfer(entries, first)
    assert not one.has_arrived(at_once)
    one.copy()
    assert one.has_arrived(at_once)


@given(data=st.data(), entries=st.integers(1, 50), at_once=st.integers(1, 60))
def test_a_single_entry_that_did_not_arrive_is_seen(data: st.DataObject, entries: int, at_once: int) -> None:
    one = transfer(entries)
    one.copy()
    one.target[data.draw(st.integers(0, entries - 1))] = 0
    assert not one.has_arrived(at_once)


def test_entries_that_changed_places_are_seen() -> None:
    one = transfer(10)
    one.copy()
    one.target.copy_(one.target.flip(0))
    assert not one.has_arrived()


def test_bytes_over_the_bus_are_not_told_as_bytes_of_the_devices_memory() -> None:
    """The reason is the same on every device, so that no payload need be built for it."""
    with pytest.raises(UncountableError, match="bytes_to_device_per_step and bytes_to_host_per_step"):
        BusCopy.step_cost(object.__new__(BusCopy))
