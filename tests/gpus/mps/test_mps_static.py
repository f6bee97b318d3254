"""Static partitions: equal chunks for each share, its size where the daemon tells it, and no such on older drivers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.gpus.mps.control import MpsError
from migperf.gpus.mps.static import free_chunks, require_version, sm_counts
from tests.gpus.mps.host import GPU, MpsHost

HEADER = "GPU  Partition  free  used  free  used  clients\n      chunk chunk SM    SM\n"


@pytest.mark.parametrize("table", ["long", "short"])
def test_shares_get_equal_chunks_of_their_own(host: MpsHost, table: str) -> None:
    host.set(table=table, chunks="16")
    with host.daemon(static_shares=3) as daemon:
        assert host.events("started")[0]["argv"] == ["-f", "-S"]
        assert [(one.chunks, one.sm_count) for one in daemon.partitions] == [(5, 40)] * 3
        assert len({one.id for one in daemon.partitions}) == 3
        assert all(one.id.startswith(f"{GPU}/") for one in daemon.partitions)


def test_too_few_chunks_is_an_error(host: MpsHost) -> None:
    host.set(chunks="2")
    with pytest.raises(MpsError, match="2 chunks of multiprocessors, too few for 3 runs"):
        host.daemon(static_shares=3).start()


@pytest.mark.parametrize(("version", "told"), [("12080", "is of version 12080"), ("none", "does not tell its version")])
def test_an_older_driver_is_told_by_its_version(host: MpsHost, version: str, told: str) -> None:
    host.set(version=version)
    with pytest.raises(MpsError, match=f"13010 on.*{told}.*Update the driver"):
        host.daemon(static_shares=2).start()
    assert host.events("started") == []
    with host.daemon(thread_pct=50) as daemon:
        assert daemon.version == (None if version == "none" else 12080), "without static partitions any version does"


def test_the_first_version_with_static_partitions_has_them() -> None:
    require_version(13010)
    with pytest.raises(MpsError):
        require_version(13009)


@given(st.tuples(*[st.integers(0, 500)] * 4), st.integers(1, 16), st.booleans())
def test_both_forms_of_the_table_are_read(numbers: tuple[int, ...], size: int, dashes: bool) -> None:
    dash = "-" if dashes else ""
    device = f"GPU-11111111 {dash} {' '.join(map(str, numbers))} {dash}\n"
    partition = f"GPU-11111111 Dx0AAAA {dash} {size} {dash} {8 * size} Yes\n"
    assert free_chunks(HEADER + device + partition) == numbers[0]
    assert dict(sm_counts(HEADER + device + partition)) == {"Dx0AAAA": 8 * size}


@given(st.text(max_size=80))
def test_a_table_that_cannot_be_read_says_nothing(table: str) -> None:
    if not table.lstrip().startswith(("GPU-", "MIG-")):
        assert free_chunks(HEADER) is None
        assert list(sm_counts("GPU-1 Dx0 unreadable\n" + table.replace("GPU-", "").replace("MIG-", ""))) == []
