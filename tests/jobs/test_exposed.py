"""Names and units on a node's page follow Prometheus's conventions, whatever is in the catalogue."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.jobs.exposed import LABELS, family_of, in_base_unit, labels_of, subject_of
from migperf.metrics import catalogue
from migperf.metrics.metric import Kind, Metric, Quantity, Scope

QUANTITIES = [q for q in vars(catalogue).values() if isinstance(q, Quantity) and q.kind is not Kind.EVENT]
METRICS = [Metric.of(q, scope, "nvml") for q in QUANTITIES for scope in (Scope.GPU, Scope.INSTANCE, Scope.HOST)]
BASE_UNITS = {"ratio", "bytes", "second", "seconds", "watts", "joules", "celsius", "hertz", "cores"}


def metric(quantity: Quantity, scope: Scope = Scope.GPU) -> Metric:
    return Metric.of(quantity, scope, "nvml")


@pytest.mark.parametrize("one", METRICS, ids=lambda one: f"{one.name}-{one.scope}")
def test_every_name_is_legal_has_its_base_unit_and_a_help_text(one: Metric) -> None:
    family = family_of(one)
    assert re.fullmatch(r"migperf_(gpu|partition|host)_[a-z0-9_]+", family.name)
    assert one.unit == "1" or family.name.rpartition("_")[2] in BASE_UNITS
    assert (family.type == "counter") is (one.kind is Kind.COUNTER)
    assert family.documentation[0].isupper()
    assert "." in family.documentation


def test_what_a_partition_has_to_itself_is_named_so_on_a_whole_gpu_too() -> None:
    for quantity in (catalogue.GRACT, catalogue.FB_USED, catalogue.PROCESSES):
        assert subject_of(metric(quantity, Scope.GPU)) == subject_of(metric(quantity, Scope.INSTANCE)) == "partition"
    assert subject_of(metric(catalogue.PCIE_SENT)) == subject_of(metric(catalogue.POWER_INSTANT)) == "gpu"


@pytest.mark.parametrize(
    ("quantity", "name", "value", "exposed"),
    [
        (catalogue.GRACT, "migperf_partition_gract_ratio", 57.0, 0.57),
        (catalogue.FB_USED, "migperf_partition_fb_used_bytes", 1.5, 1_572_864),
        (catalogue.CLOCK_SM, "migperf_gpu_clock_sm_hertz", 1980.0, 1.98e9),
        (catalogue.ENERGY, "migperf_gpu_energy_joules", 12.5, 12.5),
        (catalogue.TEMPERATURE_GPU, "migperf_gpu_temperature_celsius", 41.0, 41.0),
        (catalogue.PCIE_SENT, "migperf_gpu_pcie_sent_bytes_per_second", 2.0, 2_097_152),
        (catalogue.GPU_SAMPLER_COST, "migperf_gpu_gpu_sampler_cost_seconds", 2.0, 0.002),
        (catalogue.THROTTLED_POWER, "migperf_gpu_throttled_power_seconds", 3.0, 3.0),
    ],
)
def test_units_become_base_units(quantity: Quantity, name: str, value: float, exposed: float) -> None:
    assert family_of(metric(quantity)).name == name
    assert in_base_unit(metric(quantity), value) == exposed


@given(st.sampled_from(METRICS), st.floats(0, 1e12))
def test_no_value_becomes_more_or_less_than_a_constant_times_itself(one: Metric, value: float) -> None:
    assert in_base_unit(one, 2 * value) == pytest.approx(2 * in_base_unit(one, value), rel=1e-12)
    assert in_base_unit(one, 0.0) == 0.0


def test_the_reason_of_throttling_is_a_label() -> None:
    one = metric(catalogue.THROTTLE_HW_THERMAL)
    assert family_of(one).name == "migperf_gpu_throttled"
    assert labels_of(one, ("GPU-1", "node-1")) == ("GPU-1", "node-1", "hw_thermal")
    assert labels_of(metric(catalogue.CLOCKS_IDLE), ("GPU-1", "node-1")) == ("GPU-1", "node-1")
    assert LABELS[subject_of(one)] == ("gpu", "node")
