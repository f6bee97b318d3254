"""A call that fails makes gaps in its own metrics, with the reason; the others go on, and it heals."""

import numpy as np
import pytest

from migperf.gpus.driver import FieldId
from migperf.gpus.nvml_errors import (
    GpuLostError,
    NvmlFunctionNotFoundError,
    NvmlNoDataError,
    NvmlNoPermissionError,
    NvmlNotSupportedError,
    NvmlTimeoutError,
)
from migperf.gpus.partition import Partition
from migperf.metrics.absence import Absence
from migperf.metrics.gpu.gpm import ACTIVITY, LINKS
from migperf.metrics.source import Source
from tests.metrics.gpu.broken import BLANKS, BrokenDriver
from tests.metrics.gpu.world import MS, S, World

FLAGS = {
    "throttle_power_cap", "throttle_hw_slowdown", "throttle_hw_thermal", "throttle_hw_power_brake",
    "throttle_sw_thermal", "throttle_sync_boost", "clocks_locked", "clocks_idle",
}  # fmt: skip
SLOW_FIELDS = {"temperature_memory", "throttled_power", "throttled_thermal", "pcie_replays"}
GPM = {quantity.name for quantity in (*ACTIVITY.values(), *LINKS.values())}
FED_BY = {
    "clock_mhz": {"clock_sm", "clock_memory"},
    "clocks_event_reasons": FLAGS,
    "temperature_c": {"temperature_gpu"},
    "power_limit_mw": {"power_limit"},
    "utilization": {"utilization_gpu", "utilization_memory"},
    "memory": {"fb_used", "fb_free", "fb_reserved"},
    "compute_processes": {"processes"},
    "ecc_errors": {"ecc_corrected", "ecc_uncorrected"},
    "field_values": {"power_average", "power_instant", "energy"} | SLOW_FIELDS,
    "gpm_sample": GPM,
    "gpm_metrics": GPM,
}
"""The metrics of an H100 board that each call feeds."""
CODES = {
    NvmlNotSupportedError.code: "not_supported",
    NvmlFunctionNotFoundError.code: "not_supported",
    NvmlNoPermissionError.code: "no_permission",
    NvmlNoDataError.code: "no_data",
    GpuLostError.code: "lost",
    NvmlTimeoutError.code: "failed",
}
LASTING = {"not_supported", "no_permission"}
BOTH_MODES = pytest.mark.parametrize("instances", [0, 2], ids=["whole", "mig"])


class Patient:
    """An H100 whose calls a test breaks and heals, watched as a run on it is."""

    def __init__(self, instances: int = 0, board: str = "h100-80gb") -> None:
        self.world = World(board, instances=instances)
        self.driver = BrokenDriver(self.world.driver, clock=lambda: self.world.now_ns)
        self.partition: Partition = self.world.partitions[0]

    def sources(self) -> tuple[Source, ...]:
        return self.world.sources(self.driver, self.partition)  # type: ignore[arg-type]

    def watched(self) -> tuple[Source, ...]:
        """Sources that have had everything."""
        sources = self.sources()
        self.world.read(sources)
        self.after(S, sources)
        return sources

    def after(self, passed_ns: int, sources: tuple[Source, ...]) -> dict[str, float | Absence | None]:
        return self.world.after(passed_ns, sources)


def absent(seen: dict[str, float | Absence | None]) -> dict[str, str]:
    """Return the state of each metric that has no value."""
    return {
        name: value.state.value if isinstance(value, Absence) else "too early"
        for name, value in seen.items()
        if not isinstance(value, float)
    }


def replaced(call: str, state: str) -> set[str]:
    """Return what is read by an older call where this one does not exist."""
    return {"power_average", "energy"} if (call, state) == ("field_values", "not_supported") else set()


def usually_absent(instances: int) -> dict[str, str]:
    return dict.fromkeys(FED_BY["utilization"], "not_supported") if instances else {}


@BOTH_MODES
@pytest.mark.parametrize(("code", "state"), CODES.items())
@pytest.mark.parametrize("call", FED_BY)
def test_a_call_that_fails_makes_its_own_metrics_absent_and_no_others(
    call: str, code: int, state: str, instances: int
) -> None:
    patient = Patient(instances)
    sources = patient.watched()
    before = absent(patient.after(S, sources))
    patient.driver.fail_always(call, code)
    seen = patient.after(11 * S, sources)
    hit = FED_BY[call] - replaced(call, state)
    assert absent(seen) == before | dict.fromkeys(hit, state)


@BOTH_MODES
@pytest.mark.parametrize(("code", "state"), CODES.items())
@pytest.mark.parametrize("call", FED_BY)
def test_what_has_healed_has_values_again(call: str, code: int, state: str, instances: int) -> None:
    patient = Patient(instances)
    sources = patient.watched()
    patient.driver.fail_always(call, code)
    patient.after(11 * S, sources)
    patient.driver.heal()
    patient.after(10 * S if state in LASTING else S, sources)
    assert absent(patient.after(101 * MS, sources)) == usually_absent(instances)


@BOTH_MODES
@pytest.mark.parametrize("call", [call for call in FED_BY if call in BLANKS])
def test_a_sentinel_is_no_value(call: str, instances: int) -> None:
    patient = Patient(instances)
    sources = patient.watched()
    patient.driver.blank(call)
    seen = patient.after(11 * S, sources)
    assert absent(seen) == usually_absent(instances) | dict.fromkeys(FED_BY[call], "no_data")
    patient.driver.heal()
    assert absent(patient.after(101 * MS, sources)) == usually_absent(instances)


@BOTH_MODES
@pytest.mark.parametrize("call", ["device_by_uuid", *FED_BY, "gpm_supported", "gpm_reader", "compute_capability"])
@pytest.mark.parametrize("code", CODES)
def test_sources_open_whatever_fails_and_read_once_it_has_healed(call: str, code: int, instances: int) -> None:
    patient = Patient(instances)
    patient.driver.fail_always(call, code)
    sources = patient.sources()
    patient.world.read(sources)
    patient.driver.heal()
    patient.after(10 * S, sources)
    assert absent(patient.after(S, sources)) == usually_absent(instances)


def test_a_gpu_that_fell_off_the_bus_is_lost_with_all_its_metrics_until_it_is_back() -> None:
    patient = Patient()
    sources = patient.watched()
    gpu = patient.world.driver.device_by_index(0)
    patient.world.driver.lose(gpu)
    seen = patient.after(S, sources)
    assert set(absent(seen)) == set(seen)
    assert set(absent(seen).values()) == {"lost"}
    patient.world.driver.reset(gpu)
    patient.after(S, sources)
    assert absent(patient.after(S, sources)) == {}


@BOTH_MODES
@pytest.mark.parametrize("call", ["memory", "field_values", "gpm_sample"])
def test_the_handle_of_what_is_lost_is_got_anew_and_no_other(call: str, instances: int) -> None:
    patient = Patient(instances)
    sources = patient.watched()
    patient.driver.calls.clear()
    patient.after(S, sources)
    assert "device_by_uuid" not in patient.driver.calls
    patient.driver.fail_always(call, GpuLostError.code)
    patient.after(S, sources)
    patient.driver.heal()
    patient.after(S, sources)
    assert "device_by_uuid" in patient.driver.calls


def test_metrics_of_an_instance_that_was_destroyed_are_lost_though_another_has_got_its_id() -> None:
    patient = Patient(instances=1)
    sources = patient.watched()
    instance_id = patient.world.instance_id(patient.partition)
    assert instance_id is not None
    patient.world.remove_instance(instance_id)
    patient.after(S, sources)
    patient.world.add_instance()
    assert patient.world.instance_id(patient.world.partitions[0]) == instance_id
    seen = absent(patient.after(2 * S, sources))
    own = {"fb_used", "fb_free", "fb_reserved", "processes", "ecc_uncorrected", *(q.name for q in ACTIVITY.values())}
    assert {name for name, state in seen.items() if state == "lost"} == own


@pytest.mark.parametrize(("code", "waits_ns"), [(3, 10 * S), (4, 10 * S), (15, S), (999, S), (21, 0)])
def test_what_cannot_be_there_soon_is_asked_for_seldom(code: int, waits_ns: int) -> None:
    patient = Patient()
    sources = patient.watched()
    patient.driver.fail_always("temperature_c", code)
    patient.after(S, sources)
    patient.driver.calls.clear()
    for _ in range(100):
        patient.after(200 * MS, sources)
    asked = patient.driver.calls.count("temperature_c")
    assert asked == (20 * S // waits_ns if waits_ns else 100)


@pytest.mark.parametrize(("code", "state"), CODES.items())
def test_a_field_that_fails_alone_is_absent_alone(code: int, state: str) -> None:
    patient = Patient()
    sources = patient.watched()
    patient.driver.fail_single(FieldId.THROTTLED_POWER_NS, code)
    assert absent(patient.after(S, sources)) == {"throttled_power": state}
    patient.driver.heal()
    assert absent(patient.after(10 * S, sources)) == {}


def test_fields_that_a_board_lacks_are_left_out_of_the_call() -> None:
    patient = Patient(board="a100-80gb")
    sources = patient.watched()
    asked: list[FieldId] = []
    patient.driver.field_values = lambda gpu, fields: (  # type: ignore[method-assign]
        asked.extend(fields) or patient.world.driver.field_values(gpu, fields)
    )
    patient.after(S, sources)
    assert FieldId.POWER_INSTANT_MW in asked
    assert FieldId.POWER_AVERAGE_MW not in asked


@pytest.mark.parametrize(("board", "name"), [("a100-80gb", "power_instant"), ("h100-80gb", "power_average")])
def test_old_drivers_tell_power_and_energy_by_their_older_calls(board: str, name: str) -> None:
    patient = Patient(board=board)
    patient.driver.fail_always("field_values", NvmlFunctionNotFoundError.code)
    sources = patient.sources()
    seen = patient.world.read(sources)
    shown = patient.world.meters.board("", patient.world.now_ns)  # type: ignore[attr-defined]
    power_mw = shown.power_instant_mw if name == "power_instant" else shown.power_average_mw
    assert seen[name] == power_mw / 1e3
    assert seen["energy"] == shown.energy_mj / 1e3
    (other,) = {"power_instant", "power_average"} - {name}
    assert absent(seen)[other] == "not_supported"


def test_the_older_calls_fail_for_themselves() -> None:
    patient = Patient()
    sources = patient.watched()
    patient.driver.fail_always("field_values", NvmlNotSupportedError.code)
    patient.driver.fail_always("power_mw", NvmlNoPermissionError.code)
    patient.driver.blank("energy_mj")
    seen = absent(patient.after(S, sources))
    assert seen["power_average"] == "no_permission"
    assert seen["energy"] == "no_data"


def test_a_counter_that_goes_back_gives_no_rate() -> None:
    patient = Patient(board="a100-80gb")
    sources = patient.watched()
    patient.world.meters.sent_bytes = lambda now_ns: now_ns - patient.world.now_ns + 7  # type: ignore[attr-defined]
    seen = patient.after(S, sources)
    assert absent(seen)["pcie_sent"] == "no_data"
    patient.world.meters.sent_bytes = lambda _: 7 + (1 << 20)  # type: ignore[attr-defined]
    assert patient.after(S, sources)["pcie_sent"] == 1.0


def test_no_rate_reaches_across_a_gap() -> None:
    patient = Patient(board="a100-80gb")
    sources = patient.watched()
    patient.driver.fail_single(FieldId.PCIE_SENT_BYTES, NvmlNoDataError.code)
    patient.after(S, sources)
    patient.driver.heal()
    assert patient.after(S, sources)["pcie_sent"] is None
    assert isinstance(patient.after(S, sources)["pcie_sent"], float)


def test_gpm_metrics_that_a_gpu_lacks_are_absent_alone() -> None:
    patient = Patient()
    sources = patient.watched()
    patient.driver.fail_single(60, NvmlNotSupportedError.code)
    patient.driver.fail_single(1, NvmlNoDataError.code)
    for _ in range(3):
        seen = absent(patient.after(101 * MS, sources))
        assert seen == {"nvlink_received": "not_supported", "gract": "no_data"}
    patient.driver.heal()
    assert absent(patient.after(101 * MS, sources)) == {}


def test_gpm_that_never_has_a_value_is_not_called_early_for_ever() -> None:
    patient = Patient()
    patient.driver.gpm_reader = lambda *_: SilentReader()  # type: ignore[method-assign]
    sources = patient.sources()
    assert patient.world.read(sources)["gract"] is None
    assert patient.after(S, sources)["gract"] is None
    assert absent(patient.after(101 * MS, sources)) == dict.fromkeys(GPM, "no_data")


class SilentReader:
    """A GPM reader that answers without an error, and without a value."""

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        return np.full(len(GPM), np.nan), np.zeros(len(GPM), np.int32)

    def close(self) -> None:
        """Nothing is held."""
