"""Protects what a partition is measured against: right products, counted FLOPs and bytes, and honest refusals."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workloads.base import Context, StepCost, WrongAnswerError
from workloads.micro.buffers import MIB
from workloads.micro.launching import Launcher
from workloads.micro.matrix_product import MatrixProduct, allowed_error, sampled_error
from workloads.micro.memory_copy import WRITTEN, MemoryCopy
from workloads.micro.parameters import CopyMode, KernelParameters, MatrixProductParameters, Precision
from workloads.registry import card

CPU = torch.device("cpu")
ON_CPU = [precision for precision in Precision if precision is not Precision.TF32]


def built(name: str, *, seed: int = 0, **parameters):
    entry = card(name)
    return entry.load().inference(entry.parameters.model_validate(parameters), Context(device=CPU, seed=seed))


def stepped(payload):
    payload.infer(payload.stage(payload.next_batch()))
    return payload


def figures(payload) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in payload.report().figures}


@pytest.mark.parametrize("precision", ON_CPU)
def test_a_product_is_right_to_within_what_its_precision_rounds(precision):
    payload = stepped(built("matrix-product", size=192, precision=precision))
    exact = payload.left.double() @ payload.right.double()
    error = float((payload.product.double() - exact).norm() / exact.norm())
    assert payload.relative_error == pytest.approx(error, rel=0.5)
    assert 0 < error < allowed_error(precision, 192)
    assert figures(payload) == {"matrix_rows": 192, "product_error": payload.relative_error, "flushed_before_step": 0}


def test_precisions_are_told_apart_by_their_errors():
    errors = [built("matrix-product", size=192, precision=p).relative_error for p in ("fp32", "fp16", "bf16")]
    assert errors[0] * 100 < errors[1] < errors[2] / 4


@given(size=st.integers(64, 32_768), precision=st.sampled_from(Precision))
def test_what_is_allowed_would_never_let_half_a_percent_of_the_terms_be_left_out(size, precision):
    without = 0.07 if precision is Precision.BF16 else 0.01
    assert allowed_error(precision, size) < without


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.product.copy_(p.product.T.clone()),
        lambda p: p.product.zero_(),
        lambda p: p.product.copy_(p.left[:, :-4] @ p.right[:-4]),
        lambda p: p.product[::16].mul_(2),
        lambda p: p.product.fill_(float("nan")),
    ],
    ids=["transposed", "zero", "terms left out", "rows doubled", "nan"],
)
def test_a_wrong_product_is_seen(spoil):
    payload = built("matrix-product", size=192)
    spoil(payload)
    assert not sampled_error(payload.left, payload.right, payload.product) <= allowed_error(Precision.FP32, 192)


class Forgetful(MatrixProduct):
    """Leaves the last column of a factor out."""

    def run_kernel(self):
        return torch.mm(self.left[:, :-1], self.right[:-1], out=self.product)


def test_a_wrong_product_fails_the_run_before_anything_is_timed():
    with pytest.raises(WrongAnswerError, match=r"fp32 product of 128 x 128 .* rounding explains"):
        Forgetful(MatrixProductParameters(size=128), Context(device=CPU, seed=0))


def test_float32_is_multiplied_in_full_whatever_was_set_before():
    torch.set_float32_matmul_precision("medium")
    try:
        assert built("matrix-product", size=256).relative_error < allowed_error(Precision.FP32, 256)
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_seed_fixes_the_matrices_and_every_step_gives_the_same_product():
    first, same, other = (built("matrix-product", size=64, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.left, same.left)
    assert not torch.equal(first.left, first.right)
    assert not torch.equal(first.left, other.left)
    assert torch.equal(stepped(first).product, stepped(stepped(same)).product)


def test_a_product_costs_two_operations_a_multiply_add_and_three_matrices_moved():
    moved = 3 * 96 * 96 * 4
    assert built("matrix-product", size=96).step_cost() == StepCost(flops=2 * 96**3, bytes=moved, least_bytes=moved)
    half = built("matrix-product", size=96, precision="bf16", repetitions=5)
    assert half.step_cost() == StepCost(flops=10 * 96**3, bytes=5 * moved // 2, least_bytes=5 * moved // 2)
    assert (half.samples_per_step, half.sample_unit) == (5, "product")


@pytest.mark.parametrize(("mode", "times"), [("copy", 2), ("write", 1), ("read", 1)])
def test_a_pass_moves_its_buffer_once_for_each_time_it_is_read_or_written(mode, times):
    payload = built("memory-copy", mib=3, mode=mode, repetitions=2)
    moved = 2 * times * 3 * MIB
    assert payload.step_cost() == StepCost(flops=0, bytes=moved, least_bytes=moved)
    assert payload.buffer.nbytes == 3 * MIB
    assert figures(payload) == {"buffer_size": 3, "flushed_before_step": 0}


def test_a_copy_copies():
    payload = built("memory-copy", mib=1)
    payload.target.zero_()
    assert torch.equal(stepped(payload).target, payload.buffer)
    assert payload.target.data_ptr() != payload.buffer.data_ptr()


def test_writing_writes_everything_and_reading_reads_everything():
    assert set(stepped(built("memory-copy", mib=1, mode="write")).target.unique().tolist()) == {WRITTEN}
    reading = built("memory-copy", mib=1, mode="read")
    reading.buffer[-1, -1] += 1
    assert stepped(reading).sums.tolist() == [8_355_840.0] * 3 + [8_355_841.0]


class Lazy(MemoryCopy):
    """Leaves the last row out."""

    def run_kernel(self):
        return self.target[:-1].copy_(self.buffer[:-1])


@pytest.mark.parametrize("mode", [CopyMode.COPY, CopyMode.WRITE, CopyMode.READ])
def test_an_incomplete_pass_fails_the_run_before_anything_is_timed(mode):
    parameters = card("memory-copy").parameters.model_validate({"mib": 1, "mode": mode})
    with pytest.raises(WrongAnswerError, match=f"mode = {mode}"):
        Lazy(parameters, Context(device=CPU, seed=0))


@pytest.mark.parametrize("name", ["matrix-product", "memory-copy"])
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"launch": "cuda_graph"}, "launch = cuda_graph needs an NVIDIA GPU"),
        ({"launch": "blocking_kernel"}, "launch = blocking_kernel needs an NVIDIA GPU"),
        ({"l2": "flushed"}, "l2 = flushed needs an NVIDIA GPU"),
    ],
)
def test_what_needs_a_gpu_is_refused_on_a_cpu_naming_the_parameter(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        built(name, **parameters)


def test_tf32_is_refused_where_there_is_none():
    with pytest.raises(ValueError, match="precision = tf32 needs an NVIDIA GPU from Ampere on"):
        built("matrix-product", precision="tf32")


def test_a_flushed_cache_and_several_kernels_a_step_exclude_each_other():
    with pytest.raises(ValidationError, match="set repetitions to 1"):
        KernelParameters.model_validate({"l2": "flushed", "repetitions": 2})


@given(st.integers(1, 50))
def test_a_step_launches_each_kernel_and_preparing_launches_none(repetitions):
    launched = []
    launcher = Launcher(lambda: launched.append(1), KernelParameters(repetitions=repetitions), CPU)
    launcher.prepare()
    assert not launched
    launcher.launch()
    assert len(launched) == repetitions


@pytest.mark.parametrize("name", ["matrix-product", "memory-copy"])
def test_the_choices_are_named_in_the_result(name):
    table = built(name, **{"size": 64} if name == "matrix-product" else {"mib": 1}).report().tables["kernel"]
    assert (table["launch"], table["l2"], table["repetitions"]) == ("plain", "warm", 1)


def test_sizes_are_chosen_by_the_device_and_reported():
    assert figures(built("matrix-product"))["matrix_rows"] == 2048
    assert figures(built("memory-copy"))["buffer_size"] == 512
