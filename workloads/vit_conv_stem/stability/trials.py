"""Which trials a study consists of, and what became of each."""

import math
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from workloads.image_parameters import OptimizerName
from workloads.recipe.optimisation import Tuned
from workloads.vit_conv_stem.stability.parameters import StabilityParameters


class StemName(StrEnum):
    """The two stems compared."""

    PATCHIFY = "p"
    CONVOLUTIONAL = "c"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One curve of the study."""

    stem: StemName
    optimizer: OptimizerName

    def __str__(self) -> str:
        return f"{self.stem}_{self.optimizer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One training with one random setting."""

    arm: Arm
    setting: Tuned


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Test error of a finished trial in percent; None where the training diverged."""

    trial: Trial
    error_pct: float | None


def plan(parameters: StabilityParameters, seed: int) -> tuple[Trial, ...]:
    """Return all trials in shuffled order, so that a machine which slows down does so for all arms alike.

    Both stems get the same settings: a difference between their curves is then none of the draw.
    """
    random = Random(seed)
    trials = [
        Trial(arm=Arm(stem=stem, optimizer=optimizer), setting=setting)
        for optimizer in parameters.optimizers
        for setting in _settings(parameters, optimizer, random)
        for stem in StemName
    ]
    random.shuffle(trials)
    return tuple(trials)


def _settings(parameters: StabilityParameters, optimizer: OptimizerName, random: Random) -> list[Tuned]:
    """Draw settings log-uniformly; the paper does not state its law, and lr and wd act by their order of magnitude."""
    rate, decay = _good(parameters, optimizer)
    low, high = 1 / parameters.spread_below, parameters.spread_above
    return [
        Tuned(
            learning_rate=rate * _log_uniform(low, high, random),
            weight_decay=decay * _log_uniform(low, high, random),
        )
        for _ in range(parameters.trials)
    ]


def _good(parameters: StabilityParameters, optimizer: OptimizerName) -> tuple[float, float]:
    """Return the good learning rate and weight decay that the ranges are built around."""
    if optimizer is OptimizerName.ADAMW:
        return parameters.adamw_learning_rate, parameters.adamw_weight_decay
    return parameters.sgd_learning_rate, parameters.sgd_weight_decay


def _log_uniform(low: float, high: float, random: Random) -> float:
    return math.exp(random.uniform(math.log(low), math.log(high)))
