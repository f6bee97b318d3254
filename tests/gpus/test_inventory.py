"""The host CPU is a partition like any other: stable name, real memory, the CPUs this process may use."""

import os
from pathlib import Path

import psutil
import pytest

from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.partition import PartitionKind
from tests.builders import partition
from tests.gpus.host import Host


def test_the_host_is_discovered_as_a_partition_with_a_stable_name() -> None:
    (cpu,) = (p for p in discover(None).partitions if p.kind is PartitionKind.CPU)
    assert cpu == discover(None).partitions[-1]
    assert cpu.cpus == tuple(sorted(os.sched_getaffinity(0)))
    assert 0 < cpu.memory_mib <= psutil.virtual_memory().total >> 20
    assert cpu.model
    assert not cpu.simulated
    assert cpu.profile is None
    assert cpu.sm_count is None


def test_a_child_bound_to_a_cpu_sees_no_gpu_and_one_bound_to_a_slice_sees_only_it() -> None:
    mig = partition("MIG-7c", PartitionKind.MIG)
    assert (partition().device, partition().visible_devices()) == ("cpu", "")
    assert (mig.device, mig.visible_devices()) == ("cuda:0", "MIG-7c")
    simulated = partition("MIG-7c", PartitionKind.MIG, simulated=True)
    assert (simulated.device, simulated.visible_devices()) == ("cpu", "")


def test_a_layout_that_a_boot_has_ended_is_not_taken_for_one_of_the_new_boot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or nobody would apply it again. The host boots just before it is asked which boot this is."""
    host = Host("h100-80gb", tmp_path)
    host.apply("7g.80gb")
    asked = host.driver.boot_id

    def boot_id() -> str:
        host.driver.reboot()
        return asked()

    monkeypatch.setattr(host.driver, "boot_id", boot_id)
    (gpu,) = discover(host.driver).gpus
    assert gpu.layout == Layout(mig=False)
