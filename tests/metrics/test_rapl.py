"""Energy counters of processors and memory: added up, across their wrap-around, and absent with the reason."""

import math
import os
from itertools import accumulate, pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.metric import Kind, Scope
from migperf.metrics.rapl import RaplSource, growth_uj
from tests.metrics.somebody import python_without_rights

RANGE_UJ = 262_143_328_850
"""What max_energy_range_uj says on many Xeons."""
UNREADABLE = """
from pathlib import Path
from migperf.metrics.rapl import RaplSource
source = RaplSource(Path())
print(*source.read(1), source.why_not(0).state, source.why_not(0).reason, sep='|')
"""


def zone(folder: Path, path: str, name: str, energy_uj: int, range_uj: int = RANGE_UJ) -> Path:
    made = folder / path
    made.mkdir(parents=True, exist_ok=True)
    (made / "name").write_text(f"{name}\n")
    (made / "max_energy_range_uj").write_text(f"{range_uj}\n")
    (made / "energy_uj").write_text(f"{energy_uj}\n")
    return made


def uses(made: Path, energy_uj: int) -> None:
    (made / "energy_uj").write_text(f"{energy_uj}\n")


def absence(source: RaplSource, index: int) -> Absence:
    found = source.why_not(index)
    assert found is not None
    return found


def test_energy_is_counted_from_the_first_reading_and_packages_are_added(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 900_000_000)
    source = RaplSource(tmp_path)
    assert source.read(0)[0] == 0.0
    uses(first, 7_500_000)
    uses(second, 901_000_000)
    assert source.read(1)[0] == 3.5
    uses(first, 8_500_000)
    assert source.read(2)[0] == 4.5


def test_parts_of_a_package_and_what_contains_it_are_not_added_to_it(tmp_path: Path) -> None:
    zones = [
        zone(tmp_path, "intel-rapl:0", "package-0", 0),
        zone(tmp_path, "intel-rapl:0:0", "core", 0),
        zone(tmp_path, "intel-rapl:0:1", "uncore", 0),
        zone(tmp_path, "intel-rapl:0:2", "dram", 0),
        zone(tmp_path, "intel-rapl:1", "psys", 0),
        zone(tmp_path, "intel-rapl-mmio:0", "package-0", 0),
    ]
    (tmp_path / "intel-rapl").mkdir()
    source = RaplSource(tmp_path)
    source.read(0)
    for power_of_ten, made in enumerate(zones):
        uses(made, 10**power_of_ten * 1_000_000)
    assert source.read(1).tolist() == [1.0, 1000.0]


def test_a_counter_that_wraps_goes_on(tmp_path: Path) -> None:
    made = zone(tmp_path, "intel-rapl:0", "package-0", RANGE_UJ - 1_000_000)
    source = RaplSource(tmp_path)
    source.read(0)
    uses(made, 2_000_000)
    assert source.read(1)[0] == 3.0
    uses(made, 4_000_000)
    assert source.read(2)[0] == 5.0


@given(
    st.integers(1, 2**48),
    st.integers(0, 2**48),
    st.lists(st.floats(0, 0.999), min_size=1, max_size=20),
)
def test_growth_is_what_was_used_however_often_the_counter_wraps(
    range_uj: int, start: int, shares: list[float]
) -> None:
    used = [int(share * range_uj) for share in shares]
    totals = list(accumulate(used, initial=start % range_uj))
    readings = [total % range_uj for total in totals]
    grown = sum(growth_uj(a, b, range_uj) for a, b in pairwise(readings))
    assert grown == sum(used)


def test_a_processor_without_a_memory_counter_says_so(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 5)
    source = RaplSource(tmp_path)
    assert math.isnan(source.read(0)[1])
    assert absence(source, 1).state is AbsenceState.NOT_SUPPORTED
    assert "dram" in absence(source, 1).reason
    assert source.why_not(0) is None


def test_a_host_without_such_counters_says_so(tmp_path: Path) -> None:
    source = RaplSource(tmp_path / "powercap")
    assert all(math.isnan(value) for value in source.read(0))
    for index in (0, 1):
        assert absence(source, index).state is AbsenceState.NOT_SUPPORTED
        assert str(tmp_path / "powercap") in absence(source, index).reason


def test_a_counter_for_root_only_is_absent_with_the_remedy(tmp_path: Path) -> None:
    made = zone(tmp_path, "intel-rapl:0", "package-0", 5)
    (made / "energy_uj").chmod(0o400)
    tmp_path.chmod(0o755)
    if os.geteuid() != 0:
        (made / "energy_uj").chmod(0o000)
    package, _, state, reason = python_without_rights(UNREADABLE, tmp_path).split("|")
    assert (package, state) == ("nan", AbsenceState.NO_PERMISSION)
    assert "energy_uj is for root only" in reason
    assert "udev" in reason


def test_a_sum_that_lacks_a_package_is_absent_and_comes_back_whole(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 1_000_000)
    source = RaplSource(tmp_path)
    source.read(0)
    (second / "energy_uj").rename(second / "gone")
    uses(first, 2_000_000)
    assert math.isnan(source.read(1)[0])
    assert absence(source, 0).state is AbsenceState.LOST
    (second / "gone").rename(second / "energy_uj")
    uses(first, 3_000_000)
    uses(second, 5_000_000)
    assert source.read(2)[0] == 6.0
    assert source.why_not(0) is None


def test_energy_is_a_counter_of_the_host_with_a_new_value_every_100_ms(tmp_path: Path) -> None:
    source = RaplSource(tmp_path)
    assert source.period_ns == 100_000_000
    assert [(m.name, m.unit, m.kind, m.scope, m.period_ns) for m in source.metrics] == [
        ("package_energy", "J", Kind.COUNTER, Scope.HOST, 100_000_000),
        ("dram_energy", "J", Kind.COUNTER, Scope.HOST, 100_000_000),
    ]
