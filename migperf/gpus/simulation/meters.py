"""What a test hands in if its simulated GPUs shall have readings. Without it there are none: nothing is invented."""

from typing import Protocol


class Meters(Protocol):
    """Readings as functions of time, in nanoseconds of the clock that the driver was given."""

    def power_mw(self, gpu_uuid: str, now_ns: int) -> int:
        """Return the power of the whole board, mW."""
        ...

    def energy_mj(self, gpu_uuid: str, now_ns: int) -> int:
        """Return the energy of the whole board since some beginning, mJ."""
        ...

    def utilization_pct(self, gpu_uuid: str, now_ns: int) -> int:
        """Return how busy a GPU that is not cut is, %."""
        ...

    def gpm(
        self, gpu_uuid: str, gpu_instance_id: int | None, metric_id: int, window_ns: tuple[int, int]
    ) -> float | None:
        """Return the average of a GPM metric between two times, of a GPU or of a GPU instance; None: no such metric."""
        ...
