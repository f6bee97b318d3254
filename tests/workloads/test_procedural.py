"""Protects the procedural images: cheap is worth nothing if the label can't be learned or a seed does not fix them."""

import math

import pytest
import torch
from torch import nn

from workloads.data.pool import fill_pool, move
from workloads.data.procedural import GratingImages, _look


def drawn(count: int, *, classes: int = 10, side: int = 32, seed: int = 0):
    return GratingImages(classes=classes, side=side).draw(count, torch.Generator().manual_seed(seed))


def test_shapes_types_and_range_of_labels():
    batch = drawn(64, classes=7, side=48)
    assert (batch.images.shape, batch.images.dtype) == ((64, 3, 48, 48), torch.float32)
    assert (batch.labels.shape, batch.labels.dtype) == ((64,), torch.int64)
    assert set(batch.labels.tolist()) == set(range(7))
    assert batch.images.is_contiguous()


@pytest.mark.parametrize("classes", [2, 1000, 100_000])
def test_images_are_standardised(classes):
    images = drawn(256, classes=classes, side=64).images
    assert images.mean().item() == pytest.approx(0, abs=0.02)
    assert images.std().item() == pytest.approx(1, abs=0.02)


def test_a_seed_fixes_images_and_labels():
    first, same, other = drawn(8, seed=1), drawn(8, seed=1), drawn(8, seed=2)
    assert torch.equal(first.images, same.images)
    assert torch.equal(first.labels, same.labels)
    assert not torch.equal(first.images, other.images)


def test_drawing_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    drawn(8)
    assert torch.equal(before, torch.get_rng_state())


def test_the_product_of_the_two_factors_is_a_coloured_grating():
    """Against the plain formula, which takes a sine for every pixel: colour x sin(f (y sin a + x cos a) + phase)."""
    labels, phase = torch.tensor([3]), torch.tensor([[0.7]])
    rows, columns = GratingImages(classes=5, side=16)._factors(labels, phase)
    direction, frequency, colour = (value[0] for value in _look(labels))
    axis = torch.linspace(0, 2 * math.pi, 16)
    grating = (frequency * (axis[:, None] * direction.sin() + axis * direction.cos()) + 0.7).sin()
    assert torch.allclose((rows @ columns).view(3, 16, 16), colour[:, None, None] * grating, atol=1e-5)


def test_classes_look_different():
    """No two of 100 classes share direction, frequency and colour, however close the closest pair is."""
    looks = torch.cat(_look(torch.arange(100)), dim=1)
    distances = torch.cdist(looks, looks) + 10 * torch.eye(100)
    assert distances.min() > 0.2


def test_a_small_net_learns_the_label():
    """300 images a class and one pass: far above chance on images it never saw."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 32, 9, stride=2),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    source, generator = GratingImages(classes=10, side=32), torch.Generator().manual_seed(0)
    for _ in range(60):
        batch = source.draw(50, generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(batch.images), batch.labels).backward()
        optimizer.step()
    unseen = source.draw(500, generator)
    with torch.inference_mode():
        accuracy = (net.eval()(unseen.images).argmax(dim=1) == unseen.labels).float().mean().item()
    assert accuracy > 0.8


def test_no_pixel_tells_the_class_by_itself():
    """Mean images of all classes are grey: averaging an image would otherwise be enough to read its label."""
    batch = drawn(4000, classes=4, side=32)
    means = torch.stack([batch.images[batch.labels == label].mean(dim=0) for label in range(4)])
    assert means.abs().max() < 0.25


def test_the_pool_holds_different_batches_and_goes_round():
    pool = fill_pool(GratingImages(classes=4, side=32), batch_size=2, size=3, seed=0, pinned=False)
    round_one, round_two = [pool.next() for _ in range(3)], [pool.next() for _ in range(3)]
    assert len({float(batch.images.sum()) for batch in round_one}) == 3
    assert all(first is second for first, second in zip(round_one, round_two, strict=True))


def test_staging_on_the_cpu_copies_nothing():
    batch = drawn(2)
    assert move(batch, torch.device("cpu")).images is batch.images
