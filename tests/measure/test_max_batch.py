"""The largest batch that fits is found by real children that really run out of memory, and the host does not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from migperf.gpus.host_cpu import cpu_partition
from migperf.measure.benchmark import Benchmark
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome, Stop
from migperf.measure.perform import perform
from migperf.measure.phases import Phase
from migperf.measure.searching.memory_limit import MIB, _more_bytes
from migperf.measure.supervisor import Standing
from migperf.metrics.instruments import Instruments
from tests.measure.test_supervisor import LIMITS, RecordingWatcher

PARTITION_MIB = 800
SLACK_MIB = 60
"""What threads, their arenas and pages of libraries that are read in later may take."""


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        yield warm


@pytest.fixture
def watcher() -> RecordingWatcher:
    return RecordingWatcher()


def benchmark(limit: int = 4096, **parameters: object) -> Benchmark:
    request = {
        "workload": "test-batches",
        "scenario": "offline",
        "parameters": parameters,
        "search": {"kind": "max_batch", "limit": limit},
    }
    return Benchmark.model_validate(request)


def search(
    launcher: Launcher,
    watcher: RecordingWatcher,
    log: Path,
    asked: Benchmark,
    timeout_s: float = 60.0,
    partition_mib: int = PARTITION_MIB,
) -> Outcome:
    partition = cpu_partition().model_copy(update={"memory_mib": partition_mib})
    job = Job(run_id="test", benchmark=asked, partition=partition, timeout_s=timeout_s)
    return perform(launcher, Instruments(), job, watcher, log, LIMITS)


def trials_of(outcome: Outcome) -> list[dict[str, Any]]:
    (table,) = outcome.documents
    assert (table.name, table.media_type) == ("max_batch.json", "application/json")
    return json.loads(table.data)


def figures_of(outcome: Outcome) -> dict[str, Any]:
    return {figure.name: figure for figure in outcome.figures}


def test_the_size_found_is_the_largest_that_a_small_partition_has_room_for(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    outcome = search(launcher, watcher, tmp_path / "log", benchmark(mib_per_sample=8))
    trials = trials_of(outcome)
    first, found = trials[0], figures_of(outcome)["max_batch"]
    room_mib = PARTITION_MIB - first["peak_rss_mib"]
    assert (outcome.ending, found.unit) == (Ending.SUCCEEDED, "samples")
    assert room_mib - SLACK_MIB <= 8 * found.value <= room_mib + SLACK_MIB
    by_size = {trial["batch_size"]: trial for trial in trials}
    assert by_size[found.value]["outcome"] == "fits"
    assert by_size[found.value + 1]["outcome"] == "does_not_fit"
    assert by_size[found.value + 1]["reason"], "where memory runs out decides in which words it is said"
    peaks = [trial["peak_rss_mib"] for trial in trials if "peak_rss_mib" in trial]  # one that dies tells none
    assert max(peaks) <= PARTITION_MIB + SLACK_MIB
    assert figures_of(outcome)["peak_rss"].value == by_size[found.value]["peak_rss_mib"]
    assert f"batch size {found.value + 1:.0f} does not fit into {PARTITION_MIB} MiB" in outcome.reason
    assert outcome.environment["torch"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_real_network_gets_batches_as_large_as_its_partition_has_room_for(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    asked = Benchmark.model_validate(
        {
            "workload": "resnet18",
            "scenario": "offline",
            "parameters": {"image_size": 64, "classes": 10, "data_pool": 1, "batch_size": 32},
            "search": {"kind": "max_batch", "limit": 1024},
        }
    )
    outcome = search(launcher, watcher, tmp_path / "log", asked, timeout_s=240.0, partition_mib=400)
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    assert 32 < figures_of(outcome)["max_batch"].value < 1024
    assert trials_of(outcome)[0]["batch_size"] == 32, "the size that is given is the first one tried"
    assert {trial["outcome"] for trial in trials_of(outcome)} == {"fits", "does_not_fit"}


def test_the_search_says_when_it_was_not_memory_that_ended_it(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    limited = search(launcher, watcher, tmp_path / "log", benchmark(limit=3))
    assert figures_of(limited)["max_batch"].value == 3
    assert limited.reason == "limited by limit (3), not by memory"
    forbidden = search(launcher, watcher, tmp_path / "log", benchmark(batch_size=100))
    assert figures_of(forbidden)["max_batch"].value == 200
    assert "parameters, not by memory: batch size 201: Input should be less than or equal to 200" in forbidden.reason


def test_it_looks_like_one_run_from_outside(launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path) -> None:
    outcome = search(launcher, watcher, tmp_path / "log", benchmark(limit=5))
    assert [trial["batch_size"] for trial in trials_of(outcome)] == [1, 2, 4, 5]
    assert watcher.phases == [Phase.STARTING, Phase.MEASURING]
    fractions = [standing.fraction for standing in watcher.standings]
    assert fractions == sorted(fractions)
    assert "trying batch size 5" in {standing.note for standing in watcher.standings}
    assert (outcome.series, outcome.summaries, outcome.finished, watcher.samples_seen) == ((), (), None, 0)


def test_if_not_even_one_sample_fits_the_run_does_not_fit(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path
) -> None:
    outcome = search(launcher, watcher, tmp_path / "log", benchmark(batch_size=4, mib_per_sample=4 * PARTITION_MIB))
    assert outcome.ending is Ending.DOES_NOT_FIT
    assert "not even batch size 1 fits" in outcome.reason
    assert [figure.name for figure in outcome.figures] == ["peak_rss"]
    assert [trial["batch_size"] for trial in trials_of(outcome)] == [4, 2, 1]


@pytest.mark.parametrize("how", ["out_of_memory", "bad_alloc"])
def test_running_out_of_memory_counts_as_such_also_where_it_aborts_the_process(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path, how: str
) -> None:
    outcome = search(launcher, watcher, tmp_path / "log", benchmark(limit=8, from_size=3, how=how))
    assert (outcome.ending, figures_of(outcome)["max_batch"].value) == (Ending.SUCCEEDED, 2)


@pytest.mark.parametrize(
    ("how", "ending", "reason"),
    [
        ("raise", Ending.FAILED, "while batch size 4 was tried: ValueError: the payload is unwell"),
        ("abort", Ending.FAILED, "while batch size 4 was tried: the child ended without a result: signal SIGABRT"),
        ("killed", Ending.INTERRUPTED, "killed from outside"),
        ("wait", Ending.TIMED_OUT, "not finished after timeout_s = 4 s; batch size 4 was being tried"),
    ],
)
def test_a_trial_that_says_nothing_of_its_size_ends_the_search_without_a_result(
    launcher: Launcher, watcher: RecordingWatcher, tmp_path: Path, how: str, ending: Ending, reason: str
) -> None:
    asked = benchmark(limit=8, from_size=4, how=how)
    outcome = search(launcher, watcher, tmp_path / "log", asked, timeout_s=4.0 if how == "wait" else 60.0)
    assert (outcome.ending, outcome.figures) == (ending, ())
    assert reason in outcome.reason
    assert [trial["outcome"] for trial in trials_of(outcome)] == ["fits", "fits", "undecided"]


class Stopping(RecordingWatcher):
    """Asks for a stop at the first look at a size."""

    def __init__(self, stop: Stop, size: int) -> None:
        super().__init__()
        self._wish, self._note = stop, f"trying batch size {size}"

    def tick(self, standing: Standing) -> Stop | None:
        super().tick(standing)
        return self._wish if standing.note == self._note else None


@pytest.mark.parametrize(("stop", "ending"), [(Stop.CANCEL, Ending.CANCELLED), (Stop.HAND_BACK, Ending.INTERRUPTED)])
def test_it_can_be_stopped_between_and_within_trials(
    launcher: Launcher, tmp_path: Path, stop: Stop, ending: Ending
) -> None:
    asked = benchmark(limit=8, from_size=4, how="wait")
    outcome = search(launcher, Stopping(stop, 4), tmp_path / "log", asked)
    assert (outcome.ending, outcome.stop) == (ending, stop)
    assert [trial["batch_size"] for trial in trials_of(outcome)] == [1, 2, 4]


@pytest.mark.parametrize(
    ("change", "field", "remedy"),
    [
        ({"workload": "test-step", "parameters": {}}, ("search", "kind"), "test-step has none"),
        ({"scenario": "server", "load": {"rate_per_s": 1}}, ("search", "kind"), "choose another scenario"),
        ({"parameters": {"batch_size": 65}}, ("parameters", "batch_size"), "raise limit"),
        ({"parameters": {"batch_size": 0}}, ("parameters", "batch_size"), "greater than or equal to 1"),
        ({"profile": True}, ("profile",), "a run of its own"),
        ({"search": {"kind": "max_batch", "limit": 0}}, ("search", "max_batch", "limit"), "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(change: dict[str, object], field: tuple[str, ...], remedy: str) -> None:
    request = {"workload": "test-batches", "scenario": "offline", "search": {"kind": "max_batch", "limit": 64}}
    with pytest.raises(ValidationError) as refusal:
        Benchmark.model_validate(request | change)
    (error,) = refusal.value.errors()
    assert error["loc"] == field
    assert remedy in error["msg"]


def test_the_size_that_it_begins_with_is_written_out_once_and_for_all() -> None:
    asked = benchmark()
    assert asked.parameters["batch_size"] == 1, "not the workload's own default"
    study = {"workload": "vit-stem-stability", "scenario": "train", "search": {"kind": "max_batch"}}
    assert Benchmark.model_validate(study).parameters["batch_size"] == 2, "the smallest that it takes"
    again = Benchmark.model_validate(asked.model_dump(mode="json"))
    assert (again, again.fingerprint()) == (asked, asked.fingerprint())


@pytest.mark.parametrize(
    ("partition_mib", "resident_mib", "available_mib", "more_mib"),
    [(1000, 300, 16_000, 700), (1000, 300, 160, 150), (200, 300, 16_000, 0), (None, 300, 160, 150)],
)
def test_a_child_may_take_what_its_partition_has_left_but_not_all_that_the_host_has(
    partition_mib: int | None, resident_mib: int, available_mib: int, more_mib: int
) -> None:
    assert _more_bytes(partition_mib, resident_mib * MIB, available_mib * MIB) == more_mib * MIB
