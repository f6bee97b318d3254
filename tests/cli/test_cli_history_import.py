"""``migperf histories import``: files checked before any is sent, and what became of each history told."""

from pathlib import Path

from tests.cli.conftest import Cli
from tests.histories.imported_files import HOUR, NOON, histories, pytest_benchmark, table, text_of


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_files_are_imported_and_what_was_left_out_is_told(cli: Cli, service_url: str, tmp_path: Path) -> None:
    at = ("--url", service_url)
    first = written(tmp_path, "0001.json", text_of(pytest_benchmark()))
    second = written(tmp_path, "0002.json", text_of(pytest_benchmark(NOON + HOUR, min=0)))
    said = cli("histories", "import", first, second, "--watch", *at)
    assert said.status == 0, said.err
    assert said.out.count("yes") == 4
    assert f"left out of {second}: benchmarks.0.stats.min: it is 0" in said.err
    again = cli("histories", "import", first, "--benchmark", "tests/test_speed.py::test_parse", "--json", *at)
    ((file,),) = (again.document,)
    (item,) = file["items"]
    assert (file["file"], item["new_points"], item["known_points"], item["watched"]) == (first, 0, 1, True)
    past = written(tmp_path, "past.csv", table("2026-01-02T12:00:00Z,parse,mean,0.002,s,lower"))
    into = cli("histories", "import", past, "--into", item["id"], "--json", *at)
    assert into.document[0]["items"][0] == item | {"new_points": 1, "known_points": 0}
    wrong = written(tmp_path, "wrong.csv", table("2026-01-02T12:00:00Z,parse,mean,2,ms,lower"))
    refused = cli("histories", "import", wrong, "--into", item["id"], *at)
    assert refused.status == 1
    assert "mean (ms)" in refused.err
    assert "mean (s)" in refused.err


def test_nothing_is_sent_if_one_of_the_files_is_wrong(cli: Cli, service_url: str, tmp_path: Path) -> None:
    right = written(tmp_path, "right.json", text_of(histories([1.0])))
    wrong = written(tmp_path, "wrong.csv", table("2026-01-02T12:00:00Z,b,m,12 ms,ms,lower"))
    said = cli("histories", "import", right, wrong, "--url", service_url)
    assert (said.status, said.out) == (2, "")
    assert f"{wrong} has no results that can be imported" in said.err
    assert "line 2, column value: '12 ms' is no number" in said.err
    assert cli("histories", "import", right, "--json", "--url", service_url).document[0]["items"][0]["new_points"] == 1


def test_an_unknown_format_is_told_with_those_that_there_are(cli: Cli, tmp_path: Path) -> None:
    said = cli("histories", "import", written(tmp_path, "a.csv", table()), "--format", "asv")
    assert said.status == 2
    assert "there are pytest-benchmark, google-benchmark, migperf-histories, migperf-run, csv" in said.err
