"""What a device or an installation makes impossible, told apart from memory that ran out."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from migperf.errors import MigperfError
from migperf.measure.engine import Engine, Precision, Runtime
from migperf.measure.engines.errors import EngineUnavailableError
from migperf.measure.memory import is_out_of_memory

REASON_LINES = 6
TF32_CAPABILITY = (8, 0)


def check_device(engine: Engine, device: torch.device) -> None:
    """Raise EngineUnavailableError if no device of this kind can have the engine."""
    on_gpu = device.type == "cuda"
    if engine.runtime is Runtime.CUDA_GRAPH and not on_gpu:
        raise EngineUnavailableError(
            "engine.runtime cuda_graph needs a GPU, and this is a CPU; choose another partition by where, or eager"
        )
    if engine.precision is not Precision.TF32:
        return
    if not on_gpu:
        raise EngineUnavailableError(
            "engine.precision tf32 needs a GPU, and this is a CPU; choose another partition by where, or fp32"
        )
    if torch.cuda.get_device_capability(device) < TF32_CAPABILITY:
        raise EngineUnavailableError(
            f"engine.precision tf32 needs a GPU since Ampere, and this is a {torch.cuda.get_device_name(device)}; "
            "choose fp32 or fp16"
        )


@contextmanager
def unavailable_if_it_fails(engine: Engine) -> Iterator[None]:
    """Make any error inside an EngineUnavailableError with its first lines, unless it comes from a lack of memory."""
    try:
        yield
    except MigperfError:
        raise
    except Exception as error:
        if (shortage := out_of_memory_behind(error)) is not None:
            raise shortage from error
        lines = [line for line in f"{type(error).__name__}: {error}".splitlines() if line.strip()][:REASON_LINES]
        raise EngineUnavailableError(
            f"{engine.runtime} in {engine.precision} cannot execute this workload here (all of it is in the log); "
            "choose another engine.runtime or engine.precision\n" + "\n".join(lines)
        ) from error


def out_of_memory_behind(error: BaseException) -> BaseException | None:
    """Return the error itself, or the one that it came from, that says that an allocation failed; None if none does."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        if is_out_of_memory(one):
            return one
        seen.add(id(one))
        # torch.compile keeps what its backend raised in an attribute of its own.
        waiting += [one.__cause__, one.__context__, getattr(one, "inner_exception", None)]
    return None
