"""Catalogue entries of the micro-benchmarks. Holds no torch."""

from workloads.base import Card, Task
from workloads.micro.parameters import MatrixProductParameters, MemoryCopyParameters

CARDS = (
    Card(
        name="matrix-product",
        title="Matrix product",
        summary="Multiplies two large square matrices: the floating-point operations a second that can be attained.",
        tasks=frozenset({Task.INFERENCE}),
        parameters=MatrixProductParameters,
        implementation="workloads.micro.matrix_product:MatrixProductWorkload",
    ),
    Card(
        name="memory-copy",
        title="Memory copy",
        summary="Copies, writes or reads a large buffer within its device, or copies it between host and GPU: the "
        "bytes a second that can be attained.",
        tasks=frozenset({Task.INFERENCE}),
        parameters=MemoryCopyParameters,
        implementation="workloads.micro.memory_copy:MemoryCopyWorkload",
    ),
)
