"""The libraries are compiled once; each test gets a host of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from migperf.gpus.nvml.backend import NvmlLibrary
from tests.gpus.nvml.bench import Bench, LibraryBench, SimulatedBench
from tests.gpus.nvml.build import build_library
from tests.gpus.nvml.fake_host import FakeHost, used_by_pynvml


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver as a library: ``libnvidia-ml.so.1`` in a folder of its own."""
    return build_library(tmp_path_factory.mktemp("driver"))


@pytest.fixture(scope="session")
def old_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A driver of R470."""
    return build_library(tmp_path_factory.mktemp("old-driver"), "OLD_DRIVER")


@pytest.fixture
def host(library: Path) -> Iterator[FakeHost]:
    """The C model, used by pynvml; the test boots it with boards and opens NVML."""
    host = FakeHost(library)
    with used_by_pynvml(host):
        yield host


@pytest.fixture
def old_host(old_library: Path) -> Iterator[FakeHost]:
    host = FakeHost(old_library)
    with used_by_pynvml(host):
        yield host


@pytest.fixture(params=["c-library", "simulation"])
def bench(request: pytest.FixtureRequest) -> Iterator[Callable[..., Bench]]:
    """Makes a bench with the boards given: once the C library behind pynvml, once the simulated driver."""
    with ExitStack() as stack:
        if request.param == "simulation":
            yield lambda *boards: SimulatedBench(boards)
            return
        host = request.getfixturevalue("host")

        def start(*boards: str) -> Bench:
            host.start(*boards)
            return LibraryBench(host, stack.enter_context(NvmlLibrary.open()))

        yield start
