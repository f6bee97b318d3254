"""Pressure is the share of time in which something waited; what the kernel does not tell is absent, not zero."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.metrics.absence import AbsenceState
from migperf.metrics.pressure import PressureSource, waited_total_us

S = 1_000_000_000
NAMES = ("cpu", "memory", "io")


def pressure(folder: Path, **total_us: int) -> Path:
    for resource, total in total_us.items():
        some = f"some avg10=1.00 avg60=2.00 avg300=3.00 total={total}\n"
        (folder / resource).write_text(f"{some}full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n")
    return folder


def test_each_is_what_was_waited_per_time_passed(tmp_path: Path) -> None:
    source = PressureSource(pressure(tmp_path, cpu=0, memory=500, io=9))
    assert all(math.isnan(value) for value in source.read(10 * S))
    assert [source.why_not(index) for index in range(3)] == [None] * 3, "it is merely too early"
    pressure(tmp_path, cpu=1_000_000, memory=500, io=9 + 400_000)
    assert list(source.read(12 * S)) == [0.5, 0.0, 0.2]


@pytest.mark.parametrize("broken", ["", "some avg10=0.00\n", "some total=many\n", "full total=3\n", "some total\n"])
def test_a_file_that_tells_nothing_makes_its_own_metric_absent_and_no_other(tmp_path: Path, broken: str) -> None:
    source = PressureSource(pressure(tmp_path, cpu=0, memory=0, io=0))
    source.read(S)
    (tmp_path / "memory").write_text(broken)
    row = source.read(2 * S)
    assert [math.isnan(value) for value in row] == [False, True, False]
    absence = source.why_not(1)
    assert absence is not None
    assert absence.state is AbsenceState.NOT_SUPPORTED
    assert source.why_not(0) is source.why_not(2) is None


def test_a_kernel_without_pressure_says_so_and_heals(tmp_path: Path) -> None:
    source = PressureSource(tmp_path)
    source.read(S)
    assert all("No such file" in str(source.why_not(index)) for index in range(3))
    pressure(tmp_path, cpu=1, memory=1, io=1)
    source.read(2 * S)
    assert [source.why_not(index) for index in range(3)] == [None] * 3


@given(total=st.integers(0, 1 << 60), full=st.integers(0, 1 << 60))
def test_the_total_of_some_is_taken_and_never_that_of_full(total: int, full: int) -> None:
    text = f"some avg10=0.12 avg60=0.00 avg300=0.00 total={total}\nfull avg10=0.00 total={full}\n"
    assert waited_total_us(text.encode()) == total


def test_metrics_are_named_after_their_resources() -> None:
    assert [metric.name for metric in PressureSource().metrics] == [f"host_pressure_{name}" for name in NAMES]
