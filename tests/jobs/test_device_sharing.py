"""Runs that share a device by MPS: one daemon from the first to the last of them, for each device."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from migperf.gpus.host_cpu import cpu_partition
from migperf.gpus.mps.control import MpsError
from migperf.gpus.shares import divide
from migperf.gpus.sharing import Sharing
from migperf.jobs.sharing import DeviceSharing
from migperf.settings import load_settings
from tests.gpus.mps.host import GPU, MIG, PROGRAM, MpsHost, gpu, shares


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MpsHost]:
    made = MpsHost(tmp_path, monkeypatch)
    yield made
    left = [*made.living(GPU), *made.living(MIG)]
    for process in left:
        process.kill()
    assert left == []


@pytest.fixture
def sharing(host: MpsHost, tmp_path: Path) -> DeviceSharing:
    return DeviceSharing.of(load_settings(data_dir=tmp_path, mps_control=PROGRAM))


def test_the_first_run_starts_the_daemon_and_the_last_stops_it(host: MpsHost, sharing: DeviceSharing) -> None:
    first, second = shares(2)
    with sharing.prepared("gang", first) as one:
        with sharing.prepared("gang", second) as other:
            assert (one.environment, one.facts) == (other.environment, other.facts)
            assert len(host.living()) == 1
        assert (one.problem(), len(host.events("ended"))) == (None, 0)
    assert (len(host.events("started")), len(host.events("ended")), host.living()) == (1, 1, [])


def test_a_client_gets_its_limits_and_its_result_says_them(host: MpsHost, sharing: DeviceSharing) -> None:
    share = shares(3, memory_limit_mib=4096)[1]
    with sharing.prepared("gang", share) as prepared:
        pipe = host.events("started")[0]["environment"]["CUDA_MPS_PIPE_DIRECTORY"]
        assert prepared.environment["CUDA_MPS_PIPE_DIRECTORY"] == pipe
        assert prepared.environment["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] == "34"
        assert prepared.environment["CUDA_MPS_PINNED_DEVICE_MEM_LIMIT"] == "0=4096M"
        assert "CUDA_VISIBLE_DEVICES" not in prepared.environment
        assert prepared.facts == {
            "mps_control_version": 13010,
            "mps_thread_pct": 34,
            "mps_memory_limit_mib": 4096,
            "mps_static": False,
        }
    assert share.visible_devices() == GPU, "a UUID is the same device to a daemon's clients as to others"


def test_static_shares_get_partitions_of_their_own(host: MpsHost, sharing: DeviceSharing) -> None:
    first, second = shares(2, static=True)
    with sharing.prepared("gang", first) as one, sharing.prepared("gang", second) as other:
        assert one.environment["CUDA_MPS_SM_PARTITION"] != other.environment["CUDA_MPS_SM_PARTITION"]
        assert "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE" not in one.environment
        assert (one.facts["mps_static_chunks"], one.facts["mps_static_sm_count"]) == (8, 64)


def test_runs_that_come_and_go_at_once_share_one_daemon(host: MpsHost, sharing: DeviceSharing) -> None:
    of_gpu, of_mig = shares(8), shares(8, gpu(MIG))
    together = threading.Barrier(16)

    def one(share: object) -> int:
        with sharing.prepared("gang", share):
            together.wait(60)
            return len(host.living(share.whole.uuid))

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(one, (*of_gpu, *of_mig))) == [1] * 16
    for device in (GPU, MIG):
        assert (len(host.events("started", device)), len(host.events("ended", device))) == (1, 1)


def test_a_group_does_not_use_another_groups_daemon(host: MpsHost, sharing: DeviceSharing) -> None:
    with sharing.prepared("gang", shares(2)[0]):
        with pytest.raises(MpsError, match="still shared by the runs of gang"):
            sharing.prepared("other", shares(2)[1]).__enter__()
        with pytest.raises(MpsError, match="has MpsLimits"):
            sharing.prepared("gang", shares(2, thread_pct=20)[1]).__enter__()
        assert len(host.living()) == 1
    with sharing.prepared("other", shares(2)[0]):
        assert len(host.events("started")) == 2


def test_a_failed_start_leaves_room_for_the_next_try(host: MpsHost, sharing: DeviceSharing) -> None:
    host.set(fault="refuse")
    with pytest.raises(MpsError, match="does not start"):
        sharing.prepared("gang", shares(2)[0]).__enter__()
    host.set(fault="")
    with sharing.prepared("other", shares(2)[0]) as prepared:
        assert prepared.problem() is None


def test_a_run_whose_daemon_ended_hears_of_it_and_nobody_joins_it(host: MpsHost, sharing: DeviceSharing) -> None:
    with sharing.prepared("gang", shares(2)[0]) as prepared:
        process = psutil.Process(host.events("started")[0]["pid"])
        process.kill()
        while prepared.problem() is None:
            threading.Event().wait(0.05)
        assert "ended with status -9" in prepared.problem()
        with pytest.raises(MpsError, match="ended with status -9"):
            sharing.prepared("gang", shares(2)[1]).__enter__()


@pytest.mark.parametrize(
    "partition",
    [
        gpu(),
        shares(2, gpu(simulated=True))[0],
        divide(gpu(), Sharing(mode="time_slicing"), 2)[0],
        divide(gpu(), Sharing(mode="green_context"), 1)[0],
        cpu_partition(),
    ],
    ids=["whole", "simulated", "time_slice", "green_context", "cpu"],
)
def test_what_is_no_real_mps_share_starts_nothing(host: MpsHost, sharing: DeviceSharing, partition: object) -> None:
    with sharing.prepared("gang", partition) as prepared:
        assert (dict(prepared.environment), dict(prepared.facts), prepared.problem()) == ({}, {}, None)
    assert host.events("started") == []
    assert not host.base.exists()
