"""The C model of a driver from the test's side: what happens to its host, and how pynvml comes to use it."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pynvml


class FakeHost:
    """Controls one loaded library; functions of ``fake/control.c``."""

    def __init__(self, path: Path) -> None:
        self.so = ctypes.CDLL(str(path))
        self.so.fake_start.restype = self.so.fake_add_process.restype = ctypes.c_bool

    def start(self, *boards: str) -> None:
        """Boot a new host with these boards (keys)."""
        assert self.so.fake_start(",".join(boards).encode()), f"no such board: {boards}"

    def add_process(self, pid: int, name: str, device_uuid: str, used_bytes: int, *, mps: bool = False) -> None:
        bytes_used = ctypes.c_ulonglong(used_bytes)
        assert self.so.fake_add_process(pid, name.encode(), device_uuid.encode(), bytes_used, mps), device_uuid

    def set_meters(self, index: int, *, power_mw: int = 0, energy_mj: int = 0, utilization_pct: int = 0) -> None:
        self.so.fake_set_meters(index, power_mw, ctypes.c_ulonglong(energy_mj), utilization_pct)

    def set_field(self, index: int, field: int, value_type: int, bits: bytes = b"", code: int = 0) -> None:
        """Let a field answer with a value of a type (NVML_VALUE_TYPE_*), given as its bytes, and a code."""
        union = ctypes.c_ulonglong(int.from_bytes(bits, sys.byteorder))
        self.so.fake_set_field(index, field, value_type, union, code)

    def set_gpm(self, index: int, metric_id: int, value: float, code: int = 0) -> None:
        self.so.fake_set_gpm(index, metric_id, ctypes.c_double(value), code)

    def fail(self, function: str, code: int, *, after: int = 0) -> None:
        """Let a function fail once, after so many of its calls that succeed."""
        self.so.fake_fail(function.encode(), after, code)

    def held_samples(self) -> int:
        return int(self.so.fake_held_samples())

    def held_event_sets(self) -> int:
        return int(self.so.fake_held_event_sets())


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
