"""Engines agree on the registered workloads, take the model's place in each step, and are checked without a trace."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from migperf.measure.engine import Engine
from migperf.measure.engines.errors import EngineDisagreesError, EngineUnavailableError, EngineUncheckedError
from migperf.measure.engines.precision import InPrecision, use_tf32
from migperf.measure.engines.preparing import PreparedEngine, prepare_engine
from tests.measure.engines.networks import CPU, FAMILIES, built, step
from workloads.base import Payload, Task

EAGER = [{"precision": "bf16"}, {"precision": "fp16"}, {"channels_last": True}]
TEXTS = (
    "bert-tiny",
    "xlnet-tiny",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("distilbert-tiny", "roberta-tiny")),
)
"""The two that are built most differently stand for all where time is short."""
SEQUENCES = {"batch_size": 4, "sequence_length": 32, "padding": 0.25}
ONNX = {"runtime": "onnx_runtime"}
COMPILE = {"runtime": "compile"}
of_pytorch = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
"""PyTorch's compiler and exporter use what PyTorch has deprecated."""


@pytest.fixture(autouse=True)
def settings_of_this_process_kept() -> Iterator[None]:
    yield
    use_tf32(on=False)
    torch.compiler.set_stance("default")


def prepared(payload: Payload, most_together: int = 1, **engine: object) -> PreparedEngine:
    return prepare_engine(Engine.model_validate(engine), payload, CPU, most_together)


def error_of(prepared: PreparedEngine) -> float:
    (figure,) = prepared.figures
    assert figure.value is not None
    return figure.value


def agrees_and_steps(payload: Payload, engine: dict[str, object]) -> None:
    assert error_of(prepared(payload, **engine)) < 0.1
    assert step(payload).dtype == torch.float32, "answers and losses are computed in float32"
    assert isinstance(payload.engine, InPrecision)


@pytest.mark.parametrize("engine", EAGER, ids=str)
@pytest.mark.parametrize("name", FAMILIES)
def test_precisions_and_layouts_infer_alike_in_every_family(name: str, engine: dict[str, object]) -> None:
    agrees_and_steps(built(name, Task.INFERENCE), engine)


@pytest.mark.parametrize(
    ("name", "engine"),
    [("resnet18", EAGER[0]), ("vit-c-1gf", EAGER[2]), ("vit-p-1gf", EAGER[0])],
)
def test_precisions_and_layouts_train_alike_in_every_family(name: str, engine: dict[str, object]) -> None:
    agrees_and_steps(built(name, Task.TRAINING, image_size=64), engine)


@pytest.mark.slow
@of_pytorch
@pytest.mark.parametrize("engine", [*EAGER, COMPILE, {**COMPILE, "precision": "bf16"}], ids=str)
@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("name", FAMILIES)
def test_all_engines_of_a_cpu_agree_in_every_family(name: str, task: Task, engine: dict[str, object]) -> None:
    payload = built(name, task, image_size=64)
    assert error_of(prepared(payload, **engine)) < 0.1
    step(payload)


@of_pytorch
@pytest.mark.parametrize("engine", [{"precision": "bf16"}, {"precision": "fp16"}, ONNX], ids=str)
@pytest.mark.parametrize("name", TEXTS)
def test_language_models_of_two_inputs_infer_alike(name: str, engine: dict[str, object]) -> None:
    payload = built(name, Task.INFERENCE, **SEQUENCES)
    assert error_of(prepared(payload, most_together=3, **engine)) < 0.03
    assert step(payload).shape == (4, 2)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("name", TEXTS)
def test_language_models_train_alike_and_rounding_is_not_all_that_is_compared(
    name: str, precision: str, seed: int
) -> None:
    payload = built(name, Task.TRAINING, seed=seed, dropout=0, **SEQUENCES)
    assert error_of(prepared(payload, precision=precision)) < 0.02
    assert step(payload).dtype == torch.float32


@of_pytorch
@pytest.mark.parametrize("task", [Task.INFERENCE, pytest.param(Task.TRAINING, marks=pytest.mark.slow)])
def test_a_compiled_language_model_is_one_graph(task: Task) -> None:
    payload = built("bert-tiny", task, dropout=0, **SEQUENCES)
    ready = prepared(payload, **COMPILE)
    assert error_of(ready) < 1e-4
    assert (ready.facts["compiled_graphs"], ready.facts["graph_breaks"]) == (1, 0)
    step(payload)


@pytest.mark.slow
@of_pytorch
@pytest.mark.parametrize("engine", [COMPILE, {**COMPILE, "precision": "bf16"}], ids=str)
@pytest.mark.parametrize("task", Task)
@pytest.mark.parametrize("name", TEXTS)
def test_compiled_language_models_agree_in_every_family(name: str, task: Task, engine: dict[str, object]) -> None:
    payload = built(name, task, dropout=0, **SEQUENCES)
    assert error_of(prepared(payload, most_together=3 if task is Task.INFERENCE else 1, **engine)) < 0.03
    step(payload)


def test_training_that_drops_values_at_random_cannot_be_checked_and_says_what_to_set() -> None:
    with pytest.raises(EngineUncheckedError, match=r"dropout 0\.1.*set dropout to 0"):
        prepared(built("bert-tiny", Task.TRAINING, **SEQUENCES), precision="bf16")
    prepared(built("bert-tiny", Task.INFERENCE, **SEQUENCES), precision="bf16")


def test_gradients_that_a_step_before_has_left_do_not_enter_the_check() -> None:
    payload = built("resnet18", Task.TRAINING, image_size=64)
    step(payload)
    assert any(parameter.grad is not None for parameter in payload.model.parameters())
    assert error_of(prepared(payload, channels_last=True)) < 1e-4


@of_pytorch
@pytest.mark.parametrize("name", ["resnet18", "vit-c-1gf"])
def test_the_exported_model_agrees_and_answers_in_the_models_place(name: str) -> None:
    payload, reference = built(name, Task.INFERENCE), built(name, Task.INFERENCE)
    assert error_of(ready := prepared(payload, **ONNX)) < 1e-5
    assert ready.facts["onnxruntime_provider"] == "CPUExecutionProvider"
    assert ready.facts["onnxruntime"]
    torch.testing.assert_close(step(payload), step(reference).clone(), rtol=1e-4, atol=1e-5)
    assert {value.device.type for value in payload.model.parameters()} == {"meta"}, "its weights are not kept twice"


@of_pytorch
@pytest.mark.parametrize("task", Task)
def test_the_compiled_model_agrees_and_nothing_is_compiled_after_it_was_checked(task: Task) -> None:
    payload, reference = built("test-network", task), built("test-network", task)
    ready = prepared(payload, **COMPILE)
    assert error_of(ready) < 1e-5
    assert (ready.facts["compiled_graphs"], ready.facts["graph_breaks"]) == (1, 0)
    for _ in range(3):
        torch.testing.assert_close(step(payload).clone(), step(reference).clone(), rtol=1e-4, atol=1e-6)
    with pytest.raises(RuntimeError, match=r"(?i)recompil"):
        payload.engine(torch.zeros(2, 3, 20, 20, requires_grad=True))


@of_pytorch
def test_a_break_in_the_graph_is_told() -> None:
    ready = prepared(built("test-network", Task.INFERENCE, flaw="not_exportable"), **COMPILE)
    assert ready.facts["graph_breaks"] > 0
    assert ready.facts["compiled_graphs"] > 1


@of_pytorch
@pytest.mark.parametrize("engine", [COMPILE, ONNX], ids=str)
def test_requests_that_are_answered_together_are_checked_too(engine: dict[str, object]) -> None:
    payload = built("test-network", Task.INFERENCE)
    reference = built("test-network", Task.INFERENCE)
    assert error_of(prepared(payload, most_together=5, **engine)) < 1e-5
    images, _ = payload.next_batch()
    for count in (1, 2, 3, 5):
        several = torch.cat([images] * count)
        answer = payload.infer((several,))
        assert answer.shape[0] == 4 * count
        torch.testing.assert_close(answer.clone(), reference.infer((several,)).clone(), rtol=1e-4, atol=1e-5)


def test_the_reference_is_not_checked_against_itself_and_computes_without_tf32() -> None:
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True
    payload = built("resnet18", Task.INFERENCE)
    ready = prepared(payload)
    assert ready.figures == ()
    assert payload.engine is payload.model
    assert ready.facts == {"float32_matmul_precision": "highest", "cudnn_allow_tf32": False}
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("name", FAMILIES)
def test_checking_leaves_weights_statistics_optimiser_and_random_states_as_they_were(name: str) -> None:
    """So the first step is that of a run that was not checked: same weights, same batch, mixed in the same way."""
    payload, untouched = built(name, Task.TRAINING), built(name, Task.TRAINING)
    before = {key: value.clone() for key, value in payload.model.state_dict().items()}
    random_state = torch.get_rng_state()
    prepared(payload, channels_last=True)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(value, before[key]) for key, value in payload.model.state_dict().items())
    assert all(value.grad is None for value in payload.model.parameters())
    assert not payload.optimizer.state
    assert float(step(payload)) == pytest.approx(float(step(untouched)), rel=1e-5)


def test_channels_last_puts_the_weights_in_that_layout_and_optimises_the_same_ones() -> None:
    payload = built("resnet18", Task.TRAINING)
    prepared(payload, channels_last=True)
    kernels = [layer.weight for layer in payload.model.modules() if isinstance(layer, nn.Conv2d)]
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
    optimised = {id(value) for group in payload.optimizer.param_groups for value in group["params"]}
    assert optimised == {id(value) for value in payload.model.parameters()}


def test_half_precision_trains_with_a_loss_scale_that_its_gradients_bear() -> None:
    payload = built("test-network", Task.TRAINING)
    prepared(payload, precision="fp16")
    scale = payload.scaler.get_scale()
    before = payload.model.head.weight.detach().clone()
    step(payload)
    assert payload.scaler.get_scale() == scale, "the first step is not skipped"
    assert not torch.equal(payload.model.head.weight, before)


def test_only_half_precision_has_a_loss_scale() -> None:
    payload = built("test-network", Task.TRAINING)
    prepared(payload, precision="bf16")
    assert payload.scaler is None


def test_the_transformers_trunk_is_checked_in_spite_of_its_head_of_zeros() -> None:
    """A trunk that an engine gets wrong shows in the loss and in its gradients."""
    payload = built("vit-p-1gf", Task.TRAINING)
    assert not payload.model.head.weight.any()
    block = payload.model.blocks[3]
    right = block.mlp.forward
    calls = []

    def wrong_the_second_time(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return right(x) * (1.0 if len(calls) == 1 else 1.2)

    block.mlp.forward = wrong_the_second_time
    with pytest.raises(EngineDisagreesError, match="gradient"):
        prepared(payload, channels_last=True)
    assert not payload.model.head.weight.any(), "put back even then"


@pytest.mark.parametrize(
    ("task", "flaw", "said"),
    [
        (Task.INFERENCE, "answers_zero", "same value everywhere"),
        (Task.INFERENCE, "answers_infinity", "not finite"),
        (Task.INFERENCE, "ignores_engine", "does not call `engine`"),
        (Task.TRAINING, "gradient_stops", None),
    ],
)
def test_what_cannot_be_checked_is_an_error_and_never_a_pass(task: Task, flaw: str, said: str | None) -> None:
    payload = built("test-network", task, flaw=flaw)
    if said is None:
        # Parameters without any gradient are the same for both, and there is a head to compare.
        assert error_of(prepared(payload, precision="bf16")) < 0.1
        return
    with pytest.raises(EngineUncheckedError, match=said):
        prepared(payload, precision="bf16")


def test_training_in_whole_steps_cannot_be_checked() -> None:
    with pytest.raises(EngineUncheckedError, match="SleepingTraining is neither"):
        prepared(built("test-step", Task.TRAINING), precision="bf16")


@pytest.mark.parametrize("task", Task)
def test_a_precision_that_the_model_gets_wrong_disagrees(task: Task) -> None:
    with pytest.raises(EngineDisagreesError, match="nothing was timed"):
        prepared(built("test-network", task, flaw="half_differs"), precision="bf16")


@pytest.mark.parametrize(
    ("engine", "field"),
    [({"runtime": "cuda_graph"}, "engine.runtime cuda_graph"), ({"precision": "tf32"}, "engine.precision tf32")],
)
def test_what_needs_a_gpu_is_unavailable_on_a_cpu(engine: dict[str, object], field: str) -> None:
    with pytest.raises(EngineUnavailableError, match=f"{field} needs a GPU, and this is a CPU; choose"):
        prepared(built("test-network", Task.INFERENCE), **engine)


@of_pytorch
def test_a_model_that_cannot_be_exported_is_unavailable_with_the_reason() -> None:
    with pytest.raises(EngineUnavailableError, match="onnx_runtime in fp32 cannot execute this workload") as refusal:
        prepared(built("test-network", Task.INFERENCE, flaw="not_exportable"), **ONNX)
    assert len(str(refusal.value).splitlines()) <= 7


def test_memory_that_runs_out_while_an_engine_is_built_is_no_property_of_the_engine() -> None:
    payload = built("test-network", Task.INFERENCE)
    calls = []

    def greedy(images: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 1:
            return type(payload.model).forward(payload.model, images)
        try:
            torch.empty(1 << 50, dtype=torch.uint8)
        except RuntimeError as error:
            raise ValueError("a kernel failed") from error
        raise AssertionError("so much memory was there")

    payload.model.forward = greedy
    with pytest.raises(RuntimeError, match="allocate memory"):
        prepared(payload, precision="bf16")
