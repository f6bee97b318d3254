"""MIGPERF_GPUS decides which driver a process opens; what it cannot mean is refused with what it can."""

from pathlib import Path

import pytest

from migperf.errors import ConfigurationError
from migperf.gpus.drivers import check_setting, host_inventory, layout_lock, open_driver
from migperf.gpus.inventory import discover
from migperf.gpus.partition import PartitionKind
from migperf.settings import Settings, load_settings


def settings(folder: Path, gpus: str) -> Settings:
    return load_settings(data_dir=folder / "data", gpus=gpus)


def test_a_host_that_is_to_use_no_gpus_offers_its_cpu(tmp_path: Path) -> None:
    assert open_driver(settings(tmp_path, "none")) is None
    assert [p.kind for p in host_inventory(settings(tmp_path, "none")).partitions] == [PartitionKind.CPU]


def test_processes_of_a_host_share_its_simulated_gpus(tmp_path: Path) -> None:
    mine, other = (open_driver(settings(tmp_path, "simulated:h100-80gb, A30-24GB")) for _ in range(2))
    assert [gpu.model for gpu in discover(mine).gpus] == ["NVIDIA H100 80GB HBM3", "NVIDIA A30"]
    mine.set_mig_mode(mine.device_by_index(0), enabled=True)
    assert discover(other).gpus[0].mig.enabled
    assert discover(other).gpus == discover(mine).gpus
    assert all(p.simulated for p in discover(mine).partitions if p.kind is not PartitionKind.CPU)


def test_gpus_come_before_the_cpu_for_whoever_does_not_choose(tmp_path: Path) -> None:
    kinds = [p.kind for p in host_inventory(settings(tmp_path, "simulated:l40s-48gb")).partitions]
    assert kinds == [PartitionKind.GPU, PartitionKind.CPU]


def test_a_host_whose_cpu_another_worker_offers_leaves_it_out(tmp_path: Path) -> None:
    """Two workers on one host, as in the Compose file, must not measure on its CPU at once."""
    chosen = load_settings(data_dir=tmp_path / "data", gpus="simulated:l40s-48gb", offer_cpu=False)
    assert [p.kind for p in host_inventory(chosen).partitions] == [PartitionKind.GPU]


@pytest.mark.parametrize(
    ("gpus", "complaint"),
    [("all", "auto, none or simulated:"), ("simulated:a100", "did you mean a100-80gb"), ("simulated:", "there are")],
)
def test_what_the_setting_cannot_mean_is_refused(tmp_path: Path, gpus: str, complaint: str) -> None:
    for ask in (check_setting, open_driver):
        with pytest.raises(ConfigurationError, match=complaint):
            ask(settings(tmp_path, gpus))
    assert not (tmp_path / "data").exists(), "nothing was made"


def test_whoever_changes_layouts_of_a_host_meets_at_one_lock(tmp_path: Path) -> None:
    chosen = settings(tmp_path, "simulated:h100-80gb")
    first, second = (layout_lock(open_driver(chosen), chosen) for _ in range(2))
    assert first.lock_file == second.lock_file
    with first:
        assert not second.is_locked
        with pytest.raises(TimeoutError):
            second.acquire(timeout=0)
