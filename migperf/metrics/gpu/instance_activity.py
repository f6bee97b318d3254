"""How active every GPU instance of a board is, as far as its multiprocessors tell."""

from collections.abc import Mapping
from dataclasses import dataclass

from migperf.gpus.driver import Device, GpmReader
from migperf.gpus.inventory import gpu_instance_profiles, mig_devices
from migperf.gpus.nvml_errors import NvmlError, nvml_error
from migperf.metrics.absence import Absence, AbsenceState, absence_of
from migperf.metrics.gpu.asking import is_blank, no_data
from migperf.metrics.gpu.handle import Handle

SM_ACTIVE_ID = 2
"""NVML_GPM_METRIC_SM_UTIL."""


@dataclass(frozen=True, slots=True)
class Activity:
    """The mean of SM activity since the reading before, %, and of how many multiprocessors."""

    sm_active_pct: float
    sm_count: int

    @property
    def busy_sms(self) -> float:
        """The multiprocessors that were active, on average."""
        return self.sm_active_pct / 100 * self.sm_count


@dataclass(frozen=True, slots=True)
class Activities:
    """Of each GPU instance that has a compute instance, by its id; or why it is not known of all of them."""

    by_instance: Mapping[int, Activity]
    absence: Absence | None = None
    too_early: bool = False


@dataclass(frozen=True, slots=True)
class _Instance:
    reader: GpmReader
    sm_count: int


class InstanceActivity:
    """Reads all GPU instances of a board. Instances without a compute instance do nothing, and are left out."""

    def __init__(self, gpu: Handle) -> None:
        self._gpu = gpu
        self._found: Mapping[str, int] = {}
        self._instances: dict[int, _Instance] = {}

    @property
    def instance_ids(self) -> Mapping[str, int]:
        """The id of the GPU instance that each MIG device was in at the last reading, by the UUID of the device."""
        return self._found

    def read(self) -> Activities:
        """Return the activity of all instances since the reading before; raises NvmlError if they cannot be listed."""
        self._look()
        read = {instance_id: self._read_one(instance_id) for instance_id in self._instances}
        absence = next((one for one in read.values() if isinstance(one, Absence)), None)
        if absence is not None:
            return Activities({}, absence)
        known = {instance_id: one for instance_id, one in read.items() if isinstance(one, Activity)}
        return Activities(known, too_early=len(known) < len(read))

    def close(self) -> None:
        """Give the readers' samples back; the next reading begins anew."""
        for instance in self._instances.values():
            instance.reader.close()
        self._instances, self._found = {}, {}

    def _look(self) -> None:
        """Begin anew if the board is cut differently from the last reading."""
        driver, device = self._gpu.driver, self._gpu.device()
        found = {driver.uuid(one): driver.gpu_instance_id_of(one) for one in mig_devices(driver, device)}
        if found == self._found:
            return
        self.close()
        sm_counts = {profile.id: profile.sm_count for profile in gpu_instance_profiles(driver, device)}
        for instance_id in sorted(set(found.values())):
            self._instances[instance_id] = self._open(device, instance_id, sm_counts)
        self._found = found

    def _open(self, device: Device, instance_id: int, sm_counts: Mapping[int, int]) -> _Instance:
        driver = self._gpu.driver
        profile_id = driver.gpu_instance_info(driver.gpu_instance_by_id(device, instance_id)).profile_id
        return _Instance(driver.gpm_reader(device, instance_id, (SM_ACTIVE_ID,)), sm_counts[profile_id])

    def _read_one(self, instance_id: int) -> Activity | Absence | None:
        """Return None where it is too early."""
        instance = self._instances[instance_id]
        try:
            (value,), (code,) = instance.reader.read()
        except NvmlError as error:
            return _of_instance(instance_id, absence_of(error))
        if code:
            refusal = nvml_error(int(code), f"nvmlGpmMetricsGet({SM_ACTIVE_ID})", self._gpu.uuid)
            return _of_instance(instance_id, absence_of(refusal))
        if value != value:  # noqa: PLR0124 - NaN
            return None
        if is_blank(float(value)):
            return _of_instance(instance_id, no_data(f"nvmlGpmMetricsGet({SM_ACTIVE_ID})"))
        return Activity(float(value), instance.sm_count)


def _of_instance(instance_id: int, absence: Absence) -> Absence:
    # What is lost to one instance is merely unknown to the others, whose estimates need it.
    state = AbsenceState.NO_DATA if absence.state is AbsenceState.LOST else absence.state
    return Absence(state, f"the activity of GPU instance {instance_id} is not known: {absence.reason}")
