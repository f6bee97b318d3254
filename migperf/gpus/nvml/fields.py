"""NVML's call for many quantities at once, each with a type and an error of its own.

Asked without pynvml's function of that name, which takes five times as long for making structures.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from ctypes import Array, c_char, create_string_buffer
from functools import cache, lru_cache
from operator import eq
from struct import Struct

import pynvml  # type: ignore[import-untyped]

from migperf.gpus.driver import Device, FieldId, FieldValue
from migperf.gpus.nvml.calls import UNKNOWN_32, UNKNOWN_64, NvmlCalls
from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError, NvmlUninitializedError

_CALL = "nvmlDeviceGetFieldValues"
_ENTRY = Struct("=IIqqII8s")
"""nvmlFieldValue_t: field, scope, timestamp, latency, type, code, and the union of values."""
FORMATS: Mapping[int, tuple[Struct, int | None]] = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: (Struct("=d"), None),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: (Struct("=I"), UNKNOWN_32),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: (Struct("=Q"), UNKNOWN_64),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: (Struct("=Q"), UNKNOWN_64),
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: (Struct("=q"), -1),
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: (Struct("=i"), -1),
    pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: (Struct("=H"), 0xFFFF),
}
"""By the type that comes with a value: how it lies in the union, and what stands there for no value."""
_STRANGE: tuple[Struct, int | None] = (Struct("="), None)


class FieldCalls(NvmlCalls):
    """The part of the Driver protocol that reads fields."""

    def field_values(self, device: Device, fields: Sequence[FieldId]) -> tuple[FieldValue, ...]:
        """``nvmlDeviceGetFieldValues``."""
        if not self.usable:
            raise NvmlUninitializedError(_CALL)
        ask: Callable[..., int] = self.function(_CALL)
        entries = _request(tuple(fields))
        answers = create_string_buffer(entries, len(entries))
        code = ask(device, len(fields), answers)
        if code != pynvml.NVML_SUCCESS:
            raise self.error(code, _CALL, device)
        values = _read_all(answers, len(fields))
        if values is not None:
            return tuple([FieldValue(field, value, None) for field, value in zip(fields, values, strict=True)])
        told = zip(fields, _ENTRY.iter_unpack(answers), strict=True)
        return tuple(self._field_value(device, field, *entry[4:]) for field, entry in told)

    def _field_value(self, device: Device, field: FieldId, value_type: int, code: int, union: bytes) -> FieldValue:
        value = None
        if code == pynvml.NVML_SUCCESS:
            code, value = _read(value_type, union)
        error = self.error(code, f"{_CALL}({field.name})", device) if code else None
        return FieldValue(field, value, error)


def _read(value_type: int, union: bytes) -> tuple[int, float | None]:
    """Return the value that came with the code SUCCESS, or the code that it should have come with.

    A type that nvml.h does not name cannot be read, even where the driver says that it succeeded.
    """
    if value_type not in FORMATS:
        return NvmlError.code, None
    layout, unknown = FORMATS[value_type]
    (value,) = layout.unpack_from(union)
    return (NvmlNoDataError.code, None) if value == unknown or math.isnan(value) else (pynvml.NVML_SUCCESS, value)


def _read_all(answers: Array[c_char], count: int) -> Sequence[float] | None:
    """Return all values at once; None if one is missing, or of a type that takes a closer look."""
    decoder = _decoder(_kinds(count).unpack_from(answers))
    if decoder is None:
        return None
    layout, unknown = decoder
    values = layout.unpack_from(answers)
    return None if any(map(eq, values, unknown)) else values


@cache
def _kinds(count: int) -> Struct:
    """Return how to unpack type and code of so many entries."""
    return Struct("=" + "24xII8x" * count)


@lru_cache(maxsize=256)
def _decoder(kinds: tuple[int, ...]) -> tuple[Struct, Sequence[int]] | None:
    """Return how to unpack the values of entries, by the type and code of each, and what stands there for no value."""
    types, codes = kinds[::2], kinds[1::2]
    found = [FORMATS.get(value_type, _STRANGE) for value_type in types]
    unknown = [number for _, number in found if number is not None]
    if any(codes) or len(unknown) < len(types):
        return None
    values = [f"32x{layout.format[1:]}{8 - layout.size}x" for layout, _ in found]
    return Struct("=" + "".join(values)), unknown


@cache
def _request(fields: tuple[FieldId, ...]) -> bytes:
    # What a driver leaves as it is must not pass for an answer.
    code = NvmlNoDataError.code
    return b"".join(_ENTRY.pack(field, 0, 0, 0, 0, code, bytes(8)) for field in fields)
