"""The problem in ONNX Runtime: the network written down as ONNX, operator by operator, and executed by a session."""

from typing import TYPE_CHECKING

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from workloads.frameworks.problem import CLASSES, IMAGES, SIDE, Floats, Problem, Weights
from workloads.frameworks.programs.program import CPU, GPU, InferenceProgram, Versions, Whereabouts, WrongDeviceError

if TYPE_CHECKING:
    import torch

OPSET, IR_VERSION = 17, 8
"""Of ONNX 1.12: old enough for whatever executes ONNX today, servers included."""
INPUT, OUTPUT = "images", "logits"
_PROVIDERS = {CPU: "CPUExecutionProvider", GPU: "CUDAExecutionProvider"}


def written(weights: Weights) -> bytes:
    """Return the network as an ONNX file. Its batch has a fixed size."""
    nodes = [
        helper.make_node("Conv", [INPUT, "filters", "filter_bias"], ["convolved"]),
        helper.make_node("Relu", ["convolved"], ["hidden"]),
        helper.make_node("GlobalAveragePool", ["hidden"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("Gemm", ["features", "linear", "linear_bias"], [OUTPUT]),
    ]
    constants = [
        numpy_helper.from_array(getattr(weights, name), name)
        for name in ("filters", "filter_bias", "linear", "linear_bias")
    ]
    graph = helper.make_graph(
        nodes,
        "probe",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [IMAGES, 1, SIDE, SIDE])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [IMAGES, CLASSES])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    written_down: bytes = model.SerializeToString()
    return written_down


class OnnxRuntime(InferenceProgram):
    """A session of the partition's execution provider, with no other one to fall back on."""

    def __init__(self, problem: Problem, device: "torch.device") -> None:
        self.versions = Versions(framework=onnxruntime.__version__, companions={"onnx": onnx.__version__})
        provider, available = _PROVIDERS[device.type], onnxruntime.get_available_providers()
        if provider not in available:
            raise WrongDeviceError(
                f"ONNX Runtime has no {provider}, only {', '.join(available)}; onnxruntime-gpu in place of onnxruntime "
                "has CUDA"
            )
        options = onnxruntime.SessionOptions()
        if device.type == GPU:
            # Without it, operators that CUDA has none for go to the CPU, and so does everything if CUDA cannot be had.
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        self._session = onnxruntime.InferenceSession(written(problem.weights), options, providers=[provider])

    def infer(self, images: Floats) -> Floats:
        """See InferenceProgram."""
        answer: Floats = self._session.run([OUTPUT], {INPUT: images})[0]
        return answer

    def whereabouts(self) -> Whereabouts:
        """Return the session's first provider, which has all operators."""
        provider = self._session.get_providers()[0]
        kinds = {name: kind for kind, name in _PROVIDERS.items()}
        available = tuple(onnxruntime.get_available_providers())
        return Whereabouts(kind=kinds.get(provider, provider), computed_on=provider, seen=available)
