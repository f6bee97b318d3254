"""An engine agrees as far as rounding explains the difference, and what cannot be told is never agreement."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.engine import Precision
from migperf.measure.engines.agreement import TOLERANCES, Results, check_checkable, compare
from migperf.measure.engines.errors import EngineDisagreesError, EngineUncheckedError

PRECISIONS = st.sampled_from(Precision)


def outputs(*values: float) -> Results:
    return Results(outputs={"the output": torch.tensor(values)})


def step(loss: float = 1.0, **gradients: list[float]) -> Results:
    return Results(loss=torch.tensor(loss), gradients={name: torch.tensor(v) for name, v in gradients.items()})


@given(PRECISIONS, st.floats(-1, 1), st.floats(1e-3, 1e3))
def test_outputs_agree_up_to_the_tolerance_of_the_precision_and_not_beyond(
    precision: Precision, share: float, size: float
) -> None:
    """The scale of the outputs does not matter, as the difference is relative."""
    allowed = TOLERANCES[precision].output
    reference = torch.linspace(-size, size, 64, dtype=torch.float64)
    direction = torch.ones(64, dtype=torch.float64).index_fill(0, torch.arange(32), -1.0)
    off = direction * torch.linalg.vector_norm(reference) / 8
    inside = Results(outputs={"y": reference + 0.99 * share * allowed * off})
    agreement = compare(Results(outputs={"y": reference}), inside, precision)
    assert agreement.error_rel == pytest.approx(0.99 * abs(share) * allowed, abs=1e-9)
    beyond = Results(outputs={"y": reference + math.copysign(1.01, share) * allowed * off})
    with pytest.raises(EngineDisagreesError, match=f"y differs by .*{allowed:g} is allowed; nothing was timed"):
        compare(Results(outputs={"y": reference}), beyond, precision)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_disagrees_in_every_precision(wrong: float) -> None:
    for precision in Precision:
        with pytest.raises(EngineDisagreesError):
            compare(outputs(1.0, 2.0), outputs(1.0, wrong), precision)


def test_the_worst_of_several_outputs_decides_and_is_named() -> None:
    reference = Results(outputs={"output 0": torch.ones(4), "output 1": torch.ones(4)})
    results = Results(outputs={"output 0": torch.ones(4), "output 1": torch.ones(4) * 1.5})
    with pytest.raises(EngineDisagreesError, match=r"output 1 differs by 0\.5 "):
        compare(reference, results, Precision.BF16)


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (Results(), "only one of engine and reference has the output"),
        (outputs(1.0, 2.0, 3.0), r"shape \(3,\), and \(2,\)"),
    ],
)
def test_results_of_another_kind_disagree(results: Results, said: str) -> None:
    with pytest.raises(EngineDisagreesError, match=said):
        compare(outputs(1.0, 2.0), results, Precision.BF16)


def test_a_gradient_that_the_engine_does_not_have_is_named() -> None:
    with pytest.raises(EngineDisagreesError, match="the gradient of b"):
        compare(step(a=[1.0], b=[1.0]), step(a=[1.0]), Precision.BF16)


@pytest.mark.parametrize("precision", Precision)
@pytest.mark.parametrize("factor", [0.0, -1.0, 2.0, 65536.0])
def test_one_gradient_that_is_missing_reversed_or_scaled_is_found_among_many(
    precision: Precision, factor: float
) -> None:
    """Even in bfloat16, where little else can be told of one gradient."""
    right = {f"p{n}": [1.0, -1.0, 0.5] for n in range(500)}
    wrong = right | {"p77": [factor * value for value in right["p77"]]}
    with pytest.raises(EngineDisagreesError, match=r"gradient of (p77|all parameters)"):
        compare(step(**right), step(**wrong), precision)


def test_a_wrong_gradient_beside_a_much_larger_one_is_found_too() -> None:
    """The head's gradient can be as good as all of the vector that the gradients make together."""
    right = {"head": [1000.0] * 100} | {f"p{n}": [1.0] * 3 for n in range(9)}
    wrong = right | {"p1": [0.0] * 3}
    with pytest.raises(EngineDisagreesError, match="the gradient of p1 "):
        compare(step(**right), step(**wrong), Precision.FP32)


def test_a_gradient_that_is_nothing_but_rounding_may_differ_entirely() -> None:
    """Batch norm takes away the gradient of a bias before it."""
    right = {f"p{n}": [1.0] * 3 for n in range(9)}
    agreement = compare(step(**right, bias=[1e-9] * 3), step(**right, bias=[-3e-9] * 3), Precision.FP32)
    assert agreement.error_rel < 1e-7


def test_the_loss_is_compared_on_its_own() -> None:
    with pytest.raises(EngineDisagreesError, match=r"the loss differs by 0\.05"):
        compare(step(2.0, a=[1.0]), step(2.1, a=[1.0]), Precision.BF16)


def test_the_figure_tells_what_was_compared_and_what_is_allowed() -> None:
    figure = compare(step(a=[1.0, 0.0]), step(a=[1.0, 1e-4]), Precision.FP32).figure()
    assert (figure.name, figure.unit, figure.scope) == ("engine_error", "1", "process")
    assert figure.value == pytest.approx(1e-4, rel=1e-3)
    assert "the gradient of all parameters differs by 0.0001 (relative L2), 0.001 is allowed" in figure.method
    assert "the loss differs by 0 " in figure.method


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (Results(), "no tensor"),
        (outputs(0.0, 0.0, 0.0), "the same value everywhere"),
        (outputs(0.3, 0.3), "the same value everywhere"),
        (outputs(1.0, math.nan), "not finite"),
        (step(math.inf, a=[1.0]), "the loss of the reference is not finite"),
        (step(a=[1.0], trunk=[0.0] * 99), "gradient is zero for trunk"),
        (step(a=[0.0]), "gradient is zero for a"),
    ],
)
def test_a_reference_that_says_nothing_is_an_error_and_never_a_pass(reference: Results, said: str) -> None:
    with pytest.raises(EngineUncheckedError, match=said):
        check_checkable(reference)


def test_a_parameter_of_no_weight_may_be_without_gradient() -> None:
    check_checkable(step(weights=[1.0] * 1000, bias=[0.0]))
