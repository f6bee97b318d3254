"""Micro-benchmarks: what a partition attains at most, in products of matrices and in moving memory."""
