"""Where the runs of an experiment differ in what they ran on or with, the report says so."""

from datetime import UTC, datetime
from typing import Any

from migperf.analysis.experiments.environment import environment
from migperf.analysis.experiments.places import Place
from migperf.analysis.experiments.results import RunRow
from migperf.experiments.group import Role
from migperf.store.states import RunState
from tests import builders

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


def run(number: int, facts: dict[str, Any], **partition: Any) -> RunRow:
    place = Place(partition=builders.partition(**partition), node="node-1", fitting=1, is_whole=True)
    return RunRow(
        id=f"run-{number}",
        cell=0,
        coordinates={},
        repeat=number,
        attempt=1,
        member=0,
        role=Role.CLIENT,
        state=RunState.SUCCEEDED,
        reason=None,
        place=place,
        taints=(),
        environment=facts,
        created_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        figures=(),
    )


def told(*runs: RunRow) -> dict[str, str]:
    return {fact.name: fact.words for fact in environment(runs)}


def test_what_is_the_same_is_told_once() -> None:
    facts = told(*(run(number, {"torch": "2.13.0", "load_average_1min": number}) for number in range(3)))
    assert facts["torch"] == "2.13.0"
    assert facts["partition model"] == "a processor"
    assert "load_average_1min" not in facts


def test_what_differs_is_told_with_how_many_runs() -> None:
    runs = [run(0, {"torch": "2.12.0"}), run(1, {"torch": "2.13.0"}), run(2, {"torch": "2.13.0"}), run(3, {"x": 1})]
    facts = told(*runs)
    assert facts["torch"] == "2.13.0 (2 runs); 2.12.0 (1 run); not told (1 run)"


def test_a_driver_that_changed_half_way_is_seen() -> None:
    facts = told(*(run(number, {}, driver_version=version) for number, version in enumerate(("580.1", "581.2"))))
    assert facts["partition driver_version"] == "580.1 (1 run); 581.2 (1 run)"


def test_of_many_values_the_rarest_are_only_counted() -> None:
    facts = told(*(run(number, {"clock": str(number)}) for number in range(9)))
    assert facts["clock"].endswith("; 3 more values (3 runs)")
