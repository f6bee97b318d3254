"""On a real NVIDIA GPU: every way of launching computes the same, and what a step is charged with is what it does.

Needs a GPU (``scripts/test -m gpu``); skipped where there is none.
"""

import pytest
import torch

from workloads.base import Context, InferencePayload
from workloads.micro.matrix_product import allowed_error
from workloads.micro.parameters import Launch, Precision
from workloads.registry import card

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def device() -> torch.device:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here")
    return torch.device("cuda:0")


def built(name: str, **parameters: object) -> InferencePayload:
    entry = card(name)
    context = Context(device=torch.device("cuda:0"), seed=0)
    return entry.load().inference(entry.parameters.model_validate(parameters), context)


def step(payload: InferencePayload) -> None:
    payload.infer(payload.stage(payload.next_batch()))
    torch.cuda.synchronize()


def kernels_of(payload: InferencePayload) -> list[str]:
    """Return the names of the kernels that one step runs, those of staging left out."""
    batch = payload.stage(payload.next_batch())
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        payload.infer(batch)
        torch.cuda.synchronize()
    return [event.name for event in profile.events() if event.device_type == torch.autograd.DeviceType.CUDA]


@pytest.mark.parametrize("launch", Launch)
@pytest.mark.parametrize("name", ["matrix-product", "memory-copy"])
def test_every_way_of_launching_computes_the_same(name: str, launch: Launch) -> None:
    small = {"size": 512} if name == "matrix-product" else {"mib": 4}
    payload = built(name, launch=launch, repetitions=3, **small)
    target = payload.product if name == "matrix-product" else payload.target
    expected = target.clone()
    target.zero_()
    step(payload)
    assert torch.equal(target, expected)


@pytest.mark.parametrize("launch", Launch)
def test_a_step_runs_each_repetition_once(launch: Launch) -> None:
    one = len(kernels_of(built("matrix-product", size=512, launch=launch)))
    assert len(kernels_of(built("matrix-product", size=512, launch=launch, repetitions=6))) == 6 * one


def test_flushing_overwrites_twice_the_cache_and_is_not_part_of_inferring() -> None:
    payload = built("memory-copy", mib=1, l2="flushed")
    cache_bytes = torch.cuda.get_device_properties(0).L2_cache_size
    figures = {figure.name: figure.value for figure in payload.report().figures}
    assert figures["flushed_before_step"] == 2 * cache_bytes > 0
    assert len(kernels_of(payload)) == len(kernels_of(built("memory-copy", mib=1)))


def test_a_held_stream_is_held_while_the_step_is_queued() -> None:
    payload = built("matrix-product", size=256, launch="blocking_kernel", repetitions=100)
    torch.cuda.synchronize()
    batch = payload.stage(payload.next_batch())
    began, ended = torch.cuda.Event(), torch.cuda.Event()
    began.record()
    payload.infer(batch)
    ended.record()
    assert not began.query(), "the first kernel began before the last was queued"
    torch.cuda.synchronize()


@pytest.mark.parametrize("precision", Precision)
def test_a_product_is_as_exact_as_its_precision(precision: Precision) -> None:
    payload = built("matrix-product", size=2048, precision=precision)
    assert payload.relative_error < allowed_error(precision, 2048)
    if precision is Precision.TF32:
        assert payload.relative_error > allowed_error(Precision.FP32, 2048), "these were products in full float32"
