"""Simulated GPUs: NVML's MIG behaviour for the boards of NVIDIA's tables, for planning, demonstrations and tests.

Nothing here measures or invents a measurement: power, activity and time exist only where a test hands in its own.
"""
