"""The frameworks that can be probed: what brings each, which version is installed, and what to set before it starts.

Nothing is imported here: that an import crashes or raises is for the run to find out.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from workloads.base import Task
from workloads.frameworks.parameters import Framework

_BOTH = frozenset(Task)
_PYTORCH = ("torch",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One framework that can be probed."""

    title: str
    modules: tuple[str, ...]
    """Top-level modules that it needs; the framework's own is the first."""
    distributions: tuple[str, ...]
    """What brings the first module: one of these is installed where it is."""
    program: str
    """``module:class`` of its Program."""
    install: str
    """What a reader does who does not have it."""
    tasks: frozenset[Task] = _BOTH
    why_not: str = ""
    """Why the other task is not among ``tasks``."""
    on_gpu: str = ""
    """What a reader does whose framework does not see the GPU."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that it reads when it starts, unless they are set already."""

    def missing(self) -> str | None:
        """Return the first module that is not installed, or None."""
        return next((name for name in self.modules if importlib.util.find_spec(name) is None), None)

    def installed_version(self) -> str | None:
        """Return the version of what is installed, without importing it; None where no package tells."""
        for distribution in self.distributions:
            try:
                return version(distribution)
            except PackageNotFoundError:
                continue
        return None


def _pytorch(title: str, program: str, tasks: frozenset[Task] = _BOTH, why_not: str = "") -> Known:
    return Known(
        title=title,
        modules=_PYTORCH,
        distributions=_PYTORCH,
        program=f"workloads.frameworks.programs.{program}",
        install="install torch",
        tasks=tasks,
        why_not=why_not,
    )


FRAMEWORKS: Mapping[Framework, Known] = {
    Framework.PYTORCH_EAGER: _pytorch("PyTorch", "pytorch:Eager"),
    Framework.PYTORCH_COMPILE: _pytorch("torch.compile", "pytorch:Compiled"),
    Framework.PYTORCH_DDP: _pytorch(
        "PyTorch DDP",
        "ddp:DataParallel",
        frozenset({Task.TRAINING}),
        "DistributedDataParallel is for training alone; probe it with the scenario train",
    ),
    Framework.ONNX_RUNTIME: Known(
        title="ONNX Runtime",
        modules=("onnxruntime", "onnx"),
        distributions=("onnxruntime-gpu", "onnxruntime"),
        program="workloads.frameworks.programs.onnx_runtime:OnnxRuntime",
        install="`pip install migperf[onnx]` brings it, for GPUs with onnxruntime-gpu in place of onnxruntime",
        tasks=frozenset({Task.INFERENCE}),
        why_not="ONNX Runtime executes models and does not train them; probe it with a scenario of inference",
    ),
    Framework.JAX: Known(
        title="JAX",
        modules=("jax", "jaxlib"),
        distributions=("jax",),
        program="workloads.frameworks.programs.jax:Jax",
        install="`pip install migperf[frameworks]` brings it, jax[cuda13] or jax[cuda12] for GPUs",
        on_gpu="jax[cuda13] or jax[cuda12] has CUDA, to match the driver",
        settings={"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
    ),
    Framework.TENSORFLOW: Known(
        title="TensorFlow",
        modules=("tensorflow",),
        distributions=("tensorflow", "tensorflow-cpu"),
        program="workloads.frameworks.programs.tensorflow:TensorFlow",
        install="install tensorflow-cpu, or tensorflow[and-cuda] for GPUs",
        on_gpu="tensorflow[and-cuda] in place of tensorflow-cpu has CUDA",
        settings={"TF_FORCE_GPU_ALLOW_GROWTH": "true"},
    ),
    Framework.PADDLEPADDLE: Known(
        title="PaddlePaddle",
        modules=("paddle",),
        distributions=("paddlepaddle-gpu", "paddlepaddle"),
        program="workloads.frameworks.programs.paddlepaddle:PaddlePaddle",
        install="install paddlepaddle, or paddlepaddle-gpu for GPUs",
        on_gpu="paddlepaddle-gpu in place of paddlepaddle has CUDA",
        settings={"FLAGS_allocator_strategy": "auto_growth"},
    ),
}
