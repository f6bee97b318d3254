"""On a real NVIDIA GPU: captured graphs, TensorFloat-32 and all precisions agree, and give back what the check took.

Needs a GPU (``scripts/test -m gpu``); skipped where there is none.
"""

import importlib.util
from collections.abc import Iterator

import pytest
import torch

from migperf.measure.engine import Engine, Precision, Runtime
from migperf.measure.engines.precision import use_tf32
from migperf.measure.engines.preparing import PreparedEngine, prepare_engine
from tests.measure.engines.networks import FAMILIES, built, step
from workloads.base import Payload, Task

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]
CUDA = torch.device("cuda")
SIZES = {"image_size": 64, "batch_size": 16}


@pytest.fixture(autouse=True)
def settings_of_this_process_kept() -> Iterator[None]:
    yield
    use_tf32(on=False)
    torch.compiler.set_stance("default")


def prepared(payload: Payload, **engine: object) -> PreparedEngine:
    return prepare_engine(Engine.model_validate(engine), payload, CUDA)


def answers(payload: Payload, steps: int = 4) -> list[torch.Tensor]:
    return [step(payload).clone() for _ in range(steps)]


@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("runtime", [Runtime.EAGER, Runtime.COMPILE, Runtime.CUDA_GRAPH])
@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_engine_agrees_in_every_precision(name: str, task: Task, runtime: Runtime, precision: Precision) -> None:
    """And goes on to answer or train; in TF32 on boards since Ampere."""
    if precision is Precision.TF32 and torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("this GPU is older than Ampere")
    payload = built(name, task, CUDA, **SIZES)
    if (runtime, precision) == (Runtime.EAGER, Precision.FP32):
        assert prepared(payload).figures == ()
        return
    (figure,) = prepared(payload, runtime=runtime, precision=precision).figures
    assert figure.value < 0.1
    assert all(bool(answer.isfinite().all()) for answer in answers(payload))


def test_a_captured_graph_answers_each_batch_anew() -> None:
    payload, reference = (
        built("resnet18", Task.INFERENCE, CUDA, **SIZES),
        built("resnet18", Task.INFERENCE, CUDA, **SIZES),
    )
    prepared(payload, runtime="cuda_graph")
    got = answers(payload)
    for answer, wanted in zip(got, answers(reference), strict=True):
        torch.testing.assert_close(answer, wanted, rtol=1e-3, atol=1e-4)
    assert not torch.equal(got[0], got[1])
    with pytest.raises(ValueError, match="captured for"):
        payload.engine(torch.zeros(1, 3, 64, 64, device=CUDA))


def test_a_captured_graph_trains_the_models_own_weights() -> None:
    payload = built("resnet18", Task.TRAINING, CUDA, **SIZES, learning_rate=1e-3)
    reference = built("resnet18", Task.TRAINING, CUDA, **SIZES, learning_rate=1e-3)
    prepared(payload, runtime="cuda_graph")
    losses, wanted = answers(payload), answers(reference)
    assert float(losses[0]) == pytest.approx(float(wanted[0]), rel=1e-4)
    assert len({float(loss) for loss in losses}) == len(losses), "the weights move"


def test_the_reference_computes_without_tf32_although_pytorch_would() -> None:
    torch.backends.cudnn.allow_tf32 = True
    prepared(built("resnet18", Task.INFERENCE, CUDA, **SIZES))
    left, right = torch.randn(2, 512, 512, device=CUDA).unbind()
    exact = left.double() @ right.double()
    assert float(((left @ right) - exact).norm() / exact.norm()) < 1e-5
    assert torch.backends.cudnn.allow_tf32 is False


@pytest.mark.skipif(torch.cuda.is_available() and torch.cuda.get_device_capability() < (8, 0), reason="before Ampere")
def test_tf32_really_rounds() -> None:
    prepared(built("resnet18", Task.INFERENCE, CUDA, **SIZES), precision="tf32")
    left, right = torch.randn(2, 512, 512, device=CUDA).unbind()
    exact = left.double() @ right.double()
    assert 1e-5 < float(((left @ right) - exact).norm() / exact.norm()) < 5e-3


def test_what_checking_took_is_given_back() -> None:
    payload = built("resnet18", Task.INFERENCE, CUDA, **SIZES)
    before = torch.cuda.memory_allocated()
    prepared(payload, precision="bf16")
    assert torch.cuda.memory_allocated() <= before + (1 << 20)


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="ONNX Runtime is not installed")
@pytest.mark.parametrize("name", FAMILIES)
def test_onnx_runtime_agrees_on_pytorchs_own_memory(name: str) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime-gpu is not installed")
    payload = built(name, Task.INFERENCE, CUDA, **SIZES)
    ready = prepared(payload, runtime="onnx_runtime")
    assert ready.facts["onnxruntime_provider"] == "CUDAExecutionProvider"
    assert step(payload).device.type == "cuda"
