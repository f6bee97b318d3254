"""What a training payload says of its loss in the end."""

from torch import Tensor

from workloads.base import Figure


class FirstAndLastLoss:
    """Keeps the loss of the first step and of the last, on the device, without waiting for either."""

    def __init__(self) -> None:
        self._first: Tensor | None = None
        self._last: Tensor | None = None

    def note(self, loss: Tensor) -> None:
        """Take note of a step's loss in nats, a detached scalar."""
        if self._first is None:
            self._first = loss
        self._last = loss

    def figures(self) -> tuple[Figure, ...]:
        """Return both in nats. Waits for the device."""
        return _figure("first_loss", self._first), _figure("last_loss", self._last)


def _figure(name: str, loss: Tensor | None) -> Figure:
    if loss is None:
        return Figure(name=name, value=None, unit="nat", absent="no step was taken")
    return Figure(name=name, value=float(loss), unit="nat")
