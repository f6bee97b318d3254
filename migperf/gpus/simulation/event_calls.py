"""The events that a simulated GPU tells of: the errors (XID) that a test lets happen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from migperf.gpus.driver import Device, XidEvent, XidEvents
from migperf.gpus.simulation import lookup
from migperf.gpus.simulation.core import SimulatedCore
from migperf.gpus.simulation.state import Host


class EventCalls(SimulatedCore):
    """What NVML's event sets tell of errors."""

    @contextmanager
    def xid_events(self, device: Device) -> Iterator[XidEvents]:
        """Watch for errors that any driver of this host reports: of a GPU all, of a MIG device those on it alone.

        A GPU that is lost may still be told of: that is what XID 79 says.
        """
        call = "nvmlDeviceRegisterEvents"
        found = lookup.device(self._host(call), call, device)
        ids = None if found.mig is None else (found.mig.gpu_instance_id, found.mig.id)
        yield _XidWatch(lambda: self._host("nvmlEventSetWait_v2"), found.gpu.uuid, ids)


class _XidWatch:
    """Compares how many errors there were with how many it has seen."""

    def __init__(self, host: Callable[[], Host], gpu_uuid: str, ids: tuple[int, int] | None) -> None:
        self._host = host
        self._gpu_uuid = gpu_uuid
        self._ids = ids
        self._seen = host().xid_count

    def poll(self) -> tuple[XidEvent, ...]:
        """Return the errors since the last call, as far as the host has kept them (``XIDS_KEPT``)."""
        host = self._host()
        fresh, self._seen = host.xid_count - self._seen, host.xid_count
        return tuple(event for event in host.xids[max(0, len(host.xids) - fresh) :] if self._concerns(event))

    def _concerns(self, event: XidEvent) -> bool:
        ids = event.gpu_instance_id, event.compute_instance_id
        return event.gpu_uuid == self._gpu_uuid and self._ids in (None, ids)
