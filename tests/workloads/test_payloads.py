"""Protects what a harness relies on: payloads that really infer and train, alike under a seed, without side effects."""

import pytest
import torch

from workloads.base import Context
from workloads.classification import UPDATE_PERIOD
from workloads.registry import card

SMALL = {"batch_size": 4, "image_size": 64, "classes": 10, "data_pool": 2}
CPU = torch.device("cpu")
NAMES = ["resnet18", "vit-p-1gf", "vit-c-1gf"]
CUDA_OR_CPU = [CPU, pytest.param(torch.device("cuda"), marks=pytest.mark.gpu)]


def training(name: str, *, seed: int = 0, device: torch.device = CPU, **parameters):
    entry = card(name)
    return entry.load().training(entry.parameters.model_validate(SMALL | parameters), Context(device=device, seed=seed))


def inference(name: str, *, seed: int = 0, device: torch.device = CPU, **parameters):
    entry = card(name)
    return entry.load().inference(
        entry.parameters.model_validate(SMALL | parameters), Context(device=device, seed=seed)
    )


def losses(payload, steps: int) -> list[float]:
    return [float(payload.step(payload.stage(payload.next_batch()))) for _ in range(steps)]


@pytest.fixture
def gpu_if_asked(request):
    if request.param.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here")
    return request.param


@pytest.mark.parametrize("gpu_if_asked", CUDA_OR_CPU, indirect=True, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_inference_answers_with_logits_on_its_device_and_keeps_no_graph(name, gpu_if_asked):
    payload = inference(name, device=gpu_if_asked)
    logits = payload.infer(payload.stage(payload.next_batch()))
    assert (logits.shape, logits.device.type) == ((4, 10), gpu_if_asked.type)
    assert logits.isfinite().all()
    assert logits.is_inference()
    assert not payload.model.training
    assert (payload.samples_per_step, payload.sample_unit) == (4, "image")


def test_inference_does_not_change_batch_norms_statistics():
    payload = inference("resnet18")
    before = {name: value.clone() for name, value in payload.model.state_dict().items()}
    payload.infer(payload.stage(payload.next_batch()))
    assert all(torch.equal(before[name], value) for name, value in payload.model.state_dict().items())


@pytest.mark.parametrize("gpu_if_asked", CUDA_OR_CPU, indirect=True, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_training_step_moves_the_weights_and_returns_a_scalar_loss_without_graph(name, gpu_if_asked):
    payload = training(name, device=gpu_if_asked, learning_rate=1e-3)
    before = payload.model.head.weight.detach().clone()
    loss = payload.step(payload.stage(payload.next_batch()))
    assert (loss.shape, loss.device.type, loss.requires_grad) == ((), gpu_if_asked.type, False)
    assert not torch.equal(before, payload.model.head.weight)
    assert payload.model.training
    assert payload.total_steps is None


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet18", {"optimizer": "sgd", "learning_rate": 0.01}),
        ("vit-c-1gf", {"optimizer": "adamw", "learning_rate": 5e-4}),
        ("vit-p-1gf", {"optimizer": "sgd", "learning_rate": 0.05}),
    ],
)
def test_training_lowers_the_loss(name, parameters):
    """Two classes and a small pool, so that few steps suffice; the means of several steps even out the mixing.

    The rates are low enough for the same course with any number of threads, which add up in another order.
    """
    values = losses(training(name, classes=2, batch_size=16, image_size=32, **parameters), 40)
    assert sum(values[-10:]) / 10 < sum(values[:5]) / 5 - 0.05


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_fixes_weights_images_and_mixing(name):
    first, same, other = (losses(training(name, seed=seed, learning_rate=0.01), 3) for seed in (1, 1, 2))
    assert first == same
    assert first != other


@pytest.mark.parametrize(("name", "own"), [("vit-c-1gf", "head.weight"), ("resnet18", "branch.1.1.weight")])
def test_inference_and_training_start_from_the_same_weights_under_a_seed_but_for_what_answers_need(name, own):
    one, two = inference(name, seed=5).model.state_dict(), training(name, seed=5).model.state_dict()
    different = [key for key in one if not torch.equal(one[key], two[key])]
    assert different
    assert all(key.endswith(own) for key in different)


@pytest.mark.parametrize("name", NAMES)
def test_an_untrained_models_answers_differ_between_classes_and_images(name):
    payload = inference(name)
    logits = payload.infer(payload.stage(payload.next_batch()))
    assert logits.std(dim=0).min() > 0
    assert logits.std(dim=1).min() > 0


def test_the_deepest_residual_networks_activations_fit_float16():
    payload = inference("resnet152", batch_size=1, image_size=32)
    largest = []
    for block in payload.model.backbone.stages.modules():
        block.register_forward_hook(lambda _module, _inputs, output: largest.append(float(output.max())))
    payload.infer(payload.stage(payload.next_batch()))
    assert max(largest) < torch.finfo(torch.float16).max / 100


@pytest.mark.parametrize("build", [inference, training])
def test_a_rehearsal_leaves_the_next_batches_and_their_mixing_as_they_were(build):
    payload, untouched = build("resnet18"), build("resnet18")

    def seen(payload):
        batch = payload.stage(payload.next_batch())
        return payload.augment(batch).images if build is training else batch.images

    with payload.rehearsal():
        tried = [seen(payload) for _ in range(3)]
    assert torch.equal(tried[0], seen(payload)), "what was tried out is what comes first"
    seen(untouched)
    assert torch.equal(seen(payload), seen(untouched))


def test_building_and_stepping_leave_the_callers_random_state_alone():
    before = torch.get_rng_state()
    losses(training("vit-c-1gf"), 1)
    assert torch.equal(before, torch.get_rng_state())


def test_the_pool_is_not_written_to_by_training():
    payload = training("resnet18")
    batches = [payload.next_batch() for _ in range(2)]
    kept = [batch.images.clone() for batch in batches]
    losses(payload, 6)
    assert all(torch.equal(batch.images, copy) for batch, copy in zip(batches, kept, strict=True))


def test_the_first_loss_of_a_transformer_is_ln_k_in_spite_of_mixing_and_smoothing():
    assert losses(training("vit-c-1gf", classes=1000), 1)[0] == pytest.approx(6.9078, abs=1e-4)


def test_the_published_learning_rate_is_used_scaled_to_the_batch():
    optimizer = training("vit-c-1gf").optimizer
    assert [group["lr"] for group in optimizer.param_groups] == [pytest.approx(1e-3 * 4 / 2048)] * 2


def test_the_weight_average_moves_only_every_32nd_step():
    payload = training("vit-c-1gf", weight_average=True, image_size=32, batch_size=2, learning_rate=1e-3)
    start = payload._average.model.head.weight.clone()
    losses(payload, UPDATE_PERIOD - 1)
    assert torch.equal(payload._average.model.head.weight, start)
    losses(payload, 1)
    assert not torch.equal(payload._average.model.head.weight, start)


def test_the_report_gives_first_and_last_loss():
    payload = training("resnet18")
    values = losses(payload, 3)
    figures = {figure.name: figure for figure in payload.report().figures}
    assert (figures["first_loss"].value, figures["last_loss"].value) == (values[0], values[-1])
    assert figures["last_loss"].unit == "nat"


def test_a_report_without_a_step_says_why_it_has_no_loss():
    figure = training("resnet18").report().figures[0]
    assert figure.value is None
    assert figure.absent == "no step was taken"
