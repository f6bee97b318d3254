"""Several streams of requests at once, each in a thread of its own and, on a GPU, in a CUDA stream of its own."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Enter = Callable[[int], AbstractContextManager[object]]
"""Returns what a stream is in while it works, by its number; called in the stream's own thread."""


def run_streams(count: int, enter: Enter, work: Callable[[], None], abandon: Callable[[], None]) -> None:
    """Do ``work`` in so many streams and return when all are done; raise what the first to fail raised.

    ``abandon`` is called when one fails, and is to make the others end. One stream is the calling thread itself.
    """
    if count == 1:
        with enter(0):
            work()
        return
    failures: list[BaseException] = []

    def stream(number: int) -> None:
        try:
            with enter(number):
                work()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failures.append(error)
            abandon()

    threads = [threading.Thread(target=stream, args=(number,), name=f"stream-{number}") for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def usual_streams(count: int, device: "torch.device") -> Enter:
    """Return the usual: a CUDA stream each that may use the whole GPU; the CPU's cores are divided among several."""
    if count == 1:
        return lambda _: nullcontext()
    if device.type == "cuda":
        return lambda _: _cuda_stream(device)
    return lambda _: _part_of_the_cores(count)


def _cuda_stream(device: "torch.device") -> AbstractContextManager[object]:
    import torch

    return torch.cuda.stream(torch.cuda.Stream(device))


@contextmanager
def _part_of_the_cores(count: int) -> Iterator[None]:
    import torch

    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // count))
    yield
