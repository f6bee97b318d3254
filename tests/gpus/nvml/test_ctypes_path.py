"""What only the real path through pynvml and ctypes can get wrong: symbols, structures, types, codes, memory, forks."""

import gc
import math
import os
import struct
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from migperf.gpus.driver import Architecture, FieldId, GpuProcess
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml.profile_names import without_prefix
from migperf.gpus.nvml_errors import (
    GpuLostError,
    NvmlDriverNotLoadedError,
    NvmlError,
    NvmlFunctionNotFoundError,
    NvmlInvalidArgumentError,
    NvmlNoDataError,
    NvmlNotSupportedError,
    NvmlResetRequiredError,
    NvmlTimeoutError,
    NvmlUninitializedError,
)
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.boards import BOARDS
from tests.gpus.nvml.fake_host import FakeHost
from tests.gpus.nvml.mig import mig_device, profiles, with_mig_on

GIB = 1 << 30
H100 = "h100-80gb"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def nvml(host: FakeHost) -> Iterator[NvmlLibrary]:
    """NVML on a host with one H100."""
    host.start(H100)
    with NvmlLibrary.open() as driver:
        yield driver


# --- the library ---


def in_a_new_process(script: str, library: Path | None = None) -> str:
    """Run Python code where pynvml has loaded nothing yet, with the library's folder on the loader's path."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent) if library else ""}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


START = """
import ctypes, os
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.nvml.backend import NvmlLibrary
ctypes.CDLL("libnvidia-ml.so.1").fake_start(b"h100-80gb")
"""


def test_the_library_is_loaded_by_its_name(library: Path) -> None:
    script = f"{START}\nnvml = NvmlLibrary.open()\nprint(nvml.name(nvml.device_by_index(0)))"
    assert in_a_new_process(script, library) == "NVIDIA H100 80GB HBM3"


def test_a_host_without_the_library_says_so() -> None:
    script = """
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.nvml.backend import NvmlLibrary
try:
    NvmlLibrary.open()
    print("this host has a driver")
except NvmlError as error:
    print(type(error).__name__)
"""
    said = in_a_new_process(script)
    if said != "NvmlLibraryNotFoundError":
        pytest.skip(f"needs a host without NVIDIA's driver: {said}")


def test_a_host_whose_driver_is_not_loaded_says_so(host: FakeHost) -> None:
    host.start(H100)
    host.so.fake_unload_driver()
    with pytest.raises(NvmlDriverNotLoadedError, match="nvmlInit"):
        NvmlLibrary.open()


def test_closed_is_closed(host: FakeHost) -> None:
    """One who closes does not take NVML from the others of the process, nor can go on because of them."""
    host.start(H100)
    first, second = NvmlLibrary.open(), NvmlLibrary.open()
    first.close()
    first.close()
    with pytest.raises(NvmlUninitializedError):
        first.device_count()
    assert second.device_count() == 1
    second.close()


def test_nvml_belongs_to_the_process_that_opened_it(library: Path) -> None:
    """A forked child that went on with its parent's handles would work or not, by chance: it is told to open anew."""
    script = f"""{START}
nvml = NvmlLibrary.open()
gpu = nvml.device_by_index(0)
sample, reader = nvml.gpm_sample(gpu), nvml.gpm_reader(gpu, None, [1])
reader.read()
if os.fork() == 0:
    for inherited in (lambda: nvml.name(gpu), reader.read):
        try:
            inherited()
        except NvmlError as error:
            print(type(error).__name__, flush=True)
    reader.close()
    nvml.close()
    anew = NvmlLibrary.open()
    del sample
    print(anew.device_count(), ctypes.CDLL("libnvidia-ml.so.1").fake_held_samples(), flush=True)
    os._exit(0)
os.wait()
print(nvml.device_count(), ctypes.CDLL("libnvidia-ml.so.1").fake_held_samples())
"""
    said = in_a_new_process(script, library).split()
    assert said == ["NvmlUninitializedError", "NvmlUninitializedError", "1", "2", "1", "2"]


def test_versions_and_boot(nvml: NvmlLibrary) -> None:
    assert (nvml.driver_version(), nvml.cuda_version()) == ("580.95.05", "13.0")
    assert uuid.UUID(nvml.boot_id())
    assert nvml.simulated is False


# --- an old driver ---


@pytest.mark.parametrize("board", [board for board in BOARDS.values() if board.has_mig], ids=lambda board: board.key)
def test_a_driver_that_tells_no_names_gets_those_of_the_tables(old_host: FakeHost, board) -> None:
    """Version 1 of the structure has no name. The rule that makes it is checked against every board's table."""
    old_host.start(board.key)
    with NvmlLibrary.open() as nvml:
        told = {p.id: (p.name, p.memory_mib, p.ofa) for p in profiles(nvml, nvml.device_by_index(0))}
    assert told == {row.id: (row.name, row.memory_mib, row.engines.ofa) for row in board.profiles}


def test_an_old_driver_can_be_cut_and_watched(old_host: FakeHost) -> None:
    old_host.start("a100-40gb")
    with NvmlLibrary.open() as nvml:
        nvml.set_mig_mode(nvml.device_by_index(0), enabled=True)
        old_host.so.fake_reset(0)
        gpu = nvml.device_by_index(0)
        instance, _, device = mig_device(nvml, gpu, "3g")
        assert nvml.compute_instance_profile(instance, 0).name == "1c.3g.20gb"
        assert nvml.compute_instance_profile(instance, 2).name == "3g.20gb"
        old_host.add_process(4, "python", nvml.uuid(device), GIB)
        assert nvml.compute_processes(gpu) == (
            GpuProcess(pid=4, used_bytes=GIB, gpu_instance_id=1, compute_instance_id=0),
        )


def test_what_an_old_driver_cannot_tell_is_not_made_up(old_host: FakeHost) -> None:
    """Version 1 of the memory counts what the driver reserves as used: there is no telling them apart."""
    old_host.start(H100)
    with NvmlLibrary.open() as nvml:
        gpu = nvml.device_by_index(0)
        with pytest.raises(NvmlFunctionNotFoundError, match=r"nvmlDeviceGetMemoryInfo on GPU-.*newer driver"):
            nvml.memory(gpu)
        assert nvml.gpm_supported(gpu) is False
        with pytest.raises(NvmlFunctionNotFoundError):
            nvml.gpm_sample(gpu)


def test_a_structure_that_the_driver_does_not_know_is_asked_for_in_its_older_version(host, nvml: NvmlLibrary) -> None:
    host.fail("nvmlDeviceGetGpuInstanceProfileInfoV", 25)
    assert nvml.gpu_instance_profile(nvml.device_by_index(0), 7).name == "1g.10gb+me"


# --- arguments and answers ---


def test_a_place_arrives_whole(host: FakeHost) -> None:
    """Start and size go by reference: as a value, C would take the eight bytes for an address."""
    host.start("rtx-pro-6000-96gb")
    with NvmlLibrary.open() as nvml:
        gpu = with_mig_on(nvml)
        instance = nvml.create_gpu_instance(gpu, 5, Placement(6, 6))
        assert nvml.gpu_instance_info(instance).placement == Placement(6, 6)
        compute = nvml.create_compute_instance(instance, 0, Placement(1, 1))
        assert nvml.compute_instance_info(compute).placement == Placement(1, 1)
        for wrong_size in (Placement(0, 5), Placement(0, 0)):
            with pytest.raises(NvmlInvalidArgumentError):
                nvml.create_gpu_instance(gpu, 5, wrong_size)


def test_names_may_be_bytes(nvml: NvmlLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old releases of pynvml hand out what C gave them."""
    gpu = nvml.device_by_index(0)
    for function in ("nvmlDeviceGetName", "nvmlDeviceGetUUID", "nvmlSystemGetDriverVersion"):
        monkeypatch.setattr(pynvml, function, getattr(pynvml, function).__wrapped__)
    assert isinstance(pynvml.nvmlDeviceGetName(gpu), bytes)
    assert nvml.name(gpu) == "NVIDIA H100 80GB HBM3"
    assert nvml.uuid(gpu).startswith("GPU-")
    assert nvml.driver_version() == "580.95.05"


def test_a_profile_is_called_the_same_with_and_without_the_word_mig() -> None:
    assert without_prefix("MIG 1g.5gb+me") == without_prefix("1g.5gb+me") == "1g.5gb+me"


def test_a_generation_that_is_not_known_yet_is_unknown(host: FakeHost, nvml: NvmlLibrary) -> None:
    host.so.fake_set_architecture(0, pynvml.NVML_DEVICE_ARCH_RUBIN)
    assert nvml.architecture(nvml.device_by_index(0)) is Architecture.UNKNOWN


def test_clients_of_an_mps_server_are_processes_too(host: FakeHost, nvml: NvmlLibrary) -> None:
    gpu = nvml.device_by_index(0)
    host.add_process(1, "plain", nvml.uuid(gpu), GIB)
    host.add_process(2, "client", nvml.uuid(gpu), GIB, mps=True)
    host.add_process(1, "plain", nvml.uuid(gpu), GIB, mps=True)
    assert sorted(process.pid for process in nvml.compute_processes(gpu)) == [1, 2]
    host.fail("nvmlDeviceGetMPSComputeRunningProcesses_v3", NvmlNotSupportedError.code)
    assert [process.pid for process in nvml.compute_processes(gpu)] == [1]


def test_memory_that_the_driver_does_not_know_is_none(host: FakeHost, nvml: NvmlLibrary) -> None:
    gpu = nvml.device_by_index(0)
    host.add_process(1, "python", nvml.uuid(gpu), 2**64 - 1)
    assert nvml.compute_processes(gpu)[0].used_bytes is None


def test_what_the_driver_reserves_is_told_apart(nvml: NvmlLibrary) -> None:
    memory = nvml.memory(nvml.device_by_index(0))
    assert (memory.reserved, memory.used) == (512 << 20, 0)
    assert memory.free == memory.total - memory.reserved


# --- one answer of many ---


@pytest.mark.parametrize(
    ("value_type", "layout", "value"),
    [
        (pynvml.NVML_VALUE_TYPE_DOUBLE, "d", 1.5),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, "I", 2**32 - 2),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG, "L", 2**63),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "Q", 2**63),
        (pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG, "q", -(2**40)),
        (pynvml.NVML_VALUE_TYPE_SIGNED_INT, "i", -7),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT, "H", 65_534),
    ],
)
def test_a_field_is_read_by_the_type_that_comes_with_it(host, nvml: NvmlLibrary, value_type, layout, value) -> None:
    host.set_field(0, FieldId.POWER_AVERAGE_MW, value_type, struct.pack(layout, value))
    (answer,) = nvml.field_values(nvml.device_by_index(0), [FieldId.POWER_AVERAGE_MW])
    assert (answer.value, answer.error) == (value, None)


def test_each_field_has_its_own_error(host: FakeHost, nvml: NvmlLibrary) -> None:
    gpu = nvml.device_by_index(0)
    host.set_meters(0, power_mw=99)
    host.set_field(0, FieldId.ENERGY_MJ, pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, code=NvmlTimeoutError.code)
    energy, power = nvml.field_values(gpu, [FieldId.ENERGY_MJ, FieldId.POWER_INSTANT_MW])
    assert (energy.value, type(energy.error)) == (None, NvmlTimeoutError)
    assert str(energy.error).startswith(f"nvmlDeviceGetFieldValues(ENERGY_MJ) on {nvml.uuid(gpu)}")
    assert (power.value, power.error) == (99, None)


@pytest.mark.parametrize(
    ("value_type", "value", "error"),
    [(pynvml.NVML_VALUE_TYPE_DOUBLE, math.nan, NvmlNoDataError), (42, 1.0, NvmlError)],
    ids=["NaN", "unknown type"],
)
def test_a_field_that_cannot_be_read_is_an_error_not_a_number(
    host, nvml: NvmlLibrary, value_type, value, error
) -> None:
    host.set_field(0, FieldId.POWER_AVERAGE_MW, value_type, struct.pack("d", value))
    (answer,) = nvml.field_values(nvml.device_by_index(0), [FieldId.POWER_AVERAGE_MW])
    assert answer.value is None
    assert type(answer.error) is error


def test_each_gpm_metric_has_its_own_error_and_nan_is_no_data(host: FakeHost, nvml: NvmlLibrary) -> None:
    gpu = nvml.device_by_index(0)
    host.set_gpm(0, 2, 12.25)
    host.set_gpm(0, 3, math.nan)
    host.set_gpm(0, 5, 0.0, code=NvmlTimeoutError.code)
    earlier = nvml.gpm_sample(gpu)
    threading.Event().wait(0.11)
    ids = [2, 3, 5, 10]
    answers = nvml.gpm_metrics(earlier, nvml.gpm_sample(gpu), ids)
    assert [answer.metric_id for answer in answers] == ids
    assert [answer.value for answer in answers] == [12.25, None, None, None]
    assert [type(answer.error) for answer in answers[1:]] == [NvmlNoDataError, NvmlTimeoutError, NvmlNotSupportedError]
    assert f"nvmlGpmMetricsGet(3) on {nvml.uuid(gpu)}" in str(answers[1].error)


# --- failures ---


def test_a_call_that_fails_once_names_itself_and_the_gpu(host: FakeHost, nvml: NvmlLibrary) -> None:
    gpu = nvml.device_by_index(0)
    host.set_meters(0, power_mw=5)
    host.fail("nvmlDeviceGetPowerUsage", NvmlTimeoutError.code, after=1)
    assert nvml.power_mw(gpu) == 5
    with pytest.raises(NvmlTimeoutError, match=f"nvmlDeviceGetPowerUsage on {nvml.uuid(gpu)}"):
        nvml.power_mw(gpu)
    assert nvml.power_mw(gpu) == 5


def test_a_code_without_a_class_is_kept(host: FakeHost, nvml: NvmlLibrary) -> None:
    host.fail("nvmlDeviceGetPowerUsage", 27)
    with pytest.raises(NvmlError) as caught:
        nvml.power_mw(nvml.device_by_index(0))
    assert type(caught.value) is NvmlError
    assert caught.value.nvml_code == 27


def test_a_lost_gpu_is_named_though_it_cannot_tell_its_name_any_more(host: FakeHost, nvml: NvmlLibrary) -> None:
    gpu = nvml.device_by_index(0)
    name = nvml.uuid(gpu)
    host.so.fake_lose(0)
    with pytest.raises(GpuLostError, match=name):
        nvml.power_mw(gpu)


def test_failures_of_instances_name_the_instance(nvml: NvmlLibrary) -> None:
    gpu = with_mig_on(nvml)
    instance, compute, device = mig_device(nvml, gpu)
    with pytest.raises(NvmlError, match=f"nvmlGpuInstanceDestroy on GPU instance 7 of {nvml.uuid(gpu)}"):
        nvml.destroy_gpu_instance(instance)
    mig_uuid = nvml.uuid(device)
    assert nvml._describe(compute) == mig_uuid
    with pytest.raises(NvmlError, match="nvmlDeviceGetHandleByUUID on MIG-nobody"):
        nvml.device_by_uuid("MIG-nobody")


def test_the_status_of_a_mode_change_is_an_error_that_is_not_raised(host: FakeHost) -> None:
    host.start("a100-80gb")
    with NvmlLibrary.open() as nvml:
        status = nvml.set_mig_mode(nvml.device_by_index(0), enabled=True)
    assert isinstance(status, NvmlResetRequiredError)
    assert status.call == "nvmlDeviceSetMigMode"


# --- what the library gives must be given back ---


def test_samples_are_freed_when_nobody_holds_them(host: FakeHost, nvml: NvmlLibrary) -> None:
    """A sampler takes one a tick, for days."""
    gpu = nvml.device_by_index(0)
    kept = nvml.gpm_sample(gpu)
    for _ in range(5):
        nvml.gpm_sample(gpu)
    gc.collect()
    assert host.held_samples() == 1
    host.fail("nvmlGpmSampleGet", NvmlTimeoutError.code)
    with pytest.raises(NvmlTimeoutError):
        nvml.gpm_sample(gpu)
    gc.collect()
    assert host.held_samples() == 1
    nvml.close()
    assert host.held_samples() == 0
    del kept


def test_an_event_set_lives_as_long_as_the_watch(host: FakeHost, nvml: NvmlLibrary) -> None:
    with nvml.mig_changes() as changes:
        assert host.held_event_sets() == 1
        assert changes.wait(0.01) is False
    assert host.held_event_sets() == 0
    with nvml.mig_changes():
        nvml.close()


def test_a_watch_wakes_up_at_once(nvml: NvmlLibrary) -> None:
    gpu = with_mig_on(nvml)
    with nvml.mig_changes() as changes:
        cutter = threading.Timer(0.05, nvml.create_gpu_instance, (gpu, 19))
        cutter.start()
        assert changes.wait(60) is True
        cutter.join()


def test_a_lost_gpu_does_not_keep_the_others_from_being_watched(host: FakeHost) -> None:
    host.start(H100, H100)
    with NvmlLibrary.open() as nvml:
        other = with_mig_on(nvml, 1)
        host.so.fake_lose(0)
        with nvml.mig_changes() as changes:
            nvml.create_gpu_instance(other, 19)
            assert changes.wait(5) is True


def test_a_watch_that_breaks_says_so(host: FakeHost, nvml: NvmlLibrary) -> None:
    with nvml.mig_changes() as changes:
        host.fail("nvmlEventSetWait_v2", GpuLostError.code)
        with pytest.raises(GpuLostError):
            changes.wait(5)
