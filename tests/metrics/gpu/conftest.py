"""The driver as a C library behind pynvml, as the tests of that backend have it."""

from collections.abc import Iterator

import pytest

from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.metrics.gpu.gpm import ACTIVITY, LINKS
from tests.gpus.nvml.conftest import host, library, old_host, old_library
from tests.gpus.nvml.fake_host import FakeHost
from tests.metrics.gpu.watched import SHOWN
from tests.metrics.gpu.world import MIB

__all__ = ["host", "library", "old_host", "old_library"]


@pytest.fixture
def driver(host: FakeHost) -> Iterator[NvmlLibrary]:
    """An H100."""
    host.start("h100-80gb")
    host.set_meters(0, **SHOWN)
    for metric_id in (*ACTIVITY, *LINKS):
        host.set_gpm(0, metric_id, metric_id + 0.5)
    with NvmlLibrary.open() as opened:
        host.add_process(9, "python", opened.uuid(opened.device_by_index(0)), 3 * MIB)
        yield opened
