"""Protects what the harness and its load generator are measured with: nothing, and service times that are known."""

import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from workloads.base import Context, StepCost
from workloads.registry import card
from workloads.synthetic.known_service import ServiceTimes
from workloads.synthetic.parameters import KnownServiceParameters

CPU = torch.device("cpu")
MS = 1_000_000


def built(name: str, task: str, *, seed: int = 0, **parameters):
    entry = card(name)
    build = getattr(entry.load(), task)
    return build(entry.parameters.model_validate(parameters), Context(device=CPU, seed=seed))


def times(*, seed: int = 0, **parameters) -> ServiceTimes:
    return ServiceTimes(KnownServiceParameters.model_validate(parameters), seed)


def test_null_does_nothing_in_inference_and_counts_its_samples():
    payload = built("null", "inference", batch_size=7)
    assert payload.infer(payload.stage(payload.next_batch())) is None
    assert (payload.samples_per_step, payload.sample_unit) == (7, "sample")


def test_null_trains_without_end_on_a_loss_of_zero():
    payload = built("null", "training")
    losses = [payload.step(payload.stage(payload.next_batch())) for _ in range(3)]
    assert [float(loss) for loss in losses] == [0.0] * 3
    assert payload.total_steps is None


@pytest.mark.parametrize(
    ("name", "task"), [("null", "inference"), ("null", "training"), ("known-service", "inference")]
)
def test_a_synthetic_step_is_known_to_compute_nothing(name, task):
    assert built(name, task).step_cost() == StepCost(flops=0, bytes=0, least_bytes=0)


def test_deterministic_service_is_the_mean_for_every_request():
    assert {times(service_ms=2.5).of(request) for request in (0, 1, 1023, 1024, 10**9)} == {2_500_000}


@given(
    seed=st.integers(0, 2**63 - 1),
    requests=st.lists(st.integers(0, 10**6), min_size=1, max_size=20),
)
def test_a_service_time_depends_on_seed_and_number_alone(seed, requests):
    drawn = times(seed=seed, distribution="exponential")
    asked = [drawn.of(request) for request in requests]
    assert asked == [times(seed=seed, distribution="exponential").of(request) for request in requests]


def test_seeds_and_requests_draw_different_times():
    first, second = (times(seed=seed, distribution="exponential") for seed in (1, 2))
    drawn = [first.of(request) for request in range(4096)]
    assert len(set(drawn)) > 4000
    assert [second.of(request) for request in range(4096)] != drawn


def test_exponential_service_has_the_exponential_distribution():
    drawn = times(seed=3, distribution="exponential", service_ms=4)
    sample = [drawn.of(request) / MS for request in range(20_000)]
    assert kstest(sample, "expon", args=(0, 4)).pvalue > 0.01
    assert sum(sample) / len(sample) == pytest.approx(4, rel=0.03)


def test_one_request_stalls_and_no_other():
    drawn = times(service_ms=1, stall_at_request=5, stall_s=2)
    assert [drawn.of(request) for request in range(4, 7)] == [MS, 2001 * MS, MS]
    assert {drawn.of(request) for request in range(6, 10_000)} == {MS}


@pytest.mark.parametrize("waiting", ["spin", "sleep"])
def test_a_request_takes_its_time_and_the_report_says_what_was_drawn(waiting):
    payload = built("known-service", "inference", service_ms=2, waiting=waiting, stall_at_request=1, stall_s=0.02)
    lasted_ns = []
    for _ in range(3):
        begun_ns = time.monotonic_ns()
        payload.infer(payload.stage(payload.next_batch()))
        lasted_ns.append(time.monotonic_ns() - begun_ns)
    assert min(lasted_ns) >= 2 * MS
    assert lasted_ns[1] >= 22 * MS
    drawn, excess = payload.report().figures
    assert (drawn.name, drawn.unit, drawn.value) == ("service_time_drawn", "ms", pytest.approx((2 + 22 + 2) / 3))
    assert excess.name == "service_time_excess"
    assert 0 <= excess.value <= sum(lasted_ns) / 3 / MS - drawn.value


def test_without_a_request_there_is_nothing_to_report():
    assert {figure.absent for figure in built("known-service", "inference").report().figures} == {
        "no request was served"
    }
