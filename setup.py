"""The part of migperf that is C; all else is declared in pyproject.toml.

It is a library without Python's API, called by ctypes as NVML is. Where there is no compiler, migperf works without:
the sampler then takes all turns in Python, and costs some three times as much.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "migperf.native._shutter",
            sources=["migperf/native/shutter.c"],
            depends=["migperf/native/shutter.h"],
            define_macros=[("_GNU_SOURCE", "1")],
            extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
            optional=True,
        )
    ]
)
