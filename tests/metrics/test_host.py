"""What is told of the host is what its kernel says, and what the kernel does not count is absent."""

import math
import os
import time
from pathlib import Path

import psutil

from migperf.metrics.absence import AbsenceState
from migperf.metrics.host import HostSource, swapped_pages
from migperf.metrics.metric import Scope
from tests.metrics.test_process_tree import python

S = 1_000_000_000
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def vmstat(folder: Path, swapped_in: int, swapped_out: int) -> Path:
    text = f"nr_free_pages 6126341\npgpgin 99\npswpin {swapped_in}\npswpout {swapped_out}\npgfault 7\n"
    (folder / "vmstat").write_text(text)
    return folder


def test_a_busy_process_shows_as_a_busy_core() -> None:
    source = HostSource()
    with python("print(1, flush=True)\nwhile True: pass") as process:
        process.stdout.readline()
        assert math.isnan(source.read(time.monotonic_ns())[0])
        assert source.why_not(0) is None, "it is merely too early"
        time.sleep(1.0)
        assert 0.4 < source.read(time.monotonic_ns())[0] <= 1.1 * (os.cpu_count() or 1)


def test_available_memory_is_the_kernels_figure() -> None:
    available = HostSource().read(time.monotonic_ns())[1]
    assert abs(available - psutil.virtual_memory().available / (1 << 20)) < 500


def test_swapping_is_what_went_in_and_out_per_time_passed(tmp_path: Path) -> None:
    source = HostSource(vmstat(tmp_path, 1000, 5000))
    source.read(10 * S)
    vmstat(tmp_path, 1000 + 256, 5000 + 512)
    assert math.isclose(source.read(12 * S)[2], 768 * PAGE_MIB / 2)


def test_swapping_that_the_kernel_does_not_count_is_absent_not_zero(tmp_path: Path) -> None:
    (tmp_path / "vmstat").write_text("nr_free_pages 6126341\n")
    source = HostSource(tmp_path)
    source.read(10 * S)
    assert math.isnan(source.read(12 * S)[2])
    absence = source.why_not(2)
    assert absence is not None
    assert absence.state is AbsenceState.NOT_SUPPORTED
    assert source.why_not(0) is source.why_not(1) is None


def test_this_kernel_counts_swapped_pages() -> None:
    assert swapped_pages(Path("/proc/vmstat")) is not None


def test_all_of_it_is_about_the_host() -> None:
    assert {metric.scope for metric in HostSource().metrics} == {Scope.HOST}
