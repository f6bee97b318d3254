"""migperf: a GPU benchmarking and profiling service."""

from importlib.metadata import version

__version__ = version("migperf")
