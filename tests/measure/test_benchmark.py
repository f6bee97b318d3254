"""A benchmark is checked whole before anything is stored, and its fingerprint tells what may be compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from migperf.measure.benchmark import Benchmark
from migperf.store.requests import RunRequest

STEP = {"workload": "test-step", "scenario": "single_stream"}


def test_defaults_are_written_out() -> None:
    parameters = Benchmark.model_validate(STEP).parameters
    assert parameters == {"step_ms": 1.0, "samples": 1, "total_steps": None, "slowed_by": ""}


@pytest.mark.parametrize(
    ("change", "field", "remedy"),
    [
        ({"workload": "resnet5"}, ("workload",), "resnet50"),
        ({"scenario": "sideways"}, ("scenario",), "offline"),
        ({"workload": "test-misbehave", "scenario": "train"}, ("scenario",), "single_stream"),
        ({"parameters": {"step_ms": -1}}, ("parameters", "step_ms"), "greater than or equal to 0"),
        ({"parameters": {"step_ms": float("nan")}}, ("parameters", "step_ms", "float"), "finite"),
        ({"where": {"node": "n" * 256}}, ("where", "node"), "at most 255"),
        ({"parameters": {"stepms": 1}}, ("parameters", "stepms"), "Extra inputs are not permitted"),
        ({"method": {"min_s": 9, "max_s": 1}}, ("method",), "max_s"),
        ({"method": {"warmup": 1}}, ("method", "warmup"), "Extra inputs"),
        ({"where": "kind=tpu"}, ("where", "kind"), "cpu"),
        ({"colour": 1}, ("colour",), "Extra inputs"),
        ({"labels": {"bad key": "x"}}, ("labels", "bad key", "[key]"), "pattern"),
        ({"timeout_s": 0}, ("timeout_s",), "greater than 0"),
        ({"layout": "3g40gb"}, ("layout",), "write profiles joined by +"),
        ({"layout": "3g.40gb()"}, ("layout",), "nothing to run on"),
        ({"restore_layout": True}, ("restore_layout",), "only a run with a layout"),
        ({"layout": "3g.40gb", "where": {"profile": "2g.20gb"}}, ("where", "profile"), "makes 3g.40gb"),
        ({"layout": "3g.40gb", "where": {"kind": "cpu"}}, ("where", "kind"), "makes partitions of kind mig"),
        ({"layout": "off", "where": {"kind": "mig"}}, ("where", "kind"), "makes partitions of kind gpu"),
        ({"layout": "3g.40gb", "where": {"partition": "MIG-1"}}, ("where", "partition"), "by node and gpu_model"),
    ],
)
def test_a_refusal_names_the_field_and_the_remedy(
    change: dict[str, object], field: tuple[str, ...], remedy: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        RunRequest.model_validate({**STEP, **change})
    (error,) = refusal.value.errors()
    assert error["loc"] == field
    assert remedy in error["msg"]


@given(st.floats(0, 100), st.integers(0, 5), st.integers(1, 9))
def test_the_fingerprint_depends_on_parameters_and_method_alone(step_ms: float, seed: int, samples: int) -> None:
    def fingerprint(**change: object) -> str:
        return Benchmark.model_validate({**STEP, **change}).fingerprint()

    parameters = {"step_ms": step_ms, "samples": samples}
    base = fingerprint(parameters=parameters)
    assert fingerprint(parameters=dict(reversed(parameters.items())), seed=seed, where="kind=cpu") == base
    assert fingerprint(parameters={**parameters, "samples": samples + 1}) != base
    assert fingerprint(parameters=parameters, method={"min_s": 1}) != base
    assert fingerprint(parameters=parameters, scenario="offline") != base


def test_where_and_on_which_layout_a_run_is_measured_does_not_make_another_benchmark() -> None:
    """A history is told apart by hardware and layout in its environment, not by what was asked for."""
    plain = Benchmark.model_validate(STEP)
    cut = Benchmark.model_validate({**STEP, "layout": "2g.20gb+3g.40gb", "restore_layout": True})
    assert cut.fingerprint() == plain.fingerprint()
    assert cut.layout == "3g.40gb+2g.20gb", "written in one form"


def test_a_request_that_is_stored_and_read_again_is_the_same_benchmark() -> None:
    request = RunRequest.model_validate({**STEP, "priority": 3, "labels": {"a": "b"}})
    again = Benchmark.model_validate(request.benchmark().model_dump(mode="json"))
    assert again == request.benchmark()
    assert again.fingerprint() == request.fingerprint()


def test_the_software_environment_is_no_part_of_a_history_and_the_workers_own_has_a_name() -> None:
    asked = {"workload": "test-step", "scenario": "single_stream"}
    plain, own, other = (
        Benchmark.model_validate({**asked, **more}) for more in ({}, {"environment": "default"}, {"environment": "b"})
    )
    assert own == plain
    assert own.environment is None
    assert other.environment == "b"
    assert plain.fingerprint() == other.fingerprint()
    with pytest.raises(ValidationError, match="environment"):
        Benchmark.model_validate({**asked, "environment": "../b"})
