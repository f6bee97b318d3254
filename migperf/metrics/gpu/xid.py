"""XID: the errors that the driver reports on a GPU, for the runs on it."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from migperf.gpus.driver import XidEvent, XidEvents
from migperf.gpus.nvml_errors import NvmlError
from migperf.metrics import catalogue
from migperf.metrics.absence import Absence, AbsenceState, absence_of
from migperf.metrics.gpu.asking import ask_again_ns
from migperf.metrics.gpu.handle import Handle
from migperf.metrics.metric import NS_PER_S, Metric, Scope
from migperf.metrics.source import Occurrence

XID_PERIOD_NS = NS_PER_S // 10


@dataclass(slots=True)
class _Registration:
    """An event set, and the GPU instance whose events of all that it gets concern us; None: all do."""

    events: XidEvents
    instance_id: int | None
    held: ExitStack


class XidSource:
    """An ``EventSource`` of errors on a GPU; on a MIG device, of those on its GPU instance and on the whole board.

    NVML says of an error which GPU instance it is due to, if to one. So the board is listened to, as nothing else
    tells what strikes all its instances; a container that may not do that listens to its MIG device alone. An event
    has the time at which it was seen: NVML does not tell its own.
    """

    def __init__(self, gpu: Handle, mig_device: Handle | None = None) -> None:
        """Listen from now on, as far as the driver lets us."""
        scope = Scope.GPU if mig_device is None else Scope.INSTANCE
        self.metrics = (Metric.of(catalogue.XID, scope, "nvml", period_ns=XID_PERIOD_NS),)
        self.period_ns = XID_PERIOD_NS
        self._gpu = gpu
        self._mig_device = mig_device
        self._registration: _Registration | None = None
        self._absence: Absence | None = None
        self._ask_ns = 0
        self._listen(0)

    def poll(self, now_ns: int) -> Sequence[Occurrence]:
        """See EventSource."""
        if self._registration is None:
            if now_ns >= self._ask_ns:
                self._listen(now_ns)
            return ()
        try:
            events = self._registration.events.poll()
        except NvmlError as error:
            self._fail(absence_of(error), now_ns)
            return ()
        return tuple(Occurrence(0, now_ns, event.xid) for event in events if self._concerns_us(event))

    def why_not(self, index: int) -> Absence | None:  # noqa: ARG002 - there is one metric
        """See EventSource."""
        return self._absence

    def close(self) -> None:
        """Free the event set."""
        registration, self._registration = self._registration, None
        if registration is not None:
            registration.held.close()

    def _listen(self, now_ns: int) -> None:
        try:
            self._registration = self._register()
            self._absence = None
        except NvmlError as error:
            self._fail(absence_of(error), now_ns)

    def _register(self) -> _Registration:
        if self._mig_device is None:
            return _register(self._gpu, None)
        instance_id = self._gpu.driver.gpu_instance_id_of(self._mig_device.device())
        try:
            return _register(self._gpu, instance_id)
        except NvmlError as error:
            if not absence_of(error).state.lasting:
                raise
            return _register(self._mig_device, None)

    def _fail(self, absence: Absence, now_ns: int) -> None:
        self.close()
        self._absence = absence
        self._ask_ns = max(ask_again_ns(absence, now_ns), now_ns + 1)
        if absence.state is AbsenceState.LOST:
            for handle in (self._gpu, self._mig_device):
                if handle is not None:
                    handle.forget()

    def _concerns_us(self, event: XidEvent) -> bool:
        ours = None if self._registration is None else self._registration.instance_id
        return ours is None or event.gpu_instance_id is None or event.gpu_instance_id == ours


def _register(handle: Handle, instance_id: int | None) -> _Registration:
    with ExitStack() as stack:
        events = stack.enter_context(handle.driver.xid_events(handle.device()))
        return _Registration(events, instance_id, stack.pop_all())
