"""``migperf gpus``: what there is, how it is cut, who uses it; and what a host without GPUs is told."""

from pathlib import Path

import pytest

from migperf.gpus.inventory import read_gpu
from migperf.gpus.layout import Layout
from migperf.gpus.simulation.driver import SimulatedDriver
from tests.cli.conftest import Cli
from tests.cli.simulated_host import simulate, uuid_of


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimulatedDriver:
    """A host with a GPU that changes its mode at once, one that needs a reset for it, and one without MIG."""
    return simulate(monkeypatch, tmp_path, "h100-80gb", "a100-40gb", "l40s-48gb")


def partitions_by_profile(driver: SimulatedDriver) -> dict[str, str]:
    gpu = read_gpu(driver, driver.device_by_index(0))
    return {compute.profile: compute.uuid for instance in gpu.instances for compute in instance.compute_instances}


def test_a_host_without_gpus_is_told_how_it_could_have_some(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Having none is no error: the list is empty, and the remark goes to people."""
    monkeypatch.setenv("MIGPERF_GPUS", "none")
    said = cli("gpus")
    assert (said.status, said.out) == (0, "")
    for word in ("no GPUs", "auto", "none", "simulated:", "h100-80gb"):
        assert word in said.err
    assert cli("gpus", "--json").document == []


def test_every_gpu_is_shown_with_its_mode_and_simulated_ones_are_marked(cli: Cli, host: SimulatedDriver) -> None:
    assert cli("mig", "enable", "--gpu", "1").status == 0
    said = cli("gpus")
    first, second, third = said.out.split("\n\n")
    assert first.splitlines()[:3] == [
        "GPU 0 · NVIDIA H100 80GB HBM3 (simulated)",
        uuid_of(host, 0),
        "hopper · 79.6 GiB · 132 SMs · driver simulated · MIG off",
    ]
    assert "MIG on after reset" in second
    assert "ampere" in second
    assert "no MIG" in third
    for part in (first, second, third):
        assert "|whole GPU---" in part
        assert part.splitlines()[-1].split()[0:2] == ["whole", "GPU"]
    assert max(map(len, said.out.splitlines())) <= 80


def test_a_cut_gpu_is_drawn_and_its_partitions_are_listed_with_their_processes(cli: Cli, host: SimulatedDriver) -> None:
    assert cli("mig", "apply", "3g.40gb@4(1c)+1g.20gb@0+1g.10gb@2()", "--gpu", "0").status == 0
    uuids = partitions_by_profile(host)
    host.add_process(4711, "python", uuids["1g.20gb"], 512 << 20)
    said = cli("gpus").out.split("\n\n")[0]
    assert said.splitlines()[3:] == [
        "memory  |1g.20gb--------|1g.10gb|.......|3g.40gb------------------------|",
        "compute |1c-----|.......|unused-|.......|unused---------|1c-----|",
        "Partition   Units  SMs    Memory  UUID, processes                         ",
        f"1g.20gb     0–1     26  19.6 GiB  {uuids['1g.20gb']}",
        "                                  process 4711 (python), 512 MiB          ",
        f"1c.3g.40gb  4–7     16  39.5 GiB  {uuids['1c.3g.40gb']}",
        "1g.10gb     2        –         –  no compute instance: nothing can use it ",
    ]


def test_json_has_the_grid_the_partitions_and_the_processes(cli: Cli, host: SimulatedDriver) -> None:
    assert cli("mig", "apply", "2g.20gb@2", "--gpu", "0").status == 0
    (uuid,) = partitions_by_profile(host).values()
    host.add_process(12, "trainer", uuid, 1 << 20)
    first, second, third = cli("gpus", "--json").document
    assert (first["index"], first["layout"], first["simulated"]) == (0, "2g.20gb@2", True)
    assert first["processes"] == [{"partition": uuid, "pid": 12, "name": "trainer", "used_bytes": 1 << 20}]
    assert [(p["uuid"], p["profile"]) for p in first["partitions"]] == [(uuid, "2g.20gb")]
    assert first["geometry"]["units"] == 8
    assert (second["layout"], second["mig"]["enabled"]) == ("off", False)
    assert (third["mig"], third["partitions"][0]["kind"]) == (None, "gpu")


def test_a_gpu_that_fell_off_the_bus_does_not_hide_the_others(cli: Cli, host: SimulatedDriver) -> None:
    host.lose(host.device_by_index(0))
    said = cli("gpus")
    assert said.status == 0
    assert "GPU 0 is left out" in said.err
    assert "GPU 1 · NVIDIA A100" in said.out


def test_the_drawing_of_a_whole_host_says_what_the_driver_says(cli: Cli, host: SimulatedDriver) -> None:
    """The layout in the JSON document is the one that applying again would leave alone."""
    assert cli("mig", "apply", "3g.40gb+2x2g.20gb", "--gpu", "0").status == 0
    document = cli("gpus", "--json").document[0]
    assert Layout.parse(document["layout"]) == read_gpu(host, host.device_by_index(0)).layout


def test_a_service_with_gpus_that_do_not_exist_does_not_begin_to_start(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MIGPERF_GPUS", "simulated:h100-80")
    monkeypatch.setenv("MIGPERF_DATA_DIR", str(tmp_path / "data"))
    said = cli("up")
    assert said.status == 2
    assert "did you mean h100-80gb" in said.err
    assert not (tmp_path / "data").exists()
