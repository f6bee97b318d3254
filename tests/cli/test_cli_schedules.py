"""``migperf schedules …``: a file checked without a service, and a schedule's life at one."""

from pathlib import Path

import pytest
import yaml

from migperf.client import Client
from tests.cli.conftest import Cli

BASE = {
    "migperf": 1,
    "name": "nightly",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "benchmark": {"workload": "null", "scenario": "single_stream"},
}


def written(folder: Path, **more: object) -> str:
    path = folder / "schedule.yaml"
    path.write_text(yaml.safe_dump({**BASE, **more}, sort_keys=False))
    return str(path)


def test_a_valid_file_is_told_with_its_next_five_times(cli: Cli, tmp_path: Path) -> None:
    said = cli("schedules", "validate", written(tmp_path))
    assert said.status == 0
    assert "'nightly'" in said.err
    assert said.out.count(":30:00") == 5
    document = cli("schedules", "validate", written(tmp_path), "--json").document
    assert (document["valid"], len(document["next_times"])) == (True, 5)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"cron": "0 25 * * *"}, "cron: '25' is no hour"),
        ({"time_zone": "Mars/Olympus"}, "time_zone: "),
        ({"benchmark": {"workload": "nul", "scenario": "train"}}, "benchmark.workload: "),
        ({"name": "Nightly"}, "name: "),
    ],
)
def test_a_mistake_is_told_with_its_place(cli: Cli, tmp_path: Path, more: dict[str, object], told: str) -> None:
    said = cli("schedules", "validate", written(tmp_path, **more))
    assert (said.status, said.out) == (2, "")
    assert told in said.err
    assert "Traceback" not in said.err


def test_the_life_of_a_schedule(cli: Cli, service_url: str, tmp_path: Path) -> None:
    at = ("--url", service_url)
    added = cli("schedules", "add", written(tmp_path), *at)
    assert added.status == 0, added.err
    assert "30 2 * * * in Europe/Berlin" in added.out
    taken = cli("schedules", "add", written(tmp_path), *at)
    assert taken.status == 1
    assert "named 'nightly'" in taken.err
    changed = cli("schedules", "add", written(tmp_path, title="Every night"), "--replace", *at)
    assert "Every night" in changed.out
    assert cli("schedules", "add", written(tmp_path, name="other"), "--replace", *at).status == 0
    assert [one["name"] for one in cli("schedules", "list", "--json", *at).document] == ["other", "nightly"]
    assert "nightly" in cli("schedules", "list", *at).out
    assert cli("schedules", "pause", "nightly", *at).status == 0
    assert "paused" in cli("schedules", "show", "nightly", *at).out
    assert "next: 2" in cli("schedules", "resume", "nightly", *at).err
    fired = cli("schedules", "run-now", "nightly", *at)
    run_id = fired.out.strip()
    with Client(service_url) as client:
        assert client.run(run_id).labels == {"schedule": "nightly"}
    assert cli("schedules", "run-now", "other", "--json", *at).document["outcome"] == "submitted"
    document = cli("schedules", "show", "nightly", "--json", *at).document
    assert document["firings"][0]["run_id"] == run_id
    told = cli("schedules", "show", "nightly", *at).out
    assert "submitted" in told
    assert "by hand" in told.replace("\n", " ")
    assert cli("schedules", "delete", "nightly", *at).status == 0
    gone = cli("schedules", "show", "nightly", *at)
    assert gone.status == 1
    assert "no schedule is named 'nightly'; there are: other" in gone.err
