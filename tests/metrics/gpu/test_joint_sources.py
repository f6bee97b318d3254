"""Instances of a GPU that are read together: each is read as if by itself, whatever becomes of the others."""

import time

import pytest

from migperf.gpus.inventory import discover
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml_errors import NvmlNoDataError, NvmlNoPermissionError
from migperf.gpus.partition import Partition
from migperf.metrics.absence import Absence
from migperf.metrics.gpu.gpm import ACTIVITY, GPM_PERIOD_NS
from migperf.metrics.gpu.plan import joint_sources, partition_sources
from migperf.metrics.source import JointSource, Source
from tests.gpus.nvml.fake_host import FakeHost
from tests.gpus.nvml.mig import mig_device, with_mig_on
from tests.metrics.gpu.broken import BrokenDriver
from tests.metrics.gpu.test_gpu_failures import absent
from tests.metrics.gpu.world import MS, KnownMeters, S, World

OWN = {"fb_used", "fb_free", "fb_reserved", *(quantity.name for quantity in ACTIVITY.values())}
Seen = dict[str, float | Absence | None]
Joined = list[tuple[JointSource, slice]]


def join(joint: tuple[JointSource, ...], sources: tuple[Source, ...]) -> Joined:
    """Let joint sources read what they can of the sources of a run."""
    found = [(one, one.join(source)) for one in joint for source in sources]
    return [(one, columns) for one, columns in found if columns is not None]


def read(joint: tuple[JointSource, ...], runs: list[Joined], now_ns: int) -> list[Seen]:
    """Read each joint source once; return what each run sees of it."""
    rows = {id(one): one.read(now_ns).copy() for one in joint}
    return [
        {
            one.metrics[index].name: why(one, index, float(rows[id(one)][index]))
            for one, columns in run
            for index in range(columns.start, columns.stop)
        }
        for run in runs
    ]


def why(source: Source, index: int, value: float) -> float | Absence | None:
    reason = source.why_not(index)
    assert value != value or reason is None  # noqa: PLR0124
    return value if value == value else reason  # noqa: PLR0124


class Together:
    """A simulated H100 that is cut; runs on its instances join what is read together."""

    def __init__(self, instances: int = 3) -> None:
        self.world = World("h100-80gb", instances=instances)
        self.driver = BrokenDriver(self.world.driver, clock=lambda: self.world.now_ns)
        self.partitions = self.world.partitions
        self.joint = joint_sources(self.driver, self.world.gpu_uuid)  # type: ignore[arg-type]
        self.runs: list[Joined] = []

    def sources(self, partition: Partition) -> tuple[Source, ...]:
        return partition_sources(self.driver, partition)  # type: ignore[arg-type]

    def watch(self, partition: Partition) -> Joined:
        self.runs.append(join(self.joint, self.sources(partition)))
        return self.runs[-1]

    def after(self, passed_ns: int) -> list[Seen]:
        self.world.now_ns += passed_ns
        return read(self.joint, self.runs, self.world.now_ns)

    def instance_id(self, run: int) -> int:
        found = self.world.instance_id(self.partitions[run])
        assert found is not None
        return found


@pytest.fixture
def together() -> Together:
    """Three instances with a run on each, all of which have had values."""
    together = Together()
    for partition in together.partitions:
        together.watch(partition)
    together.after(0)
    together.after(GPM_PERIOD_NS)
    return together


def test_each_run_sees_what_sources_of_its_own_would_have_said(together: Together) -> None:
    before_ns = together.world.now_ns
    seen = together.after(GPM_PERIOD_NS)
    meters, now_ns = KnownMeters(), together.world.now_ns
    for run, values in enumerate(seen):
        instance_id = together.instance_id(run)
        memory = meters.instance("", instance_id, now_ns)
        gpm = {q.name: meters.gpm("", instance_id, i, (before_ns, now_ns)) for i, q in ACTIVITY.items()}
        assert set(values) == OWN
        assert {name: values[name] for name in gpm} == pytest.approx(gpm, rel=1e-12)
        assert values["fb_used"] == (memory.memory_used_bytes or 0) / (1 << 20)


def test_only_instances_on_which_somebody_is_watched_are_read() -> None:
    together = Together()
    together.after(S)
    assert "gpm_sample" not in together.driver.calls
    together.watch(together.partitions[1])
    together.after(S)
    assert [together.driver.calls.count(call) for call in ("gpm_sample", "memory")] == [1, 1]


def test_an_instance_that_fails_leaves_the_others_alone_and_comes_back(together: Together) -> None:
    lost = together.instance_id(1)
    together.world.remove_instance(lost)
    first, second, third = together.after(GPM_PERIOD_NS)
    assert absent(second) == dict.fromkeys(OWN, "lost")
    assert absent(first) == absent(third) == {}
    together.world.add_instance()
    first, second, third = together.after(2 * S)
    assert absent(second) == dict.fromkeys(OWN, "lost"), "another instance has got its id"
    assert absent(first) == absent(third) == {}


def test_after_a_failure_all_begin_anew_and_no_average_reaches_across(together: Together) -> None:
    together.driver.fail_always("gpm_sample", NvmlNoDataError.code)
    assert all(set(absent(seen).values()) == {"no_data"} for seen in together.after(GPM_PERIOD_NS))
    together.driver.heal()
    assert all(seen["gract"] is None for seen in together.after(GPM_PERIOD_NS))
    begin_ns = together.world.now_ns
    seen = together.after(GPM_PERIOD_NS)
    window_ns = begin_ns, together.world.now_ns
    assert seen[0]["gract"] == pytest.approx(KnownMeters().gpm("", together.instance_id(0), 1, window_ns))


def test_what_is_not_permitted_is_asked_for_seldom(together: Together) -> None:
    together.driver.fail_always("memory", NvmlNoPermissionError.code)
    together.after(S)
    together.driver.calls.clear()
    for _ in range(50):
        seen = together.after(200 * MS)
    assert together.driver.calls.count("memory") <= 2 * 3
    assert {seen[0][name].state for name in ("fb_used", "fb_free")} == {"no_permission"}  # type: ignore[union-attr]


def test_a_run_that_begins_where_another_has_ended_gets_no_average_from_before(together: Together) -> None:
    for joint, columns in together.runs[0]:
        joint.leave(columns)
    together.after(GPM_PERIOD_NS)
    later = together.watch(together.partitions[0])
    *_, seen = together.after(5 * S)
    assert later
    assert seen["gract"] is None
    assert isinstance(together.after(GPM_PERIOD_NS)[-1]["gract"], float)


def test_two_runs_on_one_instance_share_its_reading() -> None:
    together = Together(instances=1)
    first, second = (together.watch(together.partitions[0]) for _ in range(2))
    together.after(S)
    assert together.driver.calls.count("gpm_sample") == 1
    for joint, columns in first:
        joint.leave(columns)
    assert second
    assert absent(together.after(S)[1]) == {}, "the other goes on"


def test_an_instance_that_came_later_is_not_known_and_read_by_sources_of_its_own() -> None:
    together = Together(instances=1)
    known = {partition.uuid for partition in together.partitions}
    together.world.add_instance()
    (new,) = [partition for partition in together.world.partitions if partition.uuid not in known]
    assert together.watch(new) == []


def test_a_gpu_that_is_not_cut_or_does_not_answer_has_nothing_to_join() -> None:
    whole = World("h100-80gb")
    assert joint_sources(whole.driver, whole.gpu_uuid) == ()
    assert joint_sources(whole.driver, "GPU-0") == ()


def test_metrics_that_stay_absent_are_told_to_be_steady(together: Together) -> None:
    """Then nobody needs to look at them at every turn."""
    (gpm,) = [joint for joint in together.joint if joint.metrics[0].source == "gpm"]
    together.after(GPM_PERIOD_NS)
    assert gpm.steady  # type: ignore[attr-defined]
    together.driver.fail_single(1, NvmlNoDataError.code)
    steady = []
    for _ in range(3):
        together.after(GPM_PERIOD_NS)
        steady.append(gpm.steady)  # type: ignore[attr-defined]
    assert steady == [False, True, True]


# --- the C library ---


def test_the_library_is_read_for_all_instances_together(host: FakeHost) -> None:
    host.start("h100-80gb")
    with NvmlLibrary.open() as driver:
        gpu = with_mig_on(driver)
        cut = [mig_device(driver, gpu) for _ in range(3)]
        partitions = discover(driver, offer_cpu=False).partitions
        ids = [driver.gpu_instance_id_of(driver.device_by_uuid(partition.uuid)) for partition in partitions]
        for instance_id in ids:
            for metric_id in ACTIVITY:
                host.set_gpm(0, metric_id, metric_id + instance_id / 100, gpu_instance_id=instance_id)
        joint = joint_sources(driver, partitions[0].gpu_uuid or "")
        runs = [join(joint, partition_sources(driver, partition)) for partition in partitions]
        now_ns = 0

        def after_a_while() -> list[Seen]:
            nonlocal now_ns
            time.sleep(0.102)
            now_ns += S
            return read(joint, runs, now_ns)

        after_a_while()
        for seen, instance_id in zip(after_a_while(), ids, strict=True):
            assert seen["gract"] == 1 + instance_id / 100
            assert seen["fb_used"] == 0
            assert set(seen) == OWN
        gone = next(device for device in cut if driver.gpu_instance_id_of(device[2]) == ids[1])
        driver.destroy_compute_instance(gone[1])
        first, second, third = after_a_while()
        assert absent(first) == absent(third) == {}
        assert second["gract"] != 1 + ids[1] / 100
        assert set(absent(second)) == OWN
        for one in joint:
            one.close()
        assert host.held_samples() == 0
