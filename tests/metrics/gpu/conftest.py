"""The driver as a C library behind pynvml, as the tests of that backend have it."""

from tests.gpus.nvml.conftest import host, library, old_host, old_library

__all__ = ["host", "library", "old_host", "old_library"]
