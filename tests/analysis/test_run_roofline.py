"""A stored run under the roofs of its partition: the latest calibration counts, and what is missing is said."""

import pytest

from migperf.analysis.calibration import COPY, product
from migperf.analysis.roofline import Bound
from migperf.analysis.run_roofline import RunRoofline, roofline_of
from migperf.errors import NotFoundError
from migperf.store.database import Database
from migperf.store.latest import latest_succeeded
from migperf.store.states import RunState
from tests.analysis.calibrated_runs import UUID, calibrated, calibration, figures, ran, registered
from workloads.micro.parameters import Precision

COST = {"flops": 1e12, "bytes": 20e9, "least_bytes": 1e9}


def drawn(database: Database, run_id: str) -> RunRoofline:
    with database.read() as session:
        return roofline_of(session, run_id)


def test_a_run_is_placed_between_its_unfused_and_its_least_bytes(database: Database) -> None:
    registered(database)
    products, copies = calibrated(database)
    found = drawn(database, ran(database, figures(20, samples_per_step=32, **COST)))
    assert found.absent is None
    assert found.measured is not None
    assert found.measured.steps_per_s.value == pytest.approx(4)
    assert found.measured.steps_per_s.interval is not None
    assert found.measured.steps_per_s.interval.low == pytest.approx(4 * 0.98)
    assert found.bandwidth is not None
    assert (found.bandwidth.run_id, found.bandwidth.per_s.value) == (copies, pytest.approx(100e9))
    [roof] = found.roofs
    assert (roof.precision, roof.flops.run_id, roof.ridge) == (Precision.FP32, products, pytest.approx(100))
    assert (roof.unfused.intensity, roof.unfused.bound) == (50, Bound.MEMORY)
    assert roof.unfused.fraction.value == pytest.approx(0.8)
    assert (roof.least.intensity, roof.least.bound) == (1000, Bound.COMPUTE)
    assert roof.least.fraction.value == pytest.approx(0.4)
    assert roof.least.fraction.interval is not None
    assert roof.least.fraction.interval.low == pytest.approx(0.4 * 0.972, rel=1e-3)


def test_every_calibrated_precision_has_a_roof_and_the_latest_run_of_each_counts(database: Database) -> None:
    registered(database)
    calibrated(database)
    per_step = {"flops": 1e12, "bytes": 1.0, "least_bytes": 1.0}
    for precision, steps in ((Precision.FP32, 100), (Precision.BF16, 500)):
        calibration(database, product(precision), steps, per_step)
    calibration(database, product(Precision.FP32), 5000, per_step, state=RunState.FAILED)
    found = drawn(database, ran(database, figures(20, **COST)))
    assert {roof.precision: roof.flops.per_s.value for roof in found.roofs} == {
        Precision.FP32: pytest.approx(20e12),
        Precision.BF16: pytest.approx(100e12),
    }


@pytest.mark.parametrize("computed_in", [Precision.FP32, Precision.BF16])
def test_the_roof_of_the_precision_that_the_run_computed_in_comes_first(
    database: Database, computed_in: Precision
) -> None:
    registered(database)
    calibrated(database)
    calibration(database, product(Precision.BF16), 500, {"flops": 1e12, "bytes": 1.0, "least_bytes": 1.0})
    run = {"workload": "resnet18", "scenario": "offline", "engine": {"precision": str(computed_in)}}
    first, other = drawn(database, ran(database, figures(20, **COST), **run)).roofs
    assert (first.precision, first.of_run, other.of_run) == (computed_in, True, False)


def test_a_product_of_another_size_and_another_partition_are_no_calibration(database: Database) -> None:
    registered(database, UUID, "GPU-2")
    calibrated(database, uuid="GPU-2")
    small = product(Precision.FP32).parameters | {"size": 64}
    ran(database, figures(9, **COST), workload="matrix-product", scenario="offline", parameters=small)
    run = ran(database, figures(20, **COST))
    found = drawn(database, run)
    assert found.roofs == ()
    assert found.measured is not None
    assert found.absent == (
        "partition GPU-1 is not calibrated: no run of memory-copy has succeeded on it as `migperf calibrate` makes it; "
        "`migperf calibrate --where partition=GPU-1` does"
    )
    calibration(database, COPY, 250, {"flops": 0, "bytes": 2e9, "least_bytes": 2e9})
    half = drawn(database, run)
    assert "no run of matrix-product has succeeded" in (half.absent or "")
    assert half.bandwidth is not None


def test_a_copy_over_the_bus_neither_calibrates_nor_has_a_roofline(database: Database) -> None:
    registered(database)
    _, within = calibrated(database)
    absent = [figure.model_copy(update={"value": None, "absent": "over the bus"}) for figure in figures(1, **COST)[1:]]
    over_the_bus = COPY.parameters | {"direction": "host_to_device"}
    found = [*figures(250), *absent]
    copies = ran(database, found, workload=COPY.workload, scenario="offline", parameters=over_the_bus)
    roofline = drawn(database, ran(database, figures(20, **COST)))
    assert roofline.bandwidth is not None
    assert roofline.bandwidth.run_id == within
    assert drawn(database, copies).absent == "flops_per_step: over the bus"


def test_a_calibration_of_an_older_version_that_counted_nothing_is_none(database: Database) -> None:
    registered(database)
    ran(database, figures(9), workload=COPY.workload, scenario="offline", parameters=COPY.parameters)
    assert "not calibrated" in (drawn(database, ran(database, figures(20, **COST))).absent or "")


@pytest.mark.parametrize(
    ("steps", "cost", "state", "reason"),
    [
        (20, COST, RunState.FAILED, "the run is failed"),
        (20, {}, RunState.SUCCEEDED, "has no figure flops_per_step; it is from a version that did not count it"),
        (20, dict.fromkeys(COST, 0.0), RunState.SUCCEEDED, "neither FLOPs nor bytes"),
    ],
)
def test_a_run_that_cannot_be_placed_says_why(
    database: Database, steps: int, cost: dict[str, float], state: RunState, reason: str
) -> None:
    registered(database)
    calibrated(database)
    found = drawn(database, ran(database, figures(steps, **cost), state=state))
    assert (found.measured, found.roofs) == (None, ())
    assert reason in (found.absent or "")


def test_a_figure_that_is_absent_gives_its_own_reason(database: Database) -> None:
    registered(database)
    absent = [
        figure.model_copy(update={"value": None, "absent": "the payload has 3 steps"})
        if figure.name == "flops_per_step"
        else figure
        for figure in figures(20, **COST)
    ]
    assert drawn(database, ran(database, absent)).absent == "flops_per_step: the payload has 3 steps"


def test_a_run_without_an_interval_is_placed_without_one(database: Database) -> None:
    registered(database)
    calibrated(database)
    [roof] = drawn(database, ran(database, figures(20, spread=None, **COST))).roofs
    assert roof.least.fraction.value == pytest.approx(0.4)
    assert roof.least.fraction.interval is None


def test_an_unknown_run_is_an_error(database: Database) -> None:
    with pytest.raises(NotFoundError):
        drawn(database, "none")


def test_the_latest_run_is_found_by_the_parameters_that_matter(database: Database) -> None:
    registered(database)
    slow, quick = ({"step_ms": ms, "samples": 2} for ms in (5, 1))
    first = ran(database, [], parameters=slow)
    second = ran(database, [], parameters=slow)
    other = ran(database, [], parameters=quick)
    with database.read() as session:

        def latest(scenario: str = "single_stream", **parameters: object) -> str | None:
            found = latest_succeeded(session, UUID, "test-step", scenario, parameters)
            return found and found.id

        assert latest() == latest(samples=2) == other
        assert latest(step_ms=5) == second != first
        assert latest(step_ms=5, samples=3) is None
        assert latest(unknown=None) is None
        assert latest(scenario="offline") is None
