"""The product of two large square matrices: the most floating-point operations a second that libraries attain here.

The entries are standard normal, as of weights and activations: zeros would take less power and so run at higher clocks.
"""

import math

import torch
from torch import Tensor

from workloads.base import Context, Figure, StepCost, Workload, WrongAnswerError
from workloads.micro.kernel import KernelPayload
from workloads.micro.launching import require_device
from workloads.micro.parameters import MatrixProductParameters, Precision

SIZE_ON_GPU, SIZE_ON_CPU = 8192, 2048
CHECKED_ENTRIES = 256

_DTYPES = {
    Precision.FP32: torch.float32,
    Precision.TF32: torch.float32,
    Precision.BF16: torch.bfloat16,
    Precision.FP16: torch.float16,
}
_ROUNDINGS = {Precision.FP32: 2**-24, Precision.TF32: 2**-11, Precision.BF16: 2**-8, Precision.FP16: 2**-11}
"""Largest relative error of rounding one number to the precision."""


class MatrixProduct(KernelPayload):
    """Multiplies two n x n matrices; a sample is one product. Raises WrongAnswerError if the first product is wrong."""

    sample_unit = "product"

    def __init__(self, parameters: MatrixProductParameters, context: Context) -> None:
        device, self._precision = context.device, parameters.precision
        require_device(parameters, device)
        _select_precision(parameters.precision, device)
        self.size = parameters.size or (SIZE_ON_GPU if device.type == "cuda" else SIZE_ON_CPU)
        generator = torch.Generator(device).manual_seed(context.seed)
        shape, dtype = (self.size, self.size), _DTYPES[parameters.precision]
        self.left, self.right = (torch.randn(shape, generator=generator, device=device, dtype=dtype) for _ in range(2))
        self.product = torch.empty(shape, device=device, dtype=dtype)
        super().__init__(parameters, device)
        self.relative_error = self._check()

    def run_kernel(self) -> Tensor:
        """Multiply into the product."""
        return torch.mm(self.left, self.right, out=self.product)

    def kernel_cost(self) -> StepCost:
        """Return 2 n³ operations, and both factors read and the product written once."""
        moved = 3 * self.product.nbytes
        return StepCost(flops=2 * self.size**3, bytes=moved, least_bytes=moved)

    def findings(self) -> tuple[Figure, ...]:
        """Return the size, and how exact the product was."""
        return (
            Figure(name="matrix_rows", value=float(self.size), unit="1"),
            Figure(name="product_error", value=self.relative_error, unit="1"),
        )

    def _check(self) -> float:
        """Multiply once and return the relative error of the product. Waits for the device."""
        self._launcher.launch()
        found = sampled_error(self.left, self.right, self.product)
        if not found <= (allowed := allowed_error(self._precision, self.size)):
            raise WrongAnswerError(
                f"a {self._precision} product of {self.size} x {self.size} matrices has a relative error of "
                f"{found:.2g}, more than the {allowed:.2g} that rounding explains"
            )
        return found


class MatrixProductWorkload(Workload):
    """Offers inference only."""

    def inference(self, parameters: MatrixProductParameters, context: Context) -> MatrixProduct:
        """Return a payload whose product was checked. Raises ValueError for what the device cannot do."""
        return MatrixProduct(parameters, context)


def sampled_error(left: Tensor, right: Tensor, product: Tensor) -> float:
    """Return the root mean square error of some entries of the product relative to their own, by float64.

    The entries are at random places, the same ones for matrices of one size.
    """
    places = torch.Generator().manual_seed(0)
    rows, columns = (
        torch.randint(len(product), (CHECKED_ENTRIES,), generator=places).to(product.device) for _ in range(2)
    )
    expected = (left[rows].double() * right[:, columns].T.double()).sum(dim=1)
    wrong = product[rows, columns].double() - expected
    return float(wrong.square().mean().sqrt() / expected.square().mean().sqrt())


def allowed_error(precision: Precision, size: int) -> float:
    """Return the largest relative error that rounding explains: four times what is expected at most.

    Errors of independent signs grow with the root of the number of terms (Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd edition, section 2.8): of a sum in float32, and of factors and product rounded to the precision.
    """
    return 4 * (math.sqrt(size) * 2**-24 + _ROUNDINGS[precision])


def _select_precision(precision: Precision, device: torch.device) -> None:
    """Have float32 products made in this process in full, or in TF32. Raises ValueError where there is none."""
    if precision is Precision.TF32 and not _has_tf32(device):
        raise ValueError(f"precision = tf32 needs an NVIDIA GPU from Ampere on, and this is a {_name(device)}")
    torch.set_float32_matmul_precision("high" if precision is Precision.TF32 else "highest")


def _has_tf32(device: torch.device) -> bool:
    first_generation = (8, 0)
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= first_generation


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
