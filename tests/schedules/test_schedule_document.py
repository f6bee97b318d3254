"""The document of a schedule: strict, and refused with the field and what would do."""

from pathlib import Path
from typing import Any

import pytest

from migperf.schedules.document import Missed, Overlap, Schedule, parse, validate
from migperf.schedules.errors import ScheduleError
from migperf.store.requests import RunRequest
from migperf.store.scheduled import checked
from migperf.strict_yaml import read_yaml

BENCHMARK: dict[str, Any] = {"workload": "test-step", "scenario": "single_stream"}
EXPERIMENT: dict[str, Any] = {
    "migperf": 1,
    "name": "steps",
    "where": {"kind": "cpu"},
    "benchmark": BENCHMARK,
    "matrix": {"benchmark.parameters.step_ms": [1, 2]},
}
SCHEDULE: dict[str, Any] = {"migperf": 1, "name": "nightly", "cron": "30 2 * * *", "benchmark": BENCHMARK}


def problems(document: Any) -> dict[str, str]:
    with pytest.raises(ScheduleError) as refused:
        checked(validate(document))
    return dict(refused.value.problems)


def test_a_schedule_is_read_from_yaml_with_its_defaults() -> None:
    text = "migperf: 1\nname: nightly\ncron: 30 2 * * *\nbenchmark: {workload: test-step, scenario: train}\n"
    schedule = parse(text)
    assert (schedule.time_zone, schedule.overlap, schedule.missed) == ("UTC", Overlap.SKIP, Missed.ONCE)
    assert (schedule.subject, schedule.paused, schedule.jitter_s) == ("benchmark", False, 0)
    assert validate(SCHEDULE | {"benchmark": None, "experiment": EXPERIMENT}).subject == "experiment"


@pytest.mark.parametrize(
    ("change", "place", "told"),
    [
        ({"cron": "0 25 * * *"}, "cron", "'25' is no hour"),
        ({"time_zone": "Europe/Berln"}, "time_zone", "did you mean Europe/Berlin"),
        ({"unheard": 1}, "unheard", "unknown field; check its spelling"),
        ({"name": "Nightly"}, "name", "pattern"),
        ({"migperf": 2}, "migperf", "write 1"),
        ({"jitter_s": -1}, "jitter_s", "greater than or equal to 0"),
        ({"jitter_s": 1e9}, "jitter_s", "less than or equal to 21600"),
        ({"grace_s": float("nan")}, "grace_s", "finite"),
        ({"overlap": "wait"}, "overlap", "'skip' or 'queue'"),
        ({"missed": "all"}, "missed", "'skip' or 'once'"),
        ({"benchmark": None}, "benchmark", "either benchmark or experiment; neither is there"),
        ({"experiment": EXPERIMENT}, "benchmark", "either benchmark or experiment; both are there"),
        ({"benchmark": BENCHMARK | {"workload": "resnet-17"}}, "benchmark.workload", "resnet-17"),
        ({"benchmark": BENCHMARK | {"parameters": {"step_ms": -1}}}, "benchmark.parameters.step_ms", "greater than"),
        ({"benchmark": BENCHMARK | {"labels": {"schedule": "x"}}}, "benchmark.labels.schedule", "leave it out"),
        (
            {"benchmark": BENCHMARK | {"labels": {f"l{n}": "" for n in range(32)}}},
            "benchmark.labels",
            "32 are more than 31",
        ),
        (
            {"benchmark": None, "experiment": EXPERIMENT | {"repeats": 0}},
            "experiment.repeats",
            "greater than or equal to 1",
        ),
        (
            {"benchmark": None, "experiment": EXPERIMENT | {"clients": 2}},
            "experiment.cell step_ms = 1: sharing",
            "need it",
        ),
        (
            {"benchmark": None, "experiment": EXPERIMENT | {"labels": {f"l{n}": "" for n in range(31)}}},
            "experiment.labels",
            "31 are more than 30",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: dict[str, Any], place: str, told: str) -> None:
    assert told in problems(SCHEDULE | change)[place]


def test_what_is_no_yaml_or_no_mapping_is_refused() -> None:
    for text in ("migperf: [1", "3", "- a", ""):
        with pytest.raises(ScheduleError):
            parse(text)


def test_defaults_of_a_benchmark_are_written_out_so_that_later_versions_go_on_with_its_history() -> None:
    schedule = checked(validate(SCHEDULE))
    assert schedule.benchmark == RunRequest.model_validate(BENCHMARK).model_dump(mode="json")
    assert checked(schedule) == schedule, "what is kept can be sent again"
    before = RunRequest.model_validate(BENCHMARK).benchmark().fingerprint()
    assert RunRequest.model_validate(schedule.benchmark).benchmark().fingerprint() == before


def test_every_example_of_a_request_of_a_run_can_be_scheduled_and_read_back() -> None:
    for example in RunRequest.model_config["json_schema_extra"]["examples"]:
        schedule = checked(validate(SCHEDULE | {"benchmark": example}))
        assert checked(Schedule.model_validate(schedule.model_dump(mode="json"))) == schedule


def test_every_shipped_experiment_can_be_scheduled_and_read_back() -> None:
    files = sorted((Path(__file__).parents[2] / "experiments" / "migperf").rglob("*.yaml"))
    assert len(files) > 5
    for file in files:
        experiment = read_yaml(file.read_text())
        schedule = checked(validate(SCHEDULE | {"benchmark": None, "experiment": experiment}))
        assert Schedule.model_validate(schedule.model_dump(mode="json")) == schedule, file
