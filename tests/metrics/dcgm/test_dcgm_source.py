"""What is told of a GPU or GPU instance is what the page says of it, in our units; the rest is absent, with reasons."""

import math
import threading
import time
from collections.abc import Callable

import pytest

from migperf.gpus.partition import Partition, PartitionKind
from migperf.metrics import catalogue
from migperf.metrics.absence import AbsenceState
from migperf.metrics.dcgm.exporter import Exporter
from migperf.metrics.dcgm.source import DcgmSource, dcgm_sources
from migperf.metrics.metric import Kind, Scope
from tests.metrics.dcgm.fake_exporter import PERIOD_S, FakeExporter, absent, next_page, read_until
from tests.metrics.dcgm.pages import A30, A100, Labels, a30, a100_in_seven, merged, page, whole_a100

WHOLE = Partition(uuid=A100, kind=PartitionKind.GPU, model="NVIDIA A100-SXM4-80GB", gpu_uuid=A100)
CUT = Partition(uuid="MIG-1", kind=PartitionKind.MIG, model=WHOLE.model, gpu_uuid=A100, profile="1g.10gb")
GRACT = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
S = 1_000_000_000


@pytest.fixture
def opened(exporter: Exporter, request: pytest.FixtureRequest) -> Callable[..., tuple[DcgmSource, ...]]:
    """Opens the sources of a partition (the board's, then its own), and closes them at the end."""

    def open_sources(
        partition: Partition, instance: int | None = None, have: tuple[str, ...] = ()
    ) -> tuple[DcgmSource, ...]:
        sources = dcgm_sources(exporter, partition, instance, have)
        for source in sources:
            request.addfinalizer(source.close)
        return sources

    return open_sources


def test_a_whole_a100_tells_everything_in_our_units(fake: FakeExporter, opened) -> None:
    fake.page = merged(whole_a100(), a30())
    board, activity = opened(WHOLE)
    assert next_page(board) == {
        "pcie_sent": 10.0,
        "pcie_received": 0.5,
        "nvlink_sent": 0.0,
        "nvlink_received": 2.0,
        "energy": 5912345.678,
        "power_instant": 287.125,
    }
    assert next_page(activity) == {
        "gract": 91.25,
        "sm_active": 75.0,
        "sm_occupancy": 31.25,
        "tensor_active": 50.0,
        "dram_active": 62.5,
        "fp64_active": 0.0,
        "fp32_active": 12.5,
        "fp16_active": 6.25,
        "tensor_imma_active": 0.0,
        "tensor_hmma_active": 50.0,
        "tensor_dfma_active": 0.0,
        "integer_active": 25.0,
        "fb_free": 70000.0,
        "fb_used": 10240.0,
        "fb_reserved": 680.0,
    }
    assert {metric.scope for source in (board, activity) for metric in source.metrics} == {Scope.GPU}


def test_each_of_seven_instances_tells_its_own_activity(fake: FakeExporter, opened) -> None:
    fake.page = merged(a100_in_seven())
    told = {instance: next_page(opened(CUT, instance)[1]) for instance in range(7, 14)}
    assert {instance: round(values["gract"]) for instance, values in told.items()} == {i: i for i in range(7, 14)}
    assert {instance: values["fb_used"] for instance, values in told.items()} == {i: 100 + i for i in range(7, 14)}


def test_power_energy_and_pcie_of_a_cut_gpu_are_the_boards(fake: FakeExporter, opened) -> None:
    fake.page = merged(a100_in_seven())
    board, activity = opened(CUT, 9)
    told = next_page(board)
    assert (told["power_instant"], told["energy"], told["pcie_sent"]) == (214.5, 7000.0, 3.0)
    assert {metric.scope for metric in board.metrics} == {Scope.GPU}
    assert {metric.scope for metric in activity.metrics} == {Scope.INSTANCE}
    assert not {metric.name for metric in board.metrics} & {metric.name for metric in activity.metrics}


def test_the_names_of_dcgm_4_6_are_understood(fake: FakeExporter, opened) -> None:
    renamed = {
        "DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO": "0.5",
        "DCGM_FI_PROF_SM_UTIL_RATIO": "0.25",
        "DCGM_FI_PROF_SM_OCCUPANCY_RATIO": "0.125",
        "DCGM_FI_PROF_TENSOR_UTIL_RATIO": "0.75",
        "DCGM_FI_PROF_DRAM_UTIL_RATIO": "1.000000",
        "DCGM_FI_PROF_INT_UTIL_RATIO": "0.0625",
        "DCGM_FI_DEV_BOARD_POWER_WATTS": "300.5",
    }
    fake.page = page({name: [(Labels(), value)] for name, value in renamed.items()})
    board, activity = opened(WHOLE)
    told = next_page(activity)
    names = ("gract", "sm_active", "sm_occupancy", "tensor_active", "dram_active", "integer_active")
    assert [told[name] for name in names] == [50.0, 25.0, 12.5, 75.0, 100.0, 6.25]
    assert next_page(board)["power_instant"] == 300.5


def test_power_is_an_average_except_on_boards_whose_sensor_has_none(exporter: Exporter, opened) -> None:
    def names(model: str, architecture: str) -> set[str]:
        partition = WHOLE.model_copy(update={"model": model, "architecture": architecture})
        return {m.name for source in opened(partition) for m in source.metrics if m.name.startswith("power")}

    assert names("NVIDIA A100-PCIE-40GB", "ampere") == names("NVIDIA A30", "ampere") == {"power_instant"}
    assert names("Tesla V100-SXM2-32GB", "volta") == {"power_instant"}
    assert names("NVIDIA A10", "ampere") == names("NVIDIA H100 80GB HBM3", "hopper")
    assert names("NVIDIA A10", "ampere") == {"power_average", "power_instant"}


def test_what_one_has_already_is_not_offered(opened) -> None:
    have = tuple(quantity.name for quantity in (catalogue.FB_USED, catalogue.POWER_INSTANT, catalogue.ENERGY))
    offered = {metric.name for source in opened(WHOLE, have=have) for metric in source.metrics}
    assert not offered & set(have)
    assert "gract" in offered


def test_a_partition_without_a_known_instance_tells_of_its_board_alone(exporter: Exporter, opened) -> None:
    (board,) = opened(CUT)
    assert "gract" not in {metric.name for metric in board.metrics}
    assert opened(Partition(uuid="CPU-1", kind=PartitionKind.CPU, model="a CPU")) == ()


def test_nothing_is_asked_for_what_nobody_offers(fake: FakeExporter, opened) -> None:
    everything = tuple(metric.name for source in opened(WHOLE) for metric in source.metrics)
    assert opened(WHOLE, have=everything) == ()


def test_activity_is_an_average_and_a_gauge_may_be_as_old_as_the_page_is_long(opened) -> None:
    _, activity = opened(WHOLE)
    metrics = {metric.name: metric for metric in activity.metrics}
    assert (metrics["gract"].kind, metrics["gract"].lookback_ns) == (Kind.AVERAGE, 0)
    assert (metrics["fb_used"].kind, metrics["fb_used"].lookback_ns) == (Kind.GAUGE, round(PERIOD_S * S))
    assert {metric.period_ns for metric in activity.metrics} == {round(PERIOD_S * S)}
    assert {metric.source for metric in activity.metrics} == {"dcgm"}


def test_each_page_is_handed_out_once_and_in_between_it_is_too_early(fake: FakeExporter, opened) -> None:
    release = threading.Event()
    fake.page = merged(whole_a100())
    _, activity = opened(WHOLE)
    next_page(activity)
    began_ns = time.monotonic_ns()
    fake.respond = lambda handler: (release.wait(10), fake.answer(handler))
    read_until(activity, lambda row: math.isnan(row["gract"]))
    time.sleep(2 * PERIOD_S)  # a page that was under way has come
    activity.read(began_ns)
    assert all(math.isnan(value) for value in activity.read(began_ns)), "no time has passed in which one is due"
    assert activity.why_not(0) is None
    fake.page = merged(whole_a100({GRACT: "0.5"}))
    release.set()
    assert read_until(activity, lambda row: row["gract"] == 50.0)


def test_a_page_that_does_not_come_is_a_stall_until_it_comes(fake: FakeExporter, opened) -> None:
    release = threading.Event()
    fake.page = merged(whole_a100())
    fake.respond = lambda handler: (release.wait(10), fake.answer(handler))
    _, activity = opened(WHOLE)
    assert all(math.isnan(value) for value in activity.read(time.monotonic_ns()))
    assert activity.why_not(0) is None, "the first page may take its time"
    reasons = absent(activity, AbsenceState.STALLED)
    assert len(reasons) == len(activity.metrics)
    assert fake.url in reasons["gract"]
    assert f"every {PERIOD_S:g} s" in reasons["gract"]
    release.set()
    assert next_page(activity)["gract"] == 91.25
    assert activity.why_not(0) is None


def test_a_slow_exporter_delays_no_reading(fake: FakeExporter, opened) -> None:
    release = threading.Event()
    fake.respond = lambda _: release.wait(10)
    _, activity = opened(WHOLE)
    while fake.requests == 0:
        time.sleep(0.005)
    for _ in range(100):
        activity.read(time.monotonic_ns())
    assert not release.is_set(), "a hundred readings are done and the request is still under way"
    release.set()


def test_an_exporter_that_vanishes_and_comes_back_leaves_a_gap(fake: FakeExporter, opened) -> None:
    fake.page = merged(whole_a100())
    _, activity = opened(WHOLE)
    next_page(activity)
    fake.vanish()
    reasons = absent(activity, AbsenceState.FAILED)
    assert all(fake.url in reason and "ConnectError" in reason for reason in reasons.values())
    fake.open()
    assert next_page(activity)["gract"] == 91.25
    assert activity.why_not(0) is None


def test_a_field_that_the_page_does_not_have_is_not_supported_and_says_what_to_add(fake: FakeExporter, opened) -> None:
    fake.page = merged(a30())
    _, activity = opened(WHOLE.model_copy(update={"gpu_uuid": A30, "model": "NVIDIA A30"}))
    told = next_page(activity)
    assert (told["gract"], told["fb_used"]) == (33.0, 2048.0)
    assert math.isnan(told["sm_active"])
    reasons = absent(activity, AbsenceState.NOT_SUPPORTED)
    assert "add DCGM_FI_PROF_SM_ACTIVE to its collectors file" in reasons["sm_active"]
    assert "field 1016" in reasons["integer_active"]


@pytest.mark.parametrize(
    ("blank", "word"),
    [
        ("9223372036854775792", "blank"),
        ("9223372036854775794", "not supported"),
        ("140737488355331.000000", "not permitted"),
        ("2147483633", "not found"),
        ("NaN", "not a number"),
        ("<<<NULL>>>", "not a number"),
    ],
)
def test_a_blank_is_no_data_and_never_a_number(fake: FakeExporter, opened, blank: str, word: str) -> None:
    fake.page = merged(whole_a100({GRACT: blank}))
    _, activity = opened(WHOLE)
    told = next_page(activity)
    assert math.isnan(told["gract"])
    assert told["sm_active"] == 75.0
    reasons = absent(activity, AbsenceState.NO_DATA)
    assert set(reasons) == {"gract"}
    assert word in reasons["gract"]


def test_a_field_that_the_page_has_of_other_gpus_only_is_no_data(fake: FakeExporter, opened) -> None:
    rows = whole_a100() | {GRACT: [(Labels(uuid=A30), "0.5")]}
    fake.page = page(rows)
    _, activity = opened(WHOLE)
    assert math.isnan(next_page(activity)["gract"])
    assert A100 in absent(activity, AbsenceState.NO_DATA)["gract"]


def test_an_instance_that_the_exporter_does_not_know_is_no_data(fake: FakeExporter, opened) -> None:
    fake.page = merged(a100_in_seven(instances=[7, 8]))
    _, activity = opened(CUT, 9)
    reasons = absent(activity, AbsenceState.NO_DATA)
    assert "GPU instance 9" in reasons["gract"]
    assert "started again" in reasons["gract"]


def test_an_instance_of_an_earlier_layout_with_the_same_id_is_not_taken_for_ours(fake: FakeExporter, opened) -> None:
    stale = Labels(instance=1, profile="3g.40gb")
    fake.page = page({GRACT: [(stale, "0.9")]})
    _, activity = opened(CUT, 1)
    assert "takes GPU instance 1 of GPU" in absent(activity, AbsenceState.NO_DATA)["gract"]


@pytest.mark.parametrize(
    ("ours", "shown"), [("7g.80gb", "7g.79gb"), ("1c.2g.20gb", "2g.20gb"), ("1g.10gb+me", "<<<NULL>>>")]
)
def test_a_profile_that_is_only_written_otherwise_is_ours(fake: FakeExporter, opened, ours: str, shown: str) -> None:
    fake.page = page({GRACT: [(Labels(instance=1, profile=shown), "0.5")]})
    _, activity = opened(CUT.model_copy(update={"profile": ours}), 1)
    assert next_page(activity)["gract"] == 50.0


def test_a_gpu_that_is_cut_while_it_is_watched_is_absent_from_then_on(fake: FakeExporter, opened) -> None:
    fake.page = merged(whole_a100())
    _, activity = opened(WHOLE)
    next_page(activity)
    fake.page = merged(a100_in_seven())
    assert "no rows of GPU" in absent(activity, AbsenceState.NO_DATA)["gract"]
