"""Learning rates and weight decays that the paper trained with (arXiv 2106.14881, section 4 and Table 5)."""

from workloads.image_parameters import OptimizerName
from workloads.recipe.optimisation import Tuned, TunedByOptimizer

_ADAMW = Tuned(learning_rate=1.0e-3, weight_decay=0.24)
_ADAMW_36GF = Tuned(learning_rate=6.0e-4, weight_decay=0.28)
_ADAMW_72GF = Tuned(learning_rate=6.0e-4, weight_decay=0.15)


def _tuned(adamw: Tuned, sgd_learning_rate: float, sgd_weight_decay: float) -> TunedByOptimizer:
    """Return AdamW's peak-performance setting, and the one for SGD, which the paper tuned at 50 epochs."""
    sgd = Tuned(learning_rate=sgd_learning_rate, weight_decay=sgd_weight_decay)
    return {OptimizerName.ADAMW: adamw, OptimizerName.SGD: sgd}


P_1GF = _tuned(_ADAMW, 1.9, 1.3e-5)
P_4GF = _tuned(_ADAMW, 1.9, 1.3e-5)
P_18GF = _tuned(_ADAMW, 1.1, 1.2e-5)
C_1GF = _tuned(_ADAMW, 1.9, 1.3e-5)
C_4GF = _tuned(_ADAMW, 1.3, 2.2e-5)
C_18GF = _tuned(_ADAMW, 1.1, 2.7e-5)
# The paper gives SGD no setting above 18 GF; theirs is the 18 GF model's.
P_36GF = _tuned(_ADAMW_36GF, 1.1, 1.2e-5)
C_36GF = _tuned(_ADAMW_36GF, 1.1, 2.7e-5)
P_72GF = _tuned(_ADAMW_72GF, 1.1, 1.2e-5)
C_72GF = _tuned(_ADAMW_72GF, 1.1, 2.7e-5)
