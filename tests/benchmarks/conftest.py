"""The benchmarks' folder on the path, as it is for a script that is run from there, and the C model of a driver."""

import sys
from pathlib import Path

from tests.gpus.nvml.conftest import host, library

__all__ = ["host", "library"]

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
