"""Protects the training recipe of arXiv 2106.14881: each rule here is one that re-implementations often miss."""

import math
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workloads.image_parameters import OptimizerName
from workloads.recipe.averaging import WeightAverage, average_alpha
from workloads.recipe.mixing import BatchMixer, Box, cutmix, draw_box, mixup, smooth_labels
from workloads.recipe.optimisation import Tuned, build_optimizer, parameter_groups, set_learning_rate
from workloads.recipe.schedule import learning_rate_at
from workloads.resnet import workload as resnet
from workloads.vit_conv_stem import tuned, workload
from workloads.vit_conv_stem.model import VIT_C_1GF, VisionTransformer
from workloads.vit_conv_stem.parameters import ViTParameters


@pytest.fixture(scope="module")
def model() -> VisionTransformer:
    with torch.device("meta"):
        return VisionTransformer(VIT_C_1GF)


def test_no_vector_decays_and_everything_else_does(model):
    decayed, spared = (group["params"] for group in parameter_groups(model, 0.24))
    assert [group["weight_decay"] for group in parameter_groups(model, 0.24)] == [0.24, 0.0]
    decayed_ids = {id(parameter) for parameter in decayed}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in decayed_ids}
    assert {"class_token", "positions", "head.weight", "stem.projection.weight"} <= names
    assert not any(name.endswith("bias") or "norm" in name for name in names)
    assert len(decayed) + len(spared) == len(list(model.parameters()))


def test_batch_norm_of_the_stem_does_not_decay(model):
    spared_ids = {id(parameter) for parameter in parameter_groups(model, 0.24)[1]["params"]}
    gains = [module.weight for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(gains) == 4
    assert all(id(gain) in spared_ids for gain in gains)


def test_frozen_parameters_are_in_no_group():
    layer = nn.Linear(2, 2).requires_grad_(False)
    assert [group["params"] for group in parameter_groups(layer, 0.1)] == [[], []]


def test_optimisers_are_set_as_published(model):
    adamw = build_optimizer(model, OptimizerName.ADAMW, Tuned(learning_rate=1e-3, weight_decay=0.24))
    assert isinstance(adamw, torch.optim.AdamW)
    assert (adamw.defaults["betas"], adamw.defaults["eps"]) == ((0.9, 0.999), 1e-8)
    sgd = build_optimizer(model, OptimizerName.SGD, Tuned(learning_rate=1.9, weight_decay=1.3e-5))
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.defaults["momentum"], sgd.defaults["nesterov"]) == (0.9, True)
    assert [group["lr"] for group in sgd.param_groups] == [1.9, 1.9]


def test_a_new_learning_rate_reaches_both_groups(model):
    optimizer = build_optimizer(model, OptimizerName.SGD, Tuned(learning_rate=1.9, weight_decay=1.3e-5))
    set_learning_rate(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("variant", "adamw", "sgd"),
    [
        ("P_1GF", (1.0e-3, 0.24), (1.9, 1.3e-5)),
        ("P_4GF", (1.0e-3, 0.24), (1.9, 1.3e-5)),
        ("P_18GF", (1.0e-3, 0.24), (1.1, 1.2e-5)),
        ("P_36GF", (6.0e-4, 0.28), (1.1, 1.2e-5)),
        ("C_1GF", (1.0e-3, 0.24), (1.9, 1.3e-5)),
        ("C_4GF", (1.0e-3, 0.24), (1.3, 2.2e-5)),
        ("C_18GF", (1.0e-3, 0.24), (1.1, 2.7e-5)),
        ("C_36GF", (6.0e-4, 0.28), (1.1, 2.7e-5)),
    ],
)
def test_learning_rate_and_decay_are_the_published_ones(variant, adamw, sgd):
    settings = getattr(tuned, variant)
    for name, (rate, decay) in ((OptimizerName.ADAMW, adamw), (OptimizerName.SGD, sgd)):
        assert settings[name] == Tuned(learning_rate=rate, weight_decay=decay)
    assert getattr(workload, f"VIT_{variant}").tuned is settings


def test_convolutional_networks_use_the_papers_sgd_setting():
    assert resnet.RESNET50.tuned[OptimizerName.SGD] == Tuned(learning_rate=2.54, weight_decay=2.4e-5)


def test_learning_rate_goes_with_the_batch_and_decay_does_not():
    assert Tuned(learning_rate=1e-3, weight_decay=0.24).scaled_to(256) == Tuned(
        learning_rate=1.25e-4, weight_decay=0.24
    )


def test_what_the_user_gives_is_used_unscaled():
    parameters = ViTParameters(batch_size=256, learning_rate=0.01)
    assert workload.VIT_C_1GF.setting(parameters) == Tuned(learning_rate=0.01, weight_decay=0.24)
    parameters = ViTParameters(batch_size=256, weight_decay=0.0)
    assert workload.VIT_C_1GF.setting(parameters) == Tuned(learning_rate=1.25e-4, weight_decay=0.0)


@pytest.mark.parametrize("epochs", [50, 100, 400])
def test_learning_rate_at_the_epochs_that_matter(epochs):
    assert learning_rate_at(0, base=2.0, epochs=epochs) == pytest.approx(0.1 * 2.0)
    after_warmup = 0.995 * (1 + math.cos(5 * math.pi / epochs)) / 2 + 0.005
    assert learning_rate_at(5, base=2.0, epochs=epochs) == pytest.approx(2.0 * after_warmup)
    last = learning_rate_at(epochs - 1, base=2.0, epochs=epochs)
    assert 0.005 * 2.0 < last < 0.007 * 2.0


def test_learning_rate_rises_through_the_warm_up_and_falls_after():
    rates = [learning_rate_at(epoch, base=1.0, epochs=100) for epoch in range(101)]
    assert rates[:6] == sorted(rates[:6])
    assert rates[5:] == sorted(rates[5:], reverse=True)


@pytest.mark.parametrize("epoch", [-1, 101])
def test_an_epoch_outside_the_training_has_no_learning_rate(epoch):
    with pytest.raises(ValueError, match="outside"):
        learning_rate_at(epoch, base=1.0, epochs=100)


@pytest.mark.parametrize(("epochs", "alpha"), [(400, 0.00164), (100, 0.00655), (50, 0.0131)])
def test_weight_of_an_average_update(epochs, alpha):
    assert average_alpha(5, batch_size=2048, epochs=epochs) == pytest.approx(alpha, rel=0.005)
    assert average_alpha(4.99, batch_size=2048, epochs=epochs) == 1.0
    assert average_alpha(5, batch_size=10**9, epochs=epochs) == 1.0


def test_average_is_the_weights_until_warm_up_ends_and_follows_slowly_after():
    source = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = WeightAverage(source)
    source(torch.randn(8, 2))
    with torch.no_grad():
        source[0].weight.add_(1.0)
    before = average.model[0].weight.clone()

    average.update(source, average_alpha(4, batch_size=2048, epochs=400))
    for mine, theirs in zip(average.model.state_dict().values(), source.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)

    with torch.no_grad():
        source[0].weight.add_(1.0)
    source(torch.randn(8, 2))
    average.update(source, 0.25)
    assert torch.allclose(average.model[0].weight, before + 1.25)
    assert not torch.equal(average.model[1].running_mean, source[1].running_mean)
    assert average.model[1].num_batches_tracked == 2
    assert not any(parameter.requires_grad for parameter in average.model.parameters())


@given(classes=st.integers(2, 50), batch=st.integers(1, 6), smoothing=st.floats(0, 0.9))
def test_smoothed_targets_sum_to_one_and_favour_the_label(classes, batch, smoothing):
    labels = torch.arange(batch) % classes
    targets = smooth_labels(labels, classes, smoothing)
    assert torch.allclose(targets.sum(dim=1), torch.ones(batch), atol=1e-5)
    expected = 1 - smoothing + smoothing / classes
    assert targets[0, 0].item() == pytest.approx(expected, abs=1e-6)
    assert targets[0, 1].item() == pytest.approx(smoothing / classes, abs=1e-6)


@given(seed=st.integers(0, 10_000), batch=st.integers(1, 5))
def test_mixed_targets_sum_to_one_and_the_pool_is_not_written_to(seed, batch):
    images = torch.arange(batch * 3 * 8 * 8, dtype=torch.float32).view(batch, 3, 8, 8)
    labels = torch.arange(batch) % 4
    kept = images.clone()
    mixed, targets = BatchMixer(4, seed=seed)(images, labels)
    assert torch.allclose(targets.sum(dim=1), torch.ones(batch), atol=1e-5)
    assert (targets >= 0).all()
    assert mixed.shape == images.shape
    assert torch.equal(images, kept)


def test_mixup_blends_image_and_target_alike():
    images = torch.stack((torch.zeros(1, 2, 2), torch.ones(1, 2, 2)))
    mixed, targets = mixup(images, torch.eye(2), 0.75)
    assert torch.allclose(mixed[0], torch.full((1, 2, 2), 0.25))
    assert torch.allclose(mixed[1], torch.full((1, 2, 2), 0.75))
    assert torch.allclose(targets, torch.tensor([[0.75, 0.25], [0.25, 0.75]]))


@given(seed=st.integers(0, 10_000), fraction=st.floats(0, 1), height=st.integers(1, 40), width=st.integers(1, 40))
def test_cutmix_targets_follow_the_area_really_pasted(seed, fraction, height, width):
    """A box at the border is clipped, so the drawn fraction would be wrong."""
    box = draw_box(height, width, fraction, Random(seed))
    images = torch.stack((torch.zeros(1, height, width), torch.ones(1, height, width)))
    mixed, targets = cutmix(images, torch.eye(2), box)
    pasted = mixed[0].mean().item()
    assert targets[0, 1].item() == pytest.approx(pasted, abs=1e-5)
    assert targets[0, 0].item() == pytest.approx(1 - pasted, abs=1e-5)


def test_a_box_at_the_corner_is_clipped():
    boxes = [draw_box(10, 10, 0.36, Random(seed)) for seed in range(200)]
    assert all(0 <= box.top <= box.bottom <= 10 and 0 <= box.left <= box.right <= 10 for box in boxes)
    areas = {box.area for box in boxes}
    assert max(areas) == 36
    assert min(areas) < 36


def test_cutmix_pastes_the_neighbours_pixels_and_no_others():
    images = torch.randn(3, 2, 6, 6)
    mixed, _ = cutmix(images, torch.eye(3), Box(top=1, bottom=3, left=2, right=6))
    assert torch.equal(mixed[1, :, 1:3, 2:], images[0, :, 1:3, 2:])
    assert torch.equal(mixed[1, :, 3:], images[1, :, 3:])
    assert torch.equal(mixed[1, :, :, :2], images[1, :, :, :2])


def test_about_half_of_the_batches_are_mixed_by_each_method():
    """CutMix leaves pixel values alone; mixup makes new ones."""
    images = torch.stack((torch.zeros(3, 16, 16), torch.ones(3, 16, 16)))
    mixer = BatchMixer(2, seed=0)
    binary = sum(
        int(((image == 0) | (image == 1)).all()) for image, _ in (mixer(images, torch.arange(2)) for _ in range(400))
    )
    assert 160 < binary < 240
