"""ONNX Runtime on the exported model: a session on the CPU, or on a GPU on PyTorch's own memory."""

import logging
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from pydantic import JsonValue
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from migperf.measure.engine import Precision
from migperf.measure.engines.errors import EngineUnavailableError
from migperf.measure.engines.executable import Assignment, Executable
from migperf.measure.engines.precision import in_precision

if TYPE_CHECKING:
    import onnxruntime

CPU_PROVIDER, CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"
_INSTALL = "ONNX Runtime is not installed here; `pip install migperf[onnx]` does, or choose another engine.runtime"
_INSTALL_FOR_CUDA = (
    "the installed ONNX Runtime cannot use a GPU; install onnxruntime-gpu in its place, or choose another "
    "engine.runtime"
)


def exported(assignment: Assignment) -> Executable:
    """Export the model and return a session that executes it. Raises EngineUnavailableError.

    The session has a copy of the weights, so the model's own are given up: its parameters are on the meta device after.
    """
    _check_installed()
    with TemporaryDirectory(prefix="migperf-onnx-") as folder:
        file = Path(folder) / "model.onnx"
        _export(assignment, file)
        session = _session(assignment, file)
    assignment.model.to("meta")
    run = _CpuRun if assignment.device.type == "cpu" else _CudaRun
    return Executable(call=run(session, assignment), settle=lambda: _facts(session))


def _check_installed() -> None:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise EngineUnavailableError(f"{_INSTALL} ({error})") from error


def _export(assignment: Assignment, file: Path) -> None:
    """Write the model as ONNX; the size of the batch is left open only where requests are answered together."""
    model = in_precision(assignment.model, assignment.engine, assignment.device)
    inputs = assignment.example.tensors()
    shapes = None
    if assignment.most_together > 1:
        shapes = (tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs),)
    # A tensor made in inference mode cannot be traced.
    examples = tuple(value.clone() for value in inputs)
    logging.getLogger("onnxscript").setLevel(logging.WARNING)
    with torch.no_grad():
        program = torch.onnx.export(model, examples, dynamo=True, dynamic_shapes=shapes, verbose=False)
    if program is None:
        raise EngineUnavailableError("torch.onnx.export returned no program")
    program.save(file)


def _session(assignment: Assignment, file: Path) -> "onnxruntime.InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    if assignment.device.type == "cpu":
        return onnxruntime.InferenceSession(file, options, providers=[CPU_PROVIDER])
    if CUDA_PROVIDER not in onnxruntime.get_available_providers():
        raise EngineUnavailableError(_INSTALL_FOR_CUDA)
    tf32 = "1" if assignment.engine.precision is Precision.TF32 else "0"
    cuda = (CUDA_PROVIDER, {"device_id": str(_index(assignment.device)), "use_tf32": tf32})
    session = onnxruntime.InferenceSession(file, options, providers=[cuda, CPU_PROVIDER])
    if session.get_providers()[0] != CUDA_PROVIDER:
        # It falls back to the CPU without an error.
        raise EngineUnavailableError("ONNX Runtime could not load what it needs to use the GPU; its log says what")
    return session


class _CpuRun:
    """Runs the session on the memory of PyTorch's tensors."""

    def __init__(self, session: "onnxruntime.InferenceSession", assignment: Assignment) -> None:
        self._session = session
        self._names = [value.name for value in session.get_inputs()]
        self._structure = _structure(assignment)

    def __call__(self, *inputs: Tensor) -> Any:  # noqa: ANN401 - the model's
        """Return the model's outputs."""
        given = {name: value.numpy() for name, value in zip(self._names, inputs, strict=True)}
        outputs = [torch.from_numpy(value) for value in self._session.run(None, given)]
        return tree_unflatten(outputs, self._structure)


class _CudaRun:
    """Runs the session on PyTorch's tensors on the GPU.

    The session has a stream of its own: PyTorch's work is waited for before, and the session waits for its own after.
    """

    def __init__(self, session: "onnxruntime.InferenceSession", assignment: Assignment) -> None:
        self._session = session
        self._device = assignment.device
        self._inputs = [value.name for value in session.get_inputs()]
        self._outputs = [value.name for value in session.get_outputs()]
        self._structure = _structure(assignment)
        self._examples: Sequence[Tensor] = [torch.empty_like(value, device="meta") for value in _leaves(assignment)]
        self._batch = len(assignment.example.tensors()[0])

    def __call__(self, *inputs: Tensor) -> Any:  # noqa: ANN401 - the model's
        """Return the model's outputs."""
        given = [value.contiguous() for value in inputs]
        outputs = [self._room(example, len(given[0])) for example in self._examples]
        binding = self._session.io_binding()
        for name, value in zip(self._inputs, given, strict=True):
            binding.bind_input(name, *_memory(value))
        for name, value in zip(self._outputs, outputs, strict=True):
            binding.bind_output(name, *_memory(value))
        torch.cuda.current_stream(self._device).synchronize()
        self._session.run_with_iobinding(binding)
        return tree_unflatten(outputs, self._structure)

    def _room(self, example: Tensor, batch: int) -> Tensor:
        """Return memory for an output of so many samples."""
        first, *rest = example.shape
        return torch.empty((first * batch // self._batch, *rest), dtype=example.dtype, device=self._device)


def _memory(value: Tensor) -> tuple[str, int, Any, tuple[int, ...], int]:
    """Return where a tensor lies, as ONNX Runtime's binding wants it."""
    numpy_type = torch.empty(0, dtype=value.dtype).numpy().dtype.type
    return "cuda", _index(value.device), numpy_type, tuple(value.shape), value.data_ptr()


def _index(device: torch.device) -> int:
    return 0 if device.index is None else device.index


def _structure(assignment: Assignment) -> TreeSpec:
    return tree_flatten(assignment.example.outputs)[1]


def _leaves(assignment: Assignment) -> list[Tensor]:
    return tree_flatten(assignment.example.outputs)[0]


def _facts(session: "onnxruntime.InferenceSession") -> dict[str, JsonValue]:
    import onnx
    import onnxruntime

    return {
        "onnxruntime": onnxruntime.__version__,
        "onnx": onnx.__version__,
        "onnxruntime_provider": session.get_providers()[0],
    }
