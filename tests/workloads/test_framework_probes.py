"""Protects the verdict of a probe: right answers pass, wrong ones and wrong devices do not, absences are told apart."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from workloads.base import CannotExecuteError, Context, NotInstalledError, Task, UncountableError, WrongAnswerError
from workloads.frameworks.facts import DEVICE, FRAMEWORK, OBSTACLE, VERSION, Obstacle
from workloads.frameworks.known import FRAMEWORKS, Known
from workloads.frameworks.parameters import Framework
from workloads.frameworks.problem import LEARNING_RATE, TOLERANCE, descend, error, logits, losses, problem
from workloads.frameworks.programs.program import InferenceProgram, TrainingProgram
from workloads.frameworks.workload import CHECKED_LOSSES
from workloads.registry import card

ROOT = Path(__file__).parents[2]
HERE = ["pytorch-eager", "onnx-runtime"]
"""Frameworks that leave nothing behind in the process that tries them; the others are tried in runs' own children."""


def built(framework: str, task: str = "inference", *, facts=None, seed: int = 0):
    entry = card("framework")
    context = Context(device=torch.device("cpu"), seed=seed, tell=(facts if facts is not None else {}).update)
    return getattr(entry.load(), task)(entry.parameters.model_validate({"framework": framework}), context)


def stepped(payload):
    step = payload.infer if hasattr(payload, "infer") else payload.step
    return step(payload.stage(payload.next_batch()))


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_numpys_answer_loss_and_gradient_are_those_of_automatic_differentiation(seed):
    asked = problem(seed)
    weights, batch = asked.weights, asked.batches[0]
    names = ("filters", "filter_bias", "linear", "linear_bias")
    leaves = [torch.tensor(getattr(weights, name), dtype=torch.float64, requires_grad=True) for name in names]
    images = torch.tensor(batch.images, dtype=torch.float64)
    answer = functional.conv2d(images, leaves[0], leaves[1]).relu().mean((2, 3)) @ leaves[2] + leaves[3]
    loss = functional.cross_entropy(answer, torch.tensor(batch.labels))
    loss.backward()
    ours, moved = descend(weights, batch)
    np.testing.assert_allclose(logits(weights, batch.images), answer.detach().numpy(), atol=1e-12)
    assert ours == pytest.approx(loss.item(), abs=1e-12)
    for name, leaf in zip(names, leaves, strict=True):
        expected = (leaf - LEARNING_RATE * leaf.grad).detach().numpy()
        np.testing.assert_allclose(getattr(moved, name), expected, atol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_the_problem_can_be_learned_and_a_wrong_rate_shows_in_the_losses_that_are_checked(seed):
    followed = losses(problem(seed), CHECKED_LOSSES)
    assert list(followed) == sorted(followed, reverse=True)
    assert followed[0] - followed[-1] > 4 * TOLERANCE * followed[0]


@given(st.lists(st.floats(-100, 100).filter(lambda value: abs(value) > 0.1), min_size=1), st.floats(-0.1, 0.1))
def test_an_error_is_the_largest_difference_relative_to_the_largest_value(reference, share):
    given_ = [value * (1 + share) for value in reference]
    if abs(share) < 0.99 * TOLERANCE:
        assert error(given_, reference) == pytest.approx(abs(share), abs=1e-12)
    elif abs(share) > 1.01 * TOLERANCE:
        with pytest.raises(WrongAnswerError, match=r"more than the 0\.005 that rounding explains"):
            error(given_, reference)


@pytest.mark.parametrize("answer", [[1.0, float("nan")], [1.0, float("inf")], [1.0], [[1.0, 2.0]]])
def test_what_is_not_finite_or_of_another_shape_is_wrong(answer):
    with pytest.raises(WrongAnswerError):
        error(answer, [1.0, 2.0])


@pytest.mark.parametrize("framework", HERE)
def test_a_framework_that_works_tells_its_version_and_where_it_computed(framework):
    facts = {}
    payload = built(framework, facts=facts)
    assert stepped(payload).shape == (32, 4)
    report = payload.report()
    assert 0 <= report.figures[0].value < 1e-5
    assert facts[FRAMEWORK] == framework
    assert facts[VERSION] == report.tables["framework"]["version"]
    assert facts[DEVICE] == report.tables["framework"]["computed_on"] in ("cpu", "CPUExecutionProvider")
    assert OBSTACLE not in facts


@pytest.mark.parametrize("framework", [*HERE, "pytorch-compile", "pytorch-ddp"])
def test_a_program_can_do_what_its_tasks_say_and_nothing_else(framework):
    known = FRAMEWORKS[Framework(framework)]
    module, _, name = known.program.partition(":")
    program = getattr(importlib.import_module(module), name)
    kinds = {Task.INFERENCE: InferenceProgram, Task.TRAINING: TrainingProgram}
    assert {task for task, kind in kinds.items() if issubclass(program, kind)} == known.tasks


def test_training_follows_numpy_and_learns():
    payload = built("pytorch-eager", "training")
    for _ in range(20):
        stepped(payload)
    first, last, worst = (figure.value for figure in payload.report().figures)
    assert (first, last) == pytest.approx(
        (losses(payload._probe.problem, 1)[0], losses(payload._probe.problem, 21)[-1])
    )
    assert worst < 1e-5


def test_what_a_step_costs_is_not_claimed():
    with pytest.raises(UncountableError, match="PyTorch does not see"):
        built("pytorch-eager").step_cost()


def test_an_answer_that_becomes_wrong_is_seen_in_its_step():
    payload = built("pytorch-eager")
    with torch.no_grad():
        payload._probe.program.model[0].weight.mul_(1.1)
    with pytest.raises(WrongAnswerError, match="differs from what NumPy computes"):
        stepped(payload)


def test_a_step_that_goes_too_short_a_way_is_seen():
    payload = built("pytorch-eager", "training")
    payload._probe.program._optimizer.param_groups[0]["lr"] = LEARNING_RATE / 2
    stepped(payload)  # its loss is of the weights before
    with pytest.raises(WrongAnswerError, match="differs from what NumPy computes"):
        stepped(payload)


def test_a_loss_that_does_not_fall_or_is_not_finite_fails_even_after_the_losses_that_are_checked():
    payload = built("pytorch-eager", "training")
    for _ in range(CHECKED_LOSSES):
        stepped(payload)
    payload._probe.program._optimizer.param_groups[0]["lr"] = -LEARNING_RATE
    for _ in range(2 * CHECKED_LOSSES):
        stepped(payload)
    with pytest.raises(WrongAnswerError, match=r"the loss is .* after 19 steps, and was"):
        payload.report()
    with torch.no_grad():
        payload._probe.program.model[0].weight.fill_(float("nan"))
    with pytest.raises(WrongAnswerError, match="the loss of step 19 is nan"):
        stepped(payload)


@pytest.mark.parametrize(("framework", "task"), [("onnx-runtime", "training"), ("pytorch-ddp", "inference")])
def test_a_task_that_a_framework_does_not_have_is_no_failure_of_it(framework, task):
    facts = {}
    with pytest.raises(CannotExecuteError, match="probe it with"):
        built(framework, task, facts=facts)
    assert facts[OBSTACLE] == Obstacle.NOT_OFFERED
    assert facts[VERSION] is not None


def test_what_is_not_installed_is_told_with_the_remedy_and_no_version(monkeypatch):
    absent = Known(
        title="Nowhere",
        modules=("nowhere_at_all",),
        distributions=("nowhere-at-all",),
        program=":",
        install="install it",
    )
    monkeypatch.setitem(FRAMEWORKS, Framework.TENSORFLOW, absent)
    facts = {}
    with pytest.raises(NotInstalledError, match=r"Nowhere \(module nowhere_at_all\) is not installed here; install it"):
        built("tensorflow", facts=facts)
    assert (facts[OBSTACLE], facts[VERSION]) == (Obstacle.NOT_INSTALLED, None)


def test_every_framework_is_known_and_says_why_a_task_is_missing():
    assert set(FRAMEWORKS) == set(Framework)
    for known in FRAMEWORKS.values():
        assert known.install
        assert len(known.tasks) == 2 or known.why_not


ON_A_GPU = """
import json, os, sys, torch
from workloads.base import Context
from workloads.registry import card
facts = {}
entry = card("framework")
context = Context(device=torch.device("cuda"), seed=0, tell=facts.update)
try:
    entry.load().inference(entry.parameters.model_validate({"framework": sys.argv[1]}), context)
except Exception as error:
    print(json.dumps([type(error).__name__, str(error), facts, os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE")]))
"""


@pytest.mark.parametrize(
    ("framework", "said"),
    [
        ("jax", "JAX computed on cpu:0 (cpu), and the partition is another device (cuda)"),
        ("onnx-runtime", "ONNX Runtime has no CUDAExecutionProvider, only"),
    ],
)
def test_a_framework_that_would_fall_back_to_the_cpu_on_a_gpus_partition_fails(framework, said):
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", ON_A_GPU, framework], cwd=ROOT, env=hidden, capture_output=True, text=True, check=True
    )
    kind, message, facts, preallocates = json.loads(done.stdout.splitlines()[-1])
    assert kind == "WrongDeviceError"
    assert message.startswith(said)
    assert "has CUDA" in message
    assert preallocates == ("false" if framework == "jax" else None)
    assert facts[VERSION]
    assert OBSTACLE not in facts
