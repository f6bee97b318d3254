"""Statistics of measured series: intervals, stopping, steady state, comparison. They know nothing of runs or GPUs.

Pure functions and frozen dataclasses on arrays of numbers. Every one cites where it comes from, and is tested by
simulation. What the numbers mean, assume and cannot say: docs/explanation/statistics.md.
"""
