"""The C model of a driver from the test's side: what happens to its host, and how pynvml comes to use it."""

import ctypes
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pynvml

_NO_INSTANCE = 0xFFFFFFFF
GPM_FROM, GPM_TO = 475, 476
"""Metrics that only this driver has: from when and to when an average is, in seconds of CLOCK_MONOTONIC."""


def spread(readings: Mapping[str, int | None]) -> dict[str, int | None]:
    """Return readings with ``power_mw`` as the two that it stands for."""
    power = {f"power_{kind}_mw": readings["power_mw"] for kind in ("average", "instant") if "power_mw" in readings}
    return power | {name: value for name, value in readings.items() if name != "power_mw"}


class FakeHost:
    """Controls one loaded library; functions of ``fake/control.c``."""

    def __init__(self, path: Path) -> None:
        self.so = ctypes.CDLL(str(path))
        for function in (self.so.fake_start, self.so.fake_add_process, self.so.fake_set_meter, self.so.fake_fault):
            function.restype = ctypes.c_bool

    def start(self, *boards: str) -> None:
        """Boot a new host with these boards (keys)."""
        assert self.so.fake_start(",".join(boards).encode()), f"no such board: {boards}"

    def add_process(self, pid: int, name: str, device_uuid: str, used_bytes: int, *, mps: bool = False) -> None:
        bytes_used = ctypes.c_ulonglong(used_bytes)
        assert self.so.fake_add_process(pid, name.encode(), device_uuid.encode(), bytes_used, mps), device_uuid

    def set_meters(self, index: int, *, gpu_instance_id: int | None = None, **readings: int | None) -> None:
        """Let a GPU, or GPU instance of it, show these readings, named as in ``BoardReadings``; None: not supported.

        Utilisation is ``utilization_gpu_pct`` and ``utilization_memory_pct``; ``power_mw`` is average and instant.
        """
        for name, value in spread(readings).items():
            on, bits = _instance(gpu_instance_id), ctypes.c_ulonglong(value or 0)
            assert self.so.fake_set_meter(index, on, name.encode(), value is not None, bits), f"no meter {name}"

    def set_field(self, index: int, field: int, value_type: int, bits: bytes = b"", code: int = 0) -> None:
        """Let a field answer with a value of a type (NVML_VALUE_TYPE_*), given as its bytes, and a code."""
        union = ctypes.c_ulonglong(int.from_bytes(bits, sys.byteorder))
        self.so.fake_set_field(index, field, value_type, union, code)

    def set_gpm(
        self, index: int, metric_id: int, value: float, code: int = 0, *, gpu_instance_id: int | None = None
    ) -> None:
        """Let a GPM metric of a GPU, or of a GPU instance of it, have this average from now on."""
        self.so.fake_set_gpm(index, _instance(gpu_instance_id), metric_id, ctypes.c_double(value), code)

    def report_xid(
        self, index: int, xid: int, gpu_instance_id: int | None = None, compute_instance_id: int | None = None
    ) -> None:
        """Let the driver report an error on a GPU, attributed to an instance of it or not."""
        ids = _instance(gpu_instance_id), _instance(compute_instance_id)
        self.so.fake_report_xid(index, ctypes.c_ulonglong(xid), *ids)

    def fail(self, function: str, code: int, *, after: int = 0) -> None:
        """Let a function fail once, after so many of its calls that succeed."""
        self.so.fake_fail(function.encode(), after, code)

    def fail_always(self, function: str, code: int) -> None:
        """Let a function fail until ``heal``."""
        assert self.so.fake_fault(function.encode(), code, 0)

    def blank(self, function: str) -> None:
        """Let a function answer what stands for no value (all ones, NaN from GPM) until ``heal``."""
        assert self.so.fake_fault(function.encode(), 0, 0)

    def delay(self, function: str, seconds: float) -> None:
        """Let a function take its time, with the driver locked, until ``heal``."""
        assert self.so.fake_fault(function.encode(), 0, round(seconds * 1e6))

    def heal(self) -> None:
        """End ``fail``, ``fail_always``, ``blank`` and ``delay`` of all functions."""
        self.so.fake_heal()

    def held_samples(self) -> int:
        return int(self.so.fake_held_samples())

    def held_event_sets(self) -> int:
        return int(self.so.fake_held_event_sets())


def _instance(instance_id: int | None) -> ctypes.c_uint:
    return ctypes.c_uint(_NO_INSTANCE if instance_id is None else instance_id)


@contextmanager
def used_by_pynvml(host: FakeHost) -> Iterator[None]:
    """Let pynvml call this library instead of the one that it has loaded or would load. It loads only once."""
    functions = pynvml._nvmlGetFunctionPointer_cache
    kept = pynvml.nvmlLib, functions.copy(), pynvml._nvmlLib_refcount
    pynvml.nvmlLib = host.so
    functions.clear()
    try:
        yield
    finally:
        pynvml.nvmlLib, restored, pynvml._nvmlLib_refcount = kept
        functions.clear()
        functions.update(restored)
