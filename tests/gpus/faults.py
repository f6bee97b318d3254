"""A driver that fails when it is told to: the calls of a real one go through, except those that a test names."""

from collections.abc import Callable, Collection
from typing import Any

from migperf.gpus.driver import Driver
from migperf.gpus.nvml_errors import NvmlError, nvml_error


class FaultyDriver:
    """Hands every call on to ``driver``, and raises on the calls whose numbers (from 0) are in ``fails``."""

    def __init__(self, driver: Driver, fails: Collection[int] = (), code: int = 999) -> None:
        self.calls: list[str] = []
        self._driver = driver
        self._fails = frozenset(fails)
        self._code = code

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._driver, name)
        return self._counted(name, attribute) if callable(attribute) else attribute

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            number = len(self.calls)
            self.calls.append(name)
            if number in self._fails:
                raise self.error(name)
            return call(*args, **kwargs)

        return counted

    def error(self, name: str) -> NvmlError:
        return nvml_error(self._code, name)
