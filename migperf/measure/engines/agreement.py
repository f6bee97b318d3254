"""Whether an engine computes what the reference does: relative differences, and what rounding explains of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

import torch
from torch import Tensor

from migperf.measure.engine import Precision
from migperf.measure.engines.errors import EngineDisagreesError, EngineUncheckedError
from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Scope

Tensors = Mapping[str, Tensor]
"""Tensors in host memory by what they are."""
FEW_VALUES = " (where a batch norm sees only few values, rounding alone can do that: use larger batches or images)"
LEAST_SIZE = 0.3
"""A gradient that is smaller than this part of the typical one is compared with that part."""
MOST_WITHOUT_GRADIENT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """Largest relative differences that rounding explains; docs/explanation/engines.md has what was measured."""

    output: float
    loss: float
    gradients: float
    """Of all gradients as one vector."""
    one_gradient: float


TOLERANCES = {
    Precision.FP32: Tolerances(output=1e-4, loss=1e-4, gradients=1e-3, one_gradient=2e-2),
    Precision.TF32: Tolerances(output=5e-3, loss=2e-3, gradients=2e-2, one_gradient=0.3),
    Precision.FP16: Tolerances(output=5e-3, loss=2e-3, gradients=2e-2, one_gradient=0.3),
    Precision.BF16: Tolerances(output=3e-2, loss=1e-2, gradients=0.1, one_gradient=0.9),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a step came to: the outputs of inference; the loss and the gradients of training."""

    outputs: Tensors = field(default_factory=dict)
    loss: Tensor | None = None
    gradients: Tensors = field(default_factory=dict)

    def all(self) -> dict[str, Tensor]:
        """Return every tensor by a name that tells them apart."""
        loss = {} if self.loss is None else {"the loss": self.loss}
        return {**self.outputs, **loss, **{f"the gradient of {name}": value for name, value in self.gradients.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How far one thing is from the reference's: L2 norm of the difference over that of the reference."""

    what: str
    error_rel: float
    allowed_rel: float

    def __str__(self) -> str:
        return f"{self.what} differs by {self.error_rel:.3g} (relative L2), {self.allowed_rel:g} is allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An engine's differences from the reference, the one first that stands for all."""

    differences: tuple[Difference, ...]

    @property
    def error_rel(self) -> float:
        """The difference that stands for all."""
        return self.differences[0].error_rel

    def figure(self) -> ResultFigure:
        """Return the difference as a figure of the result."""
        method = f"against the eager model in fp32, before the window: {'; '.join(map(str, self.differences))}"
        return ResultFigure(name="engine_error", unit="1", scope=Scope.PROCESS, value=self.error_rel, method=method)


def check_checkable(reference: Results) -> None:
    """Raise EngineUncheckedError if nothing can be told by comparing with these results."""
    if not reference.all():
        raise EngineUncheckedError("the reference's step yields no tensor that an engine's could be compared with")
    for name, tensor in reference.all().items():
        if not bool(tensor.isfinite().all()):
            raise EngineUncheckedError(f"{name} of the reference is not finite, so no engine can be checked by it")
    for name, tensor in reference.outputs.items():
        if tensor.numel() > 1 and bool((tensor == tensor.flatten()[0]).all()):
            raise EngineUncheckedError(
                f"{name} of the reference has the same value everywhere, as that of a wrong engine could have, too; "
                "the payload needs weights whose answers differ"
            )
    _check_gradients_reach(reference.gradients)


def compare(reference: Results, results: Results, precision: Precision) -> Agreement:
    """Return how far the results are from the reference's. Raises EngineDisagreesError if that is not rounding."""
    _check_same_kind(reference.all(), results.all())
    allowed = TOLERANCES[precision]
    differences = (
        *_gradient_differences(reference.gradients, results.gradients, allowed),
        *_loss_difference(reference.loss, results.loss, allowed),
        *_worst_output(reference.outputs, results.outputs, allowed),
    )
    for difference in differences:
        if not difference.error_rel <= difference.allowed_rel:  # NaN disagrees
            raise EngineDisagreesError(
                f"the engine does not compute what the eager model in fp32 does: {difference}; nothing was timed"
                f"{FEW_VALUES if reference.gradients else ''}"
            )
    return Agreement(differences=differences)


def _worst_output(reference: Tensors, outputs: Tensors, allowed: Tolerances) -> tuple[Difference, ...]:
    found = [
        Difference(what=name, error_rel=_norm(outputs[name] - wanted) / _norm(wanted), allowed_rel=allowed.output)
        for name, wanted in reference.items()
    ]
    return (worst(found),) if found else ()


def _loss_difference(reference: Tensor | None, loss: Tensor | None, allowed: Tolerances) -> tuple[Difference, ...]:
    if reference is None or loss is None:
        return ()
    error_rel = _norm(loss - reference) / _norm(reference)
    return (Difference(what="the loss", error_rel=error_rel, allowed_rel=allowed.loss),)


def _gradient_differences(reference: Tensors, gradients: Tensors, allowed: Tolerances) -> tuple[Difference, ...]:
    """Compare all gradients as one vector, and each alone; a small one with what is small beside the typical one.

    Where a normalisation takes a gradient away, what is left of it is rounding, and differs entirely.
    """
    if not reference:
        return ()
    sizes = {name: _norm(wanted) for name, wanted in reference.items()}
    distances = {name: _norm(gradients[name] - wanted) for name, wanted in reference.items()}
    typical = median(size / reference[name].numel() ** 0.5 for name, size in sizes.items())
    each = [
        Difference(
            what=f"the gradient of {name}",
            error_rel=distance / max(sizes[name], LEAST_SIZE * typical * reference[name].numel() ** 0.5),
            allowed_rel=allowed.one_gradient,
        )
        for name, distance in distances.items()
    ]
    together = Difference(
        what="the gradient of all parameters",
        error_rel=_root_of_squares(distances) / _root_of_squares(sizes),
        allowed_rel=allowed.gradients,
    )
    return together, worst(each)


def worst(differences: list[Difference]) -> Difference:
    """Return the largest difference; one that is not a number is larger than all others."""
    return max(differences, key=lambda each: (each.error_rel != each.error_rel, each.error_rel))


def _check_gradients_reach(gradients: Tensors) -> None:
    without = {name: tensor.numel() for name, tensor in gradients.items() if not bool(tensor.any())}
    if sum(without.values()) > MOST_WITHOUT_GRADIENT * sum(tensor.numel() for tensor in gradients.values()):
        raise EngineUncheckedError(
            f"the reference's gradient is zero for {', '.join(list(without)[:3])} ({len(without)} parameters in all), "
            "as that of a wrong engine could be, too; the payload needs weights that let gradients through"
        )


def _check_same_kind(reference: Tensors, results: Tensors) -> None:
    if only := reference.keys() ^ results.keys():
        raise EngineDisagreesError(f"only one of engine and reference has {', '.join(sorted(only))}")
    for name, wanted in reference.items():
        if results[name].shape != wanted.shape:
            shapes = f"{tuple(results[name].shape)}, and {tuple(wanted.shape)} in the reference"
            raise EngineDisagreesError(f"{name} of the engine has the shape {shapes}")


def _norm(tensor: Tensor) -> float:
    return float(torch.linalg.vector_norm(tensor, dtype=torch.float64))


def _root_of_squares(norms: Mapping[str, float]) -> float:
    return math.sqrt(sum(norm**2 for norm in norms.values()))
