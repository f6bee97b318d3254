"""A driver that fails when it is told to: the calls of a real one go through, except those that a test names."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from migperf.gpus import banks
from migperf.gpus.driver import Bank, Device, Driver, GpmReader
from migperf.gpus.nvml_errors import NvmlError, nvml_error
from migperf.gpus.sampled_gpm import SampledGpm


class FaultyDriver:
    """Hands every call on to ``driver``, and raises on the calls whose numbers (from 0) are in ``fails``.

    Besides, on every call of the methods that ``fail_always`` has named. Its readers and banks read through it,
    GPM at times of ``clock`` (ns).
    """

    def __init__(
        self,
        driver: Driver,
        fails: Collection[int] = (),
        code: int = 999,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.calls: list[str] = []
        self._driver = driver
        self._fails = frozenset(fails)
        self._code = code
        self._clock = clock
        self._broken: dict[str, int] = {}

    def fail_always(self, method: str, code: int) -> None:
        """Let a method of the driver fail with this NVML code until ``heal``."""
        self._broken[method] = code

    def heal(self) -> None:
        self._broken.clear()

    def gpm_reader(self, device: Device, gpu_instance_id: int | None, metric_ids: Sequence[int]) -> GpmReader:
        self._enter("gpm_reader")
        return SampledGpm(self, device, gpu_instance_id, metric_ids, clock=self._clock)

    def gpm_bank(self, metric_ids: Sequence[int], slots: int) -> Bank:
        return banks.gpm_bank(self, metric_ids, slots)

    def memory_bank(self, slots: int) -> Bank:
        return banks.memory_bank(self, slots)  # type: ignore[arg-type]  # it has the calls of its driver

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._driver, name)
        return self._counted(name, attribute) if callable(attribute) else attribute

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._enter(name)
            return call(*args, **kwargs)

        return counted

    def _enter(self, name: str) -> None:
        number = len(self.calls)
        self.calls.append(name)
        if name in self._broken:
            raise nvml_error(self._broken[name], name)
        if number in self._fails:
            raise self.error(name)

    def error(self, name: str) -> NvmlError:
        return nvml_error(self._code, name)
