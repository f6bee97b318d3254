"""Google Benchmark's files: repetitions are one point, in seconds, whatever unit the file has."""

import pytest

from migperf.histories.importing.errors import ImportingError
from migperf.histories.importing.reading import read
from tests.histories.imported_files import NOON, google_benchmark, text_of


def test_repetitions_of_one_process_are_one_point_without_an_interval() -> None:
    (history,) = read(text_of(google_benchmark()))
    assert history.title == "BM_Copy/8 on builder-3, logical_cpus=16"
    (point,) = history.points
    assert (point.at, point.key) == (NOON, NOON.isoformat())
    real = point.figures["real_time"]
    assert (real.value, real.unit, real.level) == (pytest.approx((100 * 110 * 105) ** (1 / 3) * 1e-9), "s", None)
    assert set(history.metrics) == {"real_time", "cpu_time"}
    assert point.environment["library_build_type"] == "release"


def test_of_aggregates_alone_the_median_stands_for_the_benchmark() -> None:
    document = google_benchmark(times_ns=())
    assert read(text_of(document))[0].points[0].figures["real_time"].value == pytest.approx(104e-9)


def test_the_unit_of_the_file_and_a_commit_of_its_context_are_read() -> None:
    document = google_benchmark(times_ns=(2.5,))
    document["benchmarks"][0]["time_unit"] = "ms"
    document["context"]["commit"] = "4f1c9d2"
    (point,) = read(text_of(document))[0].points
    assert point.figures["real_time"].value == pytest.approx(2.5e-3)
    assert (point.key, point.environment["label.commit"]) == (f"4f1c9d2 {NOON.isoformat()}", "4f1c9d2")
    document["benchmarks"][0]["time_unit"] = "min"
    with pytest.raises(ImportingError, match=r"benchmarks\.0\.time_unit: 'min' is no unit"):
        read(text_of(document))


def test_a_benchmark_that_failed_or_took_no_time_is_left_out_with_the_reason() -> None:
    document = google_benchmark(times_ns=(1.0,))
    document["benchmarks"] = [document["benchmarks"][0] | {"real_time": 0.0, "cpu_time": 0.0}]
    (history,) = read(text_of(document))
    assert history.points == ()
    assert {each.place for each in history.left_out} == {"benchmarks.0.real_time", "benchmarks.0.cpu_time"}
    document["benchmarks"][0] |= {"error_occurred": True, "error_message": "no such file"}
    (left_out,) = read(text_of(document))[0].left_out
    assert (left_out.place, left_out.reason) == ("benchmarks.0", "it failed: no such file")
