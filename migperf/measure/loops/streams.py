"""Several streams of requests at once, each in a thread of its own and, on a GPU, in a CUDA stream of its own."""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def run_streams(count: int, device: "torch.device", work: Callable[[], None], abandon: Callable[[], None]) -> None:
    """Do ``work`` in so many streams and return when all are done; raise what the first to fail raised.

    ``abandon`` is called when one fails, and is to make the others end. One stream is the calling thread itself. The
    CPU's cores are divided among several.
    """
    if count == 1:
        work()
        return
    failures: list[BaseException] = []

    def stream() -> None:
        try:
            _in_stream(count, device, work)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failures.append(error)
            abandon()

    threads = [threading.Thread(target=stream, name=f"stream-{number}") for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _in_stream(count: int, device: "torch.device", work: Callable[[], None]) -> None:
    import torch

    if device.type == "cuda":
        with torch.cuda.stream(torch.cuda.Stream(device)):
            work()
    else:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // count))
        work()
