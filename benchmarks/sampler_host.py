"""Part of ``sampler.py``: the host that is watched, the same for every way of watching. Needs pynvml alone."""

from collections.abc import Iterable

from tests.gpus.nvml.fake_host import FakeHost

BOARD, LAYOUT, INSTANCES = "h100-80gb", "7x1g.10gb", 7
ACTIVITY = (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 20, 21, 60, 61)
"""GPM metrics that have values."""
BOARD_READINGS = {
    "power_average_mw": 312_500,
    "power_instant_mw": 290_000,
    "power_limit_mw": 700_000,
    "energy_mj": 5_000_000_000,
    "clock_graphics_mhz": 1980,
    "clock_sm_mhz": 1965,
    "clock_memory_mhz": 2619,
    "clocks_event_reasons": 4,
    "temperature_c": 61,
    "memory_temperature_c": 74,
    "throttled_power_ns": 7_000_000_000,
    "throttled_thermal_ns": 8,
    "pcie_replays": 3,
    "pcie_sent_bytes": 1 << 40,
    "pcie_received_bytes": 1 << 41,
    "ecc_corrected": 12,
    "ecc_uncorrected": 1,
}


def set_readings(host: FakeHost, gpu_instance_ids: Iterable[int]) -> None:
    """Let the board and every instance have a reading of everything that is asked for."""
    host.set_meters(0, **BOARD_READINGS)
    for instance in gpu_instance_ids:
        host.set_meters(0, gpu_instance_id=instance, ecc_corrected=0, ecc_uncorrected=0)
        for metric_id in ACTIVITY:
            host.set_gpm(0, metric_id, 3.25 * metric_id, gpu_instance_id=instance)
    for metric_id in ACTIVITY:
        host.set_gpm(0, metric_id, 3.25 * metric_id)
