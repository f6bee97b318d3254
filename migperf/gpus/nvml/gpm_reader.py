"""The reader of GPM of one GPU or GPU instance."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from migperf.gpus.driver import Device
from migperf.gpus.nvml.gpm_bank import GpmBank, Nvml
from migperf.gpus.nvml_errors import NvmlError, NvmlNoDataError


class GpmReader:
    """A bank with one slot; see ``GpmReader`` of the Driver protocol."""

    def __init__(self, nvml: Nvml, device: Device, gpu_instance_id: int | None, metric_ids: Sequence[int]) -> None:
        """Prepare the request for these metrics. Raises NvmlFunctionNotFoundError where the driver has no GPM."""
        self._bank = GpmBank(nvml, metric_ids, 1)
        self._bank.include(0, device, gpu_instance_id)
        self._values: npt.NDArray[np.float64] = np.empty(len(metric_ids))
        self._codes: npt.NDArray[np.int32] = np.empty(len(metric_ids), np.int32)

    def read(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """Take a sample and return averages since the latest that is more than 100 ms old."""
        self._values[:], self._codes[:] = self._bank.read()
        failure: NvmlError | None = self._bank.failures.get(0)
        if failure is not None:
            raise failure
        if self._bank.answered:
            self._codes[np.isnan(self._values) & (self._codes == 0)] = NvmlNoDataError.code
            self._values[self._codes != 0] = np.nan
        return self._values, self._codes

    def close(self) -> None:
        """Give the samples back. Closing again does nothing."""
        self._bank.close()
