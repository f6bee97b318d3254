"""Protects what rooflines stand on: FLOPs and bytes that arithmetic confirms, counted without a trace."""

import random
import subprocess
import sys
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from workloads.base import Context, InferencePayload, TrainingPayload, UncountableError
from workloads.complexity import attention_backward_flops, attention_flops, count_macs
from workloads.cost import count_step
from workloads.counting import CostCounter
from workloads.registry import card

SMALL = {"batch_size": 2, "image_size": 64, "classes": 10, "data_pool": 3}
F32 = 4


class Layers(InferencePayload):
    """Two linear layers with a ReLU between them, on rows of its own."""

    def __init__(self, rows=8, wide=32):
        self.samples_per_step = rows
        self.model = nn.Sequential(nn.Linear(16, wide), nn.ReLU(), nn.Linear(wide, 4))
        self.rows = torch.randn(5, rows, 16)
        self.drawn = 0

    def next_batch(self):
        self.drawn += 1
        return self.rows[(self.drawn - 1) % 5]

    def stage(self, batch):
        return batch.clone()

    def infer(self, batch):
        with torch.inference_mode():
            return self.model(batch)


class Learning(TrainingPayload):
    """Two linear layers trained by Adam, which makes its state in the first step."""

    stage, next_batch = Layers.stage, Layers.next_batch

    def __init__(self, total_steps=None):
        Layers.__init__(self)
        self.total_steps = total_steps
        self.optimizer = torch.optim.Adam(self.model.parameters(), foreach=False)

    def step(self, batch):
        self.optimizer.zero_grad()
        loss = self.model(batch).square().mean()
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.detach()


def traffic(run, *, result=None, inference=False) -> tuple[int, int]:
    """Return unfused and least bytes of a call."""
    with ExitStack() as stack:
        if inference:
            stack.enter_context(torch.inference_mode())
        counter = stack.enter_context(CostCounter())
        out = run()
        return counter.unfused_bytes, counter.least_bytes(out if result is None else result)


def shipped(name: str, task: str, **parameters):
    entry = card(name)
    context = Context(device=torch.device("cpu"), seed=0)
    return getattr(entry.load(), task)(entry.parameters.model_validate(SMALL | parameters), context)


@settings(deadline=None)
@given(rows=st.integers(1, 40), columns=st.integers(1, 40), inference=st.booleans())
def test_an_elementwise_operator_moves_its_inputs_and_its_output(rows, columns, inference):
    a, b = torch.ones(rows, columns), torch.ones(rows, columns)
    moved = 3 * rows * columns * F32
    assert traffic(lambda: a + b, inference=inference) == (moved, moved)


@settings(deadline=None)
@given(st.lists(st.integers(1, 24), min_size=3, max_size=3))
def test_a_matrix_product_moves_three_matrices(sides):
    n, m, k = sides
    a, b = torch.ones(n, k, dtype=torch.bfloat16), torch.ones(k, m, dtype=torch.bfloat16)
    moved = 2 * (n * k + k * m + n * m)
    assert traffic(lambda: a @ b) == (moved, moved)


@pytest.mark.parametrize(
    ("run", "unfused", "least"),
    [
        (lambda x: x.view(20, 5).t()[:, 1:], 0, 0),
        (lambda x: x.detach().expand(3, 10, 10), 0, 0),
        (lambda x: x.contiguous().reshape(100), 0, 0),
        (lambda x: torch.empty_like(x).shape, 0, 0),
        (lambda x: x * x, 800, 800),
        (lambda x: x.add_(1), 800, 800),
        (lambda x: x.zero_(), 400, 400),
        (lambda x: x.fill_(2).mul(2), 400 + 800, 400 + 400),
        (lambda x: x.copy_(torch.ones(10, 10)), 400 + 800, 400),
        (lambda _: torch.ones(10, 10), 400, 400),
        (lambda x: torch.ones(10, 1).expand(10, 10) + x, 40 + 40 + 800, 800),
        (lambda x: x[:, :1].expand(10, 10) + x, 40 + 800, 800),
        (lambda x: torch.add(x, 1, out=torch.empty(10, 10)), 800, 800),
        (lambda x: x.relu().exp().sum(), 800 + 800 + 404, 404),
        (lambda x: x[3] + x[4], 120, 80),
        (lambda x: x[torch.tensor([1, 7])], 80 + 16 + 80, None),
        (lambda x: functional.embedding(torch.tensor([1, 7]), x), 80 + 16 + 80, None),
        (lambda x: torch._foreach_add([x, x], 1.0), 400 + 800, 400 + 800),
        (lambda x: torch._foreach_mul_([x], 2.0), 800, 800),
    ],
)
def test_operators_are_charged_with_what_they_read_and_write(run, unfused, least):
    x = torch.zeros(10, 10)
    found = traffic(lambda: run(x))
    assert found[0] == unfused
    assert least is None or found[1] == least


def test_what_is_written_before_it_is_read_need_not_be_read_from_memory():
    kept = torch.zeros(100)
    assert traffic(lambda: kept.fill_(1).sum())[1] == 400 + 4


@pytest.mark.parametrize("inference", [False, True])
def test_composite_operators_are_counted_by_their_parts(inference):
    x, layer = torch.ones(6, 8), nn.Linear(8, 5)
    moved = F32 * (6 * 8 + 5 * 8 + 5 + 6 * 5)
    assert traffic(lambda: layer(x), inference=inference) == (moved, moved)


def test_inference_costs_its_products_its_weights_once_and_what_lies_between():
    cost = count_step(Layers(rows=8, wide=32))
    weights = F32 * (16 * 32 + 32 + 32 * 4 + 4)
    assert cost.flops == 2 * 8 * (16 * 32 + 32 * 4)
    assert cost.least_bytes == weights + F32 * 8 * (16 + 4)
    assert cost.bytes == cost.least_bytes + 4 * F32 * 8 * 32, "the hidden layer is written and read twice"


def test_a_training_step_counts_its_backward_pass_and_the_state_of_its_optimiser():
    cost = count_step(Learning())
    assert cost.flops == 2 * 8 * (2 * 16 * 32 + 3 * 32 * 4), "the rows need no gradient"
    parameters = 16 * 32 + 32 + 32 * 4 + 4
    tensors, state = 4, 3
    expected = 2 * F32 * state * parameters + 2 * F32 * tensors + F32 * 8 * 16 + F32
    assert cost.least_bytes == expected, "weights and both moments are read and written, step counters too"
    assert cost.bytes > 2 * cost.least_bytes


def test_a_step_is_counted_alike_however_often_it_is_counted():
    payload = Learning()
    assert count_step(payload) == count_step(payload)


@pytest.mark.parametrize("name", ["resnet18", "vit-c-1gf"])
def test_a_classifier_costs_twice_its_published_multiply_adds(name):
    payload = shipped(name, "inference")
    cost = count_step(payload)
    assert cost.flops == 2 * count_macs(payload.model, torch.zeros(2, 3, 64, 64))
    weights = sum(p.nbytes for p in payload.model.parameters())
    assert weights < cost.least_bytes < 1.02 * weights
    assert cost.bytes > cost.least_bytes


@pytest.mark.parametrize("task", ["inference", "training"])
def test_flops_are_those_of_pytorchs_own_counter(task):
    payload = shipped("resnet18", task)
    step, batch = payload.infer if task == "inference" else payload.step, payload.stage(payload.next_batch())
    with FlopCounterMode(display=False) as theirs:
        step(batch)
    assert count_step(payload).flops == theirs.get_total_flops()


def test_counting_imports_no_compiler():
    """It would stay in the memory of the process that is measured."""
    code = """
import sys, torch
from workloads.counting import CostCounter
with CostCounter(), torch.inference_mode():
    torch.nn.Linear(3, 4)(torch.ones(2, 3))
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_training_a_transformer_costs_about_three_times_inferring():
    inferring, training = (count_step(shipped("vit-c-1gf", task)) for task in ("inference", "training"))
    assert 2.9 < training.flops / inferring.flops < 3.1
    assert training.least_bytes > 2 * inferring.least_bytes


SHAPES = st.tuples(*[st.integers(1, 6)] * 3, st.integers(1, 9), st.integers(1, 9))


@given(SHAPES)
def test_attention_on_the_cpu_costs_what_pytorch_counts_for_its_other_kernels(sides):
    batch, heads, width, queries, keys = sides
    query, key = (batch, heads, queries, width), (batch, heads, keys, width)
    assert attention_flops(query, key, key) == sdpa_flop_count(query, key, key)
    assert attention_backward_flops(query, query, key, key) == sdpa_backward_flop_count(query, query, key, key)


def test_the_fused_attention_of_the_cpu_is_seen_in_both_directions():
    def flops(backend: SDPBackend) -> int:
        query, key, value = (torch.randn(2, 3, n, 8, requires_grad=True) for n in (5, 7, 7))
        with sdpa_kernel(backend), CostCounter() as counter:
            functional.scaled_dot_product_attention(query, key, value).sum().backward()
        return counter.flops

    product = 2 * 2 * 3 * 5 * 7 * 8
    assert flops(SDPBackend.MATH) == 6 * product
    assert flops(SDPBackend.FLASH_ATTENTION) == 7 * product, "the logits are computed again"


@pytest.mark.parametrize("make", [Layers, Learning])
def test_batches_come_as_if_nothing_had_been_counted_and_leave_no_trace(make):
    counted, untouched = make(), make()
    counted.rows = untouched.rows
    count_step(counted)
    for _ in range(12):
        assert torch.equal(counted.next_batch(), untouched.next_batch())
    assert "next_batch" not in vars(counted)


def test_global_random_states_are_as_they_were():
    class Drawing(Layers):
        def infer(self, batch):
            random.random(), np.random.rand(), torch.rand(1)
            return super().infer(batch)

    payload = Drawing()
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    count_step(payload)
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert before == after


def test_inferring_answers_the_same_after_counting():
    payload = shipped("resnet18", "inference")
    batch = payload.stage(payload.next_batch())
    before = payload.infer(batch).clone()
    count_step(payload)
    assert torch.equal(payload.infer(batch), before)


def test_a_step_that_fails_still_gives_its_batches_back():
    class Failing(Layers):
        def infer(self, batch):
            raise RuntimeError("the payload is unwell")

    payload = Failing()
    with pytest.raises(RuntimeError, match="unwell"):
        count_step(payload)
    assert torch.equal(payload.next_batch(), payload.rows[0])


def test_a_payload_whose_steps_are_numbered_is_not_stepped():
    payload = Learning(total_steps=3)
    with pytest.raises(UncountableError, match="has 3 steps"):
        count_step(payload)
    assert payload.drawn == 0


def test_what_is_no_payload_of_either_kind_is_refused():
    with pytest.raises(TypeError, match="neither"):
        count_step(object())
