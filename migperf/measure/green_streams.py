"""The streams of a run on a partition of kind green_context: each has multiprocessors of its own."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import JsonValue

from migperf.gpus.cuda_driver import CudaDriver, CudaDriverError, GreenSplit
from migperf.gpus.partition import Partition, PartitionKind
from migperf.measure.benchmark import Benchmark, Scenario
from migperf.measure.engines.errors import EngineUnavailableError
from migperf.measure.load import Load
from migperf.measure.loops.streams import Enter, usual_streams

if TYPE_CHECKING:
    import torch

OF_STREAMS = {Scenario.MULTI_STREAM, Scenario.SERVER}


@dataclass(frozen=True, slots=True)
class Streams:
    """How a run's streams are entered, and what its result must say of them."""

    enter: Enter
    facts: dict[str, JsonValue] = field(default_factory=dict)


def streams_of(benchmark: Benchmark, partition: Partition, device: "torch.device") -> Streams:
    """Return the streams of a run: the usual ones, or green contexts where the partition is shared so.

    The GPU must be in use already. Raises EngineUnavailableError where green contexts are asked for and cannot be had.
    """
    count = (benchmark.load or Load()).streams
    if partition.kind is not PartitionKind.GREEN_CONTEXT:
        return Streams(usual_streams(count, device))
    if benchmark.scenario not in OF_STREAMS:
        raise EngineUnavailableError(
            f"green contexts divide a GPU among the streams of one run, and {benchmark.scenario} has none; "
            "choose multi_stream or server"
        )
    if device.type != "cuda":
        return Streams(usual_streams(count, device), {"green_contexts": "simulated"})
    return green_streams(_split(CudaDriver, count), device)


def green_streams(split: GreenSplit, device: "torch.device") -> Streams:
    """Return PyTorch's view of green streams that were made on a device."""
    import torch

    streams = [torch.cuda.ExternalStream(stream.handle, device) for stream in split.streams]

    def enter(number: int) -> AbstractContextManager[object]:
        return torch.cuda.stream(streams[number])

    return Streams(enter, green_facts(split))


def green_facts(split: GreenSplit) -> dict[str, JsonValue]:
    """Return what was granted: multiprocessors of each stream, and those that no stream has."""
    return {
        "green_contexts": "granted",
        "green_context_sm_counts": [stream.sm_count for stream in split.streams],
        "green_context_unused_sms": split.unused_sms,
    }


def _split(driver: type[CudaDriver], count: int) -> GreenSplit:
    try:
        return driver().split(count)
    except CudaDriverError as error:
        raise EngineUnavailableError(f"green contexts cannot be had here: {error}") from error
