"""`migperf advise`: what it prints, what it says by its exit status, and what it needs no service for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from migperf.analysis.advisor.demand_example import DEMAND
from migperf.store.database import Database
from tests.analysis.advisor.measured_runs import measured
from tests.cli.conftest import Cli

PUBLISHED = Path(__file__).parents[2] / "experiments" / "advice" / "a100-published.yaml"
SEARCH = {"search": {"kind": "max_rate", "percentile": 99, "limit_ms": 20}, "parameters": {"batch_size": 1}}


def file_of(folder: Path, **changes: Any) -> str:
    assert isinstance(DEMAND, dict)
    path = folder / "demand.yaml"
    path.write_text(yaml.safe_dump({**DEMAND, **changes}))
    return str(path)


def test_the_answer_comes_first_then_layouts_jobs_and_what_binds(cli: Cli) -> None:
    said = cli("advise", "--offline", str(PUBLISHED))
    assert said.status == 0, said.err
    assert said.out.startswith("4 of 8 × NVIDIA A100-SXM4-80GB serve it; fewer do not suffice\n")
    assert max(map(len, said.out.splitlines())) <= 80
    for title in ("What binds", "Taken for granted", "Never measured"):
        assert f"\n{title}\n" in said.out
    assert "gap 0 %" in said.out
    assert "\nWhy\n" not in said.out


def test_explain_adds_why_and_what_it_rests_on(cli: Cli) -> None:
    said = cli("advise", "--offline", "--explain", str(PUBLISHED))
    text = " ".join(said.out.split())
    assert "thumbnails: 7 × 1g.10gb of 127/s can do 889/s; 800/s are wanted, headroom 89/s (11.1 %)." in text
    assert "texts is kept from 1g.10gb of NVIDIA A100-SXM4-80GB: mean of latency is 174 ms at best" in text
    assert "no layouts do better than 4 GPUs" in text
    assert "\nWhat it rests on\n" in said.out


def test_json_is_the_whole_answer(cli: Cli, tmp_path: Path) -> None:
    document = cli("advise", "--offline", "--json", file_of(tmp_path)).document
    assert (document["status"], document["gpus"][0]["layout"]) == ("optimal", "4x1g.10gb")


def test_what_cannot_be_served_is_a_result_with_a_status_of_its_own(cli: Cli, tmp_path: Path) -> None:
    assert isinstance(DEMAND, dict)
    (service,) = DEMAND["services"]  # type: ignore[misc]
    said = cli("advise", "--offline", file_of(tmp_path, services=[{**service, "rate_per_s": 5000}]))  # type: ignore[dict-item]
    assert said.status == 7
    text = " ".join(said.out.split())
    assert "cannot be served by 2 × NVIDIA A100-SXM4-80GB; 6 × NVIDIA A100-SXM4-80GB would do" in text
    assert "all GPUs together serve no more than 35.5 % of every rate at once" in text


def test_experiments_are_written_for_what_was_never_measured(cli: Cli, tmp_path: Path) -> None:
    said = cli("advise", "--offline", "--experiments", str(tmp_path / "made"), file_of(tmp_path))
    together, alone = sorted((tmp_path / "made").iterdir())
    for made in (together, alone):
        assert str(made) in said.err.replace("\n", "")
    assert yaml.safe_load(alone.read_text())["matrix"]["partition"][0] == "whole"
    assert list(yaml.safe_load(together.read_text())["matrix"]["neighbour"]) == ["alone", "thumbnails on 1g.10gb"]


def test_experiments_of_one_name_get_files_of_their_own(cli: Cli, tmp_path: Path) -> None:
    assert isinstance(DEMAND, dict)
    figure = {**DEMAND["measured"][0], "profile": "7g.80gb", "memory_mib": 15_000}  # type: ignore[dict-item, index, call-overload]
    cli("advise", "--offline", "--experiments", str(tmp_path / "made"), file_of(tmp_path, measured=[figure]))
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert names == ["advice-thumbnails-nvidia-a100-sxm4-80gb-2.yaml", "advice-thumbnails-nvidia-a100-sxm4-80gb.yaml"]


def test_explain_says_what_neighbours_cost(cli: Cli, tmp_path: Path) -> None:
    known = [{"of": "thumbnails", "beside": "thumbnails", "slowdown": 1.01, "source": "a guess"}]
    said = cli("advise", "--offline", "--explain", file_of(tmp_path, interference=known))
    text = " ".join(said.out.split())
    assert "thumbnails beside thumbnails: given by hand: 1.01 (a guess)." in text
    assert "\nWhat neighbours cost\n" in said.out
    assert "never measured together" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("migperf: [", "demand.yaml, line 1, column 11: this is not YAML"),
        ("migperf: 1\nmigperf: 1", "demand.yaml, line 2, column 1: this is not YAML: the key 'migperf' is there twice"),
        ("migperf: &one 1\nservices: *one", "demand.yaml, line 2, column 11: this is not YAML: aliases are not read"),
        ("migperf: 2", "migperf = 2"),
        ("migperf: 1", "services: name at least one service or training job"),
        ("migperf: 1\nservices: [{name: a, rate_per_s: 1}]", "gpus = at_hand: only a service knows the GPUs at hand"),
        ("migperf: 1\ngpus: [{model: x, count: 1}]\nservices: [{name: a, rate_per_s: 1}]", "gpus.0.model = x"),
    ],
)
def test_a_file_that_makes_no_sense_names_the_field(cli: Cli, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "demand.yaml"
    path.write_text(text)
    found = cli("advise", "--offline", str(path))
    assert (found.status, found.out) == (2, "")
    assert said in found.err


def test_a_file_that_is_not_there_is_named(cli: Cli, tmp_path: Path) -> None:
    found = cli("advise", "--offline", str(tmp_path / "nothing.yaml"))
    assert found.status != 0
    assert "nothing.yaml" in found.err.replace("\n", "")


def test_without_offline_the_service_is_asked(
    cli: Cli, database: Database, service_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MIGPERF_URL", service_url)
    run = measured(database, "7g.80gb", {"max_rate": 900, "throughput": 900}, **SEARCH)
    said = cli(
        "advise", "--json", file_of(tmp_path, measured=[], services=[{**_service(), "latency": {"limit_ms": 20}}])
    )
    assert said.status == 0, said.err
    assert said.document["jobs"][0]["evidence"][0]["runs"] == [run]


def _service() -> dict[str, Any]:
    assert isinstance(DEMAND, dict)
    (service,) = DEMAND["services"]  # type: ignore[misc]
    return dict(service)  # type: ignore[arg-type]


def test_one_demand_has_one_answer_in_every_process() -> None:
    answers = []
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "migperf", "advise", "--offline", "--json", str(PUBLISHED)]
        done = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True)
        answers.append(json.loads(done.stdout))
    for answer in answers:
        del answer["proof"]["took_s"]
    assert answers[0] == answers[1]
