"""Both drivers that there are without a GPU: the C library behind pynvml, and the simulated one."""

from tests.gpus.nvml.conftest import bench, host, library

__all__ = ["bench", "host", "library"]
