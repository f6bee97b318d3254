"""Taints on a terminal: a block with what was seen and what helps, at 80 columns; and runs found by them."""

import io

import pytest
from rich.console import Console

from migperf.cli.taints import how_well, print_taints
from migperf.client.models import MeasuredView
from migperf.store.database import Database
from tests.api import steps
from tests.api.steps import TAINT
from tests.cli.conftest import Cli


def printed(*taints: object) -> str:
    text = io.StringIO()
    print_taints(Console(file=text, width=80, highlight=False), taints)  # type: ignore[arg-type]
    return text.getvalue()


def test_each_taint_is_told_with_threshold_and_remedy() -> None:
    title, *lines = printed(TAINT).splitlines()
    assert title == "Tainted: the figures may be off"
    said = " ".join(" ".join(lines).split())
    assert said == f"{TAINT.rule} {TAINT.seen} (threshold: {TAINT.threshold}) {TAINT.remedy}"
    assert max(map(len, lines)) <= 80


def test_nothing_is_said_where_there_is_nothing() -> None:
    assert printed() == ""


@pytest.mark.parametrize(
    ("converged", "said"),
    [(True, "as precise as asked: within 0.80%"), (False, "less precise than asked: within 0.80%")],
)
def test_how_precise_a_run_became_is_a_sentence(converged: bool, said: str) -> None:
    measured = MeasuredView(
        window_s=5,
        warmup_ended_by="steady",
        warmup_note="steady from sample 3 on",
        measuring_ended_by="precision",
        measuring_note="within 0.80%",
        converged=converged,
    )
    assert list(how_well(measured)) == [said, "warm-up: steady from sample 3 on"]
    assert list(how_well(MeasuredView(window_s=5, warmup_ended_by="steps", measuring_ended_by="steps"))) == []


@pytest.fixture
def service(service_url: str, environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGPERF_URL", service_url)


@pytest.mark.usefixtures("service")
def test_a_run_of_the_service_is_shown_with_its_taints(cli: Cli, database: Database) -> None:
    run_id = steps.examined(database, TAINT)
    said = cli("runs", "show", run_id)
    assert "succeeded, tainted" in said.out
    assert "Tainted: the figures may be off" in said.out
    assert "less precise than asked: within 1.42%" in said.out
    assert said.status == 0, "it was measured"
    assert cli("runs", "show", run_id, "--json").document["taints"] == [TAINT.model_dump()]
    assert "ainted" not in cli("runs", "show", steps.examined(database)).out


@pytest.mark.usefixtures("service")
def test_runs_are_listed_by_whether_they_are_tainted(cli: Cli, database: Database) -> None:
    tainted, clean, unknown = steps.examined(database, TAINT), steps.examined(database), steps.measured(database)

    def listed(*options: str) -> set[str]:
        return {run["id"] for run in cli("runs", "list", *options, "--json").document}

    assert listed("--tainted") == {tainted}
    assert listed("--clean") == {clean}
    assert listed() == {tainted, clean, unknown}


@pytest.mark.usefixtures("service")
def test_a_run_is_submitted_with_the_tries_that_it_may_take(cli: Cli) -> None:
    run = cli("submit", "test-step", "-s", "offline", "--taint-retry-limit", "4", "--json").document
    assert (run["taint_retry_limit"], run["taint_retries"]) == (4, 0)
    refused = cli("submit", "test-step", "-s", "offline", "--taint-retry-limit", "11")
    assert refused.status == 2
    assert "taint_retry_limit" in refused.err


def test_a_run_here_says_whether_it_is_tainted_and_by_what(cli: Cli) -> None:
    """What this host does meanwhile decides whether it is; either way, it must be said."""
    method = ("steady_within=null", "precision=null", "warmup_s=0", "warmup_steps=1", "min_s=0.2", "min_steps=3")
    options = [word for one in method for word in ("-m", one)]
    run = cli("run", "test-step", "-p", "step_ms=1", *options, "--json").document
    assert run["tainted"] is bool(run["taints"])
    hygiene = run["environment"]["hygiene"]
    assert hygiene["facts"]["processors"] >= 1
    assert "too few" in hygiene["not_checked"]["busy_neighbours"], "0.2 s are too short to tell"
