"""On a real NVIDIA GPU: copies between it and its host are complete, asynchronous, and all within the timed step.

Needs a GPU (``scripts/test -m gpu``); skipped where there is none.
"""

import pytest
import torch

from workloads.base import Context, UncountableError
from workloads.micro.buffers import MIB
from workloads.micro.bus_copy import BusCopy
from workloads.micro.parameters import Direction, Launch
from workloads.registry import card

pytestmark = pytest.mark.gpu

TO_DEVICE, TO_HOST, BOTH = Direction.HOST_TO_DEVICE, Direction.DEVICE_TO_HOST, Direction.BOTH
LONG_CYCLES = 200_000_000
"""A tenth of a second at 2 GHz: far longer than what it is put before."""


@pytest.fixture(autouse=True)
def device() -> torch.device:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here")
    return torch.device("cuda:0")


def built(direction: Direction, **parameters: object) -> BusCopy:
    entry = card("memory-copy")
    chosen = entry.parameters.model_validate({"direction": direction, "mib": 16, **parameters})
    payload = entry.load().inference(chosen, Context(device=torch.device("cuda:0"), seed=0))
    assert isinstance(payload, BusCopy)
    return payload


def forgotten(payload: BusCopy) -> BusCopy:
    """Return the payload with every target empty."""
    for transfer in payload.transfers.values():
        transfer.target.zero_()
    torch.cuda.synchronize()
    return payload


def queue_step(payload: BusCopy) -> torch.cuda.Event:
    """Ask for a step and return the event that a harness would take for its end."""
    payload.infer(payload.stage(payload.next_batch()))
    ended = torch.cuda.Event()
    ended.record()
    return ended


@pytest.mark.parametrize("launch", Launch)
@pytest.mark.parametrize("direction", [TO_DEVICE, TO_HOST, BOTH])
def test_every_way_of_launching_copies_everything(direction: Direction, launch: Launch) -> None:
    payload = forgotten(built(direction, launch=launch, repetitions=3))
    queue_step(payload).synchronize()
    assert all(transfer.has_arrived() for transfer in payload.transfers.values())


@pytest.mark.parametrize("direction", [TO_DEVICE, TO_HOST, BOTH])
def test_a_step_tells_what_it_copies_each_way_and_nothing_for_a_roofline(direction: Direction) -> None:
    payload = built(direction, repetitions=2)
    figures = {figure.name: figure.value for figure in payload.report().figures}
    assert figures == {
        "buffer_size": 16,
        "bytes_to_device_per_step": 0 if direction is TO_HOST else 2 * 16 * MIB,
        "bytes_to_host_per_step": 0 if direction is TO_DEVICE else 2 * 16 * MIB,
        "flushed_before_step": 0,
    }
    with pytest.raises(UncountableError, match="limited by the bus"):
        payload.step_cost()


@pytest.mark.parametrize(
    ("direction", "expected"), [(TO_DEVICE, ["HtoD"]), (TO_HOST, ["DtoH"]), (BOTH, ["DtoH", "HtoD"])]
)
def test_a_pass_is_one_copy_each_way_from_or_to_page_locked_memory(direction: Direction, expected: list[str]) -> None:
    payload = built(direction)
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        queue_step(payload).synchronize()
    names = [event.name for event in profile.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    copies = sorted(name for name in names if name.startswith("Memcpy"))
    assert [name.split()[1] for name in copies] == expected
    assert all("Pinned" in name for name in copies)
    for transfer in payload.transfers.values():
        assert {transfer.source.is_pinned(), transfer.target.is_pinned()} == {True, False}


@pytest.mark.parametrize("direction", [TO_DEVICE, TO_HOST, BOTH])
def test_the_host_does_not_wait_for_a_copy_and_no_copy_begins_before_the_step(direction: Direction) -> None:
    payload = forgotten(built(direction))
    torch.cuda._sleep(LONG_CYCLES)
    ended = queue_step(payload)
    assert not ended.query(), "asking for the step took as long as what was before it in the stream"
    ended.synchronize()
    assert all(transfer.has_arrived() for transfer in payload.transfers.values())


def test_a_copy_beside_waits_for_the_beginning_of_its_step() -> None:
    payload = forgotten(built(BOTH))
    torch.cuda._sleep(LONG_CYCLES)
    ended = queue_step(payload)
    untouched = bool((payload.transfers[TO_HOST].target == 0).all())  # in host memory: looking waits for nothing
    assert not ended.query(), "looking took too long to say anything"
    assert untouched
    ended.synchronize()


def test_a_step_ends_with_the_later_of_two_copies() -> None:
    payload = forgotten(built(BOTH))
    (beside,) = payload._beside
    with torch.cuda.stream(beside):
        torch.cuda._sleep(LONG_CYCLES)
    queue_step(payload).synchronize()
    assert payload.transfers[TO_HOST].has_arrived()


def test_streams_of_requests_can_copy_at_the_same_time() -> None:
    payload = forgotten(built(BOTH))
    ends = []
    for stream in (torch.cuda.Stream(), torch.cuda.Stream()):
        with torch.cuda.stream(stream):
            ends.append(queue_step(payload))
    for ended in ends:
        ended.synchronize()
    assert all(transfer.has_arrived() for transfer in payload.transfers.values())
