"""Files of other tools are read as what they say, and what no history can have is named with its place."""

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from migperf.histories.hardware import HardwareClass
from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.imported import ImportedHistory
from migperf.histories.importing.reading import FileFormat, read
from migperf.measure.benchmark import Benchmark
from migperf.statistics.detection.metric_rule import Better
from tests.histories.imported_files import CPU, NOON, figure, histories, local_run, pytest_benchmark, table, text_of

BENCHMARK = Benchmark.model_validate({"workload": "test-step", "scenario": "train"})
ROW = "2026-03-02T12:00:00Z,checkout,latency,12.5,ms,lower"


def problems(text: str, file_format: FileFormat | None = None) -> list[tuple[str, str]]:
    with pytest.raises(ImportingError) as refused:
        read(text, file_format)
    return list(refused.value.problems)


def one(text: str) -> ImportedHistory:
    (found,) = read(text)
    return found


def test_pytest_benchmark_has_a_history_for_each_test_and_its_parameters() -> None:
    parse, sort = read(text_of(pytest_benchmark()))
    assert parse.title == "tests/test_speed.py::test_parse on AMD EPYC 7763 64-Core Processor, logical_cpus=8, x86_64"
    assert sort.name == "tests/test_speed.py::test_sort[1000]"
    assert parse.fingerprint != sort.fingerprint
    assert parse.hardware_key == sort.hardware_key
    (point,) = parse.points
    assert (point.at, point.key) == (NOON, f"4f1c9d2ab07e55c3d1e8f6a49b2c7d0e5a31f8c6 {NOON.isoformat()}")
    assert {name: (f.value, f.unit) for name, f in point.figures.items()} == {
        "median": (0.002 * 0.99, "s"),
        "mean": (0.002, "s"),
        "min": (0.002 * 0.9, "s"),
    }
    assert {metric.better for metric in parse.metrics.values()} == {Better.LOWER}
    assert point.environment["label.commit"] == "4f1c9d2ab07e55c3d1e8f6a49b2c7d0e5a31f8c6"
    assert (point.environment["python"], point.environment["node"], point.environment["dirty"]) == (
        "3.11.7",
        "ci-7",
        False,
    )


def test_the_same_machine_under_another_name_is_the_same_hardware_and_another_processor_is_not() -> None:
    here, elsewhere, other = pytest_benchmark(), pytest_benchmark(), pytest_benchmark()
    elsewhere["machine_info"]["node"] = "ci-8"
    other["machine_info"]["cpu"]["brand_raw"] = "Intel Xeon"
    keys = [read(text_of(document))[0].hardware_key for document in (here, elsewhere, other)]
    assert keys[0] == keys[1] != keys[2]


def test_mean_and_deviation_alone_support_no_interval_and_the_rounds_do() -> None:
    generator = random.Random(1)
    rounds = [generator.gauss(0.002, 0.0001) for _ in range(400)]
    mean, median = sum(rounds) / 400, sorted(rounds)[200]
    told = {"mean": mean, "median": median, "min": min(rounds)}
    with_rounds = read(text_of(pytest_benchmark(rounds=rounds, **told)))[0].points[0].figures
    without = read(text_of(pytest_benchmark(**told)))[0].points[0].figures
    assert {name for name, each in with_rounds.items() if each.level is not None} == {"mean", "median"}
    low, high = with_rounds["mean"].low, with_rounds["mean"].high
    assert low is not None
    assert high is not None
    assert low < mean < high
    assert (high - low) / 2 == pytest.approx(1.96 * 0.0001 / 20, rel=0.25)
    assert all(each.level is None for each in without.values())


def test_rounds_that_resemble_their_neighbours_have_a_wider_interval() -> None:
    generator, level, rounds = random.Random(1), 0.0, []
    for _ in range(400):
        level = 0.9 * level + generator.gauss(0, 0.0001)
        rounds.append(0.002 + level)
    mean = sum(rounds) / 400
    found = read(text_of(pytest_benchmark(rounds=rounds, mean=mean)))[0].points[0].figures["mean"]
    spread = (sum((each - mean) ** 2 for each in rounds) / 399) ** 0.5
    if found.low is not None and found.high is not None:
        assert (found.high - found.low) / 2 > 2 * 1.96 * spread / 20


def test_times_without_a_zone_are_those_of_older_versions_in_utc() -> None:
    document = pytest_benchmark() | {"datetime": "2026-03-02T12:00:00.250000"}
    assert read(text_of(document))[0].points[0].at == NOON + timedelta(seconds=0.25)


@pytest.mark.parametrize("value", [0, -0.001, float("nan"), float("inf"), 10**308 * 9, "fast", None])
def test_values_that_no_history_can_have_are_left_out_with_the_reason(value: object) -> None:
    parse, sort = read(text_of(pytest_benchmark(min=value)))
    assert set(parse.points[0].figures) == set(parse.metrics) == {"median", "mean"}
    (left_out,) = parse.left_out
    assert left_out.place == "benchmarks.0.stats.min"
    assert left_out.reason
    assert sort.left_out == ()


def test_a_benchmark_of_which_nothing_is_left_is_still_named() -> None:
    document = pytest_benchmark(min=0, mean=0, median=0)
    parse, _ = read(text_of(document))
    assert parse.points == ()
    assert len(parse.left_out) == 3


def test_a_folder_without_a_repository_gives_no_commit() -> None:
    document = pytest_benchmark()
    document["commit_info"] = {"id": "unversioned", "time": None, "dirty": False, "branch": "(unknown)"}
    point = read(text_of(document))[0].points[0]
    assert point.key == NOON.isoformat()
    assert not {"label.commit", "label.branch"} & point.environment.keys()


def test_a_run_of_migperf_is_what_the_service_would_make_of_it() -> None:
    taint = {"rule": "busy_neighbours", "seen": "", "threshold": "", "remedy": ""}
    history = one(text_of(local_run(BENCHMARK) | {"tainted": True, "taints": [taint]}))
    assert history.fingerprint == BENCHMARK.fingerprint()
    assert history.hardware_key == HardwareClass.of(CPU).key()
    assert history.title == "test-step train on AMD EPYC"
    assert history.benchmark == BENCHMARK.model_dump(mode="json")
    (point,) = history.points
    assert (point.at, point.taints) == (NOON, ("busy_neighbours",))
    assert {name: (f.value, f.low) for name, f in point.figures.items()} == {"step_time_p50": (100.0, 99.0)}
    assert point.environment["torch"] == "2.12"
    assert point.environment["node"] == "one"
    assert not {"hygiene", "load_average_1min"} & point.environment.keys()


@pytest.mark.parametrize(
    ("change", "place", "told"),
    [
        ({"state": "failed"}, "state", "ended as failed"),
        ({"simulated": True}, "simulated", "no measurement"),
        ({"partition": CPU.model_dump(mode="json") | {"simulated": True}}, "simulated", "simulated"),
        ({"fingerprint": "0" * 64}, "fingerprint", "not that of `benchmark`"),
        ({"figures": [figure("step_time_p50", None).model_dump(mode="json")]}, "figures", "positive"),
        ({"started_at": "2026-03-02T12:00:00"}, "started_at", "timezone"),
    ],
)
def test_a_run_that_can_be_no_point_is_refused(change: dict[str, Any], place: str, told: str) -> None:
    ((where, what),) = problems(text_of(local_run(BENCHMARK) | change))
    assert where == place
    assert told in what


def test_own_format_has_points_of_all_that_can_be_said() -> None:
    document = histories([12.5, 12.6])
    first = document["histories"][0]["points"][0]
    first |= {"time": "2026-03-02T13:00:00+01:00", "commit": "4f1c9d2", "environment": {"kernel": "6.8"}}
    first["figures"]["latency"] |= {"low": 12.1, "high": 12.9, "level": 0.9}
    history = one(text_of(document))
    assert (history.tool, history.title) == ("load", "checkout (users=100) on c7i.4xlarge")
    point = history.points[0]
    assert (point.at, point.key) == (NOON, f"4f1c9d2 {NOON.isoformat()}")
    assert point.environment == {"kernel": "6.8", "label.commit": "4f1c9d2"}
    figures = point.figures["latency"]
    assert (figures.value, figures.low, figures.high, figures.level, figures.unit) == (12.5, 12.1, 12.9, 0.9, "ms")


@pytest.mark.parametrize(
    ("path", "value", "place", "told"),
    [
        (("points", 1, "figures", "latency", "value"), 0, "points.1.figures.latency.value", "greater than 0"),
        (("points", 1, "figures", "latency", "value"), float("nan"), "points.1.figures.latency.value", "no number"),
        (("points", 1, "figures", "latency", "low"), 1.0, "points.1.figures.latency", "low, high and level"),
        (
            ("points", 1, "figures", "speed"),
            {"value": 1.0},
            "points.1.figures.speed",
            "has no speed; there are latency",
        ),
        (("points", 1, "time"), "2026-03-02T12:00:00Z", "points.1", "time and key of points.0"),
        (("points", 1, "time"), "0001-01-01T00:00:00+14:00", "points.1.time", "nothing was measured at"),
        (("points", 1, "time"), "2026-03-02T12:00:00", "points.1.time", "timezone"),
        (("metrics", "latency", "better"), "faster", "metrics.latency.better", "'lower' or 'higher'"),
        (("unheard",), 1, "unheard", "unknown field"),
        (("hardware", "machine"), "a\0b", "hardware.machine", "U+0000"),
    ],
)
def test_own_format_is_refused_with_the_place(
    path: tuple[str | int, ...], value: object, place: str, told: str
) -> None:
    document = histories([12.5, 12.6])
    part: Any = document["histories"][0]
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    ((where, what), *_) = problems(text_of(document))
    assert where == f"histories.0.{place}"
    assert told in what


def test_one_benchmark_cannot_be_there_twice() -> None:
    document = histories([12.5])
    document["histories"] *= 2
    ((where, what),) = problems(text_of(document))
    assert (where, "histories.0" in what) == ("histories.1", True)
    document = pytest_benchmark()
    document["benchmarks"] *= 2
    ((where, _),) = problems(text_of(document))
    assert where == "benchmarks.2"


def test_a_table_has_a_point_for_each_time_and_commit() -> None:
    columns = "time,benchmark,metric,value,unit,better,commit,hardware,env.kernel,low,high,level"
    text = table(
        "2026-03-02T12:00:00Z,checkout,latency,12.5,ms,lower,4f1c9d2,c7i,6.8,12.1,12.9,0.95",
        "2026-03-02T12:00:00Z,checkout,requests,7900,1/s,higher,4f1c9d2,c7i,,,,",
        '2026-03-02T14:00:00+01:00,checkout,latency,"12.6",ms,,9b07e55,c7i,6.9,,,',
        "",
        "2026-03-02T12:00:00Z,search,latency,3e-1,ms,lower,,,,,,",
        columns=columns,
    )
    checkout, search = read(f"\ufeff{text}")
    assert (checkout.title, search.title) == ("checkout on c7i", "search")
    first, second = checkout.points
    assert (first.at, second.at) == (NOON, NOON + timedelta(hours=1))
    assert {name: each.value for name, each in first.figures.items()} == {"latency": 12.5, "requests": 7900.0}
    assert first.figures["latency"].level == 0.95
    assert first.environment == {"kernel": "6.8", "label.commit": "4f1c9d2"}
    assert checkout.metrics["requests"].better is Better.HIGHER
    assert search.points[0].figures["latency"].value == 0.3


def test_what_migperf_knows_needs_no_direction_in_a_table() -> None:
    text = table("2026-03-02T12:00:00Z,b,throughput,1,1/s", columns="time,benchmark,metric,value,unit")
    assert one(text).metrics["throughput"].better is Better.HIGHER


@pytest.mark.parametrize(
    ("row", "place", "told"),
    [
        ("2026-03-02T12:00:00,b,m,1,s,lower", "line 3, column time", "no time zone"),
        ("yesterday,b,m,1,s,lower", "line 3, column time", "2026-01-31T12:00:00Z"),
        ("2026-03-02T12:00:00Z,,m,1,s,lower", "line 3, column benchmark", "empty"),
        ("2026-03-02T12:00:00Z,b,a b,1,s,lower", "line 3, column metric", "no name of a metric"),
        ("2026-03-02T12:00:00Z,b,m,12 ms,s,lower", "line 3, column value", "without a unit"),
        ("2026-03-02T12:00:00Z,b,m,1_000,s,lower", "line 3, column value", "no number"),
        ("2026-03-02T12:00:00Z,b,m,nan,s,lower", "line 3, column value", "no number"),
        ("2026-03-02T12:00:00Z,b,m,1e999,s,lower", "line 3, column value", "no number"),
        ("2026-03-02T12:00:00Z,b,m,0,s,lower", "line 3, column value", "leave rows out"),
        (f"2026-03-02T12:00:00Z,b,m,{'1' * 300},s,lower", "line 3, column value", "longer than 200 characters"),
        (f"2026-03-02T12:00:00Z,b,m,1,{'s' * 33},lower", "line 3, column unit", "longer than 32 characters"),
        ("2026-03-02T12:00:00Z,b,m,1,,lower", "line 3, column unit", "empty"),
        ("2026-03-02T12:00:00Z,b,m,1,s,", "line 3, column better", "is m better lower or higher"),
        ("2026-03-02T12:00:00Z,b,m,1,s,faster", "line 3, column better", "neither lower nor higher"),
        ("2026-03-02T12:00:00Z,checkout,latency,1,s,lower", "line 3, column unit", "one unit for all"),
        ("2026-03-02T13:00:00Z,checkout,latency,1,ms,higher", "line 3, column better", "better lower above"),
        ("2026-03-02T12:00:00Z,checkout,latency,1,ms,lower", "line 3, column metric", "in line 2"),
        ("2026-03-02T12:00:00Z,b,m,1,s,lower,7", "line 3", "7 cells"),
        ('2026-03-02T12:00:00Z,"b"x,m,1,s,lower', "line 3", "no table"),
    ],
)
def test_a_row_that_is_wrong_is_named_with_its_line_and_column(row: str, place: str, told: str) -> None:
    ((where, what),) = problems(table(ROW, row))
    assert where == place
    assert told in what


def test_all_rows_that_are_wrong_are_named_up_to_twenty() -> None:
    wrong = ["2026-03-02T12:00:00Z,b,m,-1,s,lower"] * 30
    assert [place for place, _ in problems(table(ROW, *wrong))] == [f"line {n}, column value" for n in range(3, 23)]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ("time,benchmark,metric,value", "column unit is missing"),
        ("time,benchmark,metric,value,unit,comit", "did you mean commit?"),
        ("time,benchmark,metric,value,unit,unit", "'unit' is there 2 times"),
    ],
)
def test_columns_that_are_wrong_are_named(columns: str, told: str) -> None:
    ((place, what),) = problems(table(columns=columns))
    assert place == "line 1"
    assert told in what


def test_one_result_has_one_environment() -> None:
    columns = "time,benchmark,metric,value,unit,better,env.kernel"
    rows = ("2026-03-02T12:00:00Z,b,m,1,s,lower,6.8", "2026-03-02T12:00:00Z,b,n,1,s,lower,6.9")
    ((place, what),) = problems(table(*rows, columns=columns))
    assert place == "line 3, column env.kernel"
    assert "'6.8' in line 2" in what


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON"),
        ("null", "cannot be told"),
        ("{}", "known are pytest-benchmark"),
        ('{"results": [{"command": "sleep 1", "mean": 1.0}]}', "hyperfine"),
        ("[" * 100_000, "nested"),
        ("9" * 5000, "digits"),
        (json.dumps({"format": "migperf-histories", "version": 1, "tool": "a", "histories": []}), "no result"),
        ("time,benchmark,metric,value,unit\n", "no result"),
    ],
)
def test_what_is_no_file_of_results_is_refused_with_what_is_known(text: str, told: str) -> None:
    assert any(told in what for _, what in problems(text))


def test_a_format_that_is_named_is_not_guessed() -> None:
    ((place, _), *_) = problems(text_of(pytest_benchmark()), FileFormat.MIGPERF_HISTORIES)
    assert place == "format"


def test_a_time_is_one_instant_in_whatever_zone_it_was_written() -> None:
    zone = timezone(timedelta(hours=-8))
    document = histories([1.0])
    document["histories"][0]["points"][0]["time"] = NOON.astimezone(zone).isoformat()
    (point,) = one(text_of(document)).points
    assert (point.at, point.key) == (NOON, datetime(2026, 3, 2, 12, tzinfo=UTC).isoformat())
