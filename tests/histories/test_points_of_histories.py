"""Points: what of a result a history can have, repeats as one point, and in what environments differ."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from migperf.gpus.partition import PartitionKind, Share
from migperf.gpus.sharing import SharingMode
from migperf.histories.environment import changes_between, facts_of
from migperf.histories.hardware import Companion, HardwareClass
from migperf.histories.points import PointFigure, combined, figures_of
from migperf.histories.watch import Watch
from migperf.histories.watched_metrics import USUAL, better_of
from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Scope
from migperf.statistics.detection.metric_rule import Better
from tests.builders import partition

values = st.floats(1e-6, 1e9)


def test_what_has_no_positive_value_is_no_figure_of_a_point() -> None:
    made = [
        ResultFigure(name="none", unit="ms", scope=Scope.PROCESS, absent="too few"),
        ResultFigure(name="zero", unit="ms", scope=Scope.PROCESS, value=0.0),
        ResultFigure(name="there", unit="ms", scope=Scope.PROCESS, value=2.0),
    ]
    assert figures_of(made) == {"there": PointFigure(value=2.0, unit="ms")}


@given(st.lists(values, min_size=2, max_size=8))
def test_repeats_are_one_point_between_them_with_their_own_spread(repeats: list[float]) -> None:
    found = combined(
        [{"latency_p50": PointFigure(value=value, unit="ms", low=1, high=2, level=0.9)} for value in repeats]
    )
    figure = found["latency_p50"]
    assert min(repeats) * 0.999 <= figure.value <= max(repeats) * 1.001
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low <= figure.value * 1.001
    assert figure.value * 0.999 <= figure.high
    assert figure.value == pytest.approx(math.exp(sum(map(math.log, repeats)) / len(repeats)))


def test_one_repeat_stays_as_it_is_and_what_some_lack_or_tell_in_other_units_is_left_out() -> None:
    one = {"a": PointFigure(value=1.0, unit="ms"), "b": PointFigure(value=1.0, unit="ms")}
    assert combined([one]) == one
    assert set(combined([one, {"a": PointFigure(value=1.1, unit="ms"), "b": PointFigure(value=1.0, unit="s")}])) == {
        "a"
    }


def test_clocks_that_are_nearly_the_same_are_no_difference_and_a_missing_fact_is_one() -> None:
    before, after = {"clock_sm_mhz": 1410.0, "torch": "2.12"}, {"clock_sm_mhz": 1425.0, "torch": "2.13", "cuda": "13"}
    changes = changes_between(before, after)
    assert [(one.name, one.before, one.after) for one in changes] == [("cuda", None, "13"), ("torch", "2.12", "2.13")]
    assert changes[1].text == "torch 2.12 → 2.13"
    assert [one.name for one in changes_between(before, {"clock_sm_mhz": 1200.0, "torch": "2.12"})] == ["clock_sm_mhz"]


def test_what_is_peculiar_to_one_run_is_no_fact_of_its_environment() -> None:
    environment = {"torch": "2.12", "load_average_1min": 3.0, "hygiene": {}, "seed": 4}
    facts = facts_of(environment, partition(driver_version="590.12"), "node-1", {"commit": "4f1c2d7", "who": "ada"})
    assert facts == {
        "torch": "2.12",
        "driver_version": "590.12",
        "node": "node-1",
        "device_uuid": "CPU-1",
        "label.commit": "4f1c2d7",
    }


def test_hardware_classes_are_the_same_for_equal_pieces_of_equal_boards_and_no_others() -> None:
    slice_a = partition("MIG-1", PartitionKind.MIG, profile="1g.10gb", gpu_uuid="GPU-1")
    slice_b = partition("MIG-2", PartitionKind.MIG, profile="1g.10gb", gpu_uuid="GPU-2")
    larger = partition("MIG-3", PartitionKind.MIG, profile="2g.20gb", gpu_uuid="GPU-1")
    share = partition(
        "GPU-1/mps.0",
        PartitionKind.MPS,
        share=Share(mode=SharingMode.MPS, of="GPU-1", of_kind=PartitionKind.GPU, of_profile=None, index=0, count=2),
    )
    company = (Companion(role="client", fingerprint="b"), Companion(role="client", fingerprint="a"))
    assert HardwareClass.of(slice_a).key() == HardwareClass.of(slice_b).key()
    classes = [HardwareClass.of(slice_a), HardwareClass.of(larger), HardwareClass.of(share)]
    classes.append(HardwareClass.of(share, company))
    assert len({one.key() for one in classes}) == 4
    assert HardwareClass.of(share, company).key() == HardwareClass.of(share, company[::-1]).key()
    assert classes[0].title == "a processor 1g.10gb"


def test_directions_of_usual_metrics_are_known_and_others_have_to_be_told() -> None:
    assert all(better_of(name) is not None for name in USUAL)
    assert (better_of("throughput"), better_of("energy_per_sample")) == (Better.HIGHER, Better.LOWER)
    with pytest.raises(ValidationError, match=r"metrics\.accuracy: is accuracy better higher or lower"):
        Watch.model_validate({"metrics": {"accuracy": {}}})
    watch = Watch.model_validate(
        {"metrics": {"accuracy": {"better": "higher"}, "latency_p99": {"minimum_effect": 0.1}}}
    )
    assert watch.rule("accuracy").better is Better.HIGHER
    assert watch.rule("latency_p99").minimum_effect == 0.1
