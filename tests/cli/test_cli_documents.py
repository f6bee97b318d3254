"""Documents of runs: listed, printed and written, and a profile in short wherever a run is shown."""

import gzip
import json
from pathlib import Path

import pytest

from migperf.measure.events import Document
from migperf.measure.profiling.summary import SUMMARY_NAME, TRACE_NAME, summarise_trace, summary_document
from migperf.measure.profiling.trace import parse_trace
from migperf.store import results
from migperf.store.database import Database
from tests.api import steps
from tests.cli.conftest import Cli
from tests.measure.profiling.made_traces import ON_A_GPU

pytestmark = pytest.mark.timeout(60)
TRACE = gzip.compress(b"{}")
QUICK = ("-m", "min_s=0", "-m", "warmup_s=0", "-m", "min_steps=1", "-m", "precision=null", "-m", "steady_within=null")


@pytest.fixture
def run_id(service_url: str, environment: None, monkeypatch: pytest.MonkeyPatch, database: Database) -> str:
    """A run that has ended with a table and a profile, of the service that commands find."""
    monkeypatch.setenv("MIGPERF_URL", service_url)
    made = steps.measured(database)
    profile = summary_document(summarise_trace(parse_trace(ON_A_GPU), on_device=True))
    with database.write() as session:
        results.store_documents(session, made, [Document.of(TRACE_NAME, "application/gzip", TRACE), profile])
    return made


def test_documents_are_listed(cli: Cli, run_id: str) -> None:
    assert [line.split()[0] for line in cli("runs", "artifacts", run_id).out.splitlines()[1:]] == [
        SUMMARY_NAME,
        TRACE_NAME,
        "trials.json",
    ]
    listed = cli("runs", "artifacts", run_id, "--json").document
    assert [item["bytes"] for item in listed if item["name"] == TRACE_NAME] == [len(TRACE)]


def test_one_that_people_can_read_is_printed(cli: Cli, run_id: str) -> None:
    assert cli("runs", "artifacts", run_id, "trials.json").document == [{"lr": 0.1}]


def test_one_that_they_cannot_read_wants_a_file(cli: Cli, run_id: str, tmp_path: Path) -> None:
    refused = cli("runs", "artifacts", run_id, TRACE_NAME)
    assert (refused.status, refused.out) == (2, "")
    assert "--out FILE" in " ".join(refused.err.split())
    file = tmp_path / "trace.gz"
    assert cli("runs", "artifacts", run_id, TRACE_NAME, "-o", str(file), "--json").document["bytes"] == len(TRACE)
    assert file.read_bytes() == TRACE


def test_one_that_is_not_there_is_an_error_and_leaves_no_file(cli: Cli, run_id: str, tmp_path: Path) -> None:
    said = cli("runs", "artifacts", run_id, "trails.json", "-o", str(tmp_path / "file"))
    assert said.status == 1
    assert "trials.json" in said.err
    assert not list(tmp_path.glob("file*"))
    assert cli("runs", "artifacts", run_id, "-o", "file").status == 2


def test_a_run_is_shown_with_its_profile_and_how_to_open_it(cli: Cli, run_id: str) -> None:
    said = " ".join(cli("runs", "show", run_id).out.split())
    assert "device busy for 34.8 %" in said
    assert "aten::addmm" in said
    assert f"migperf runs artifacts {run_id} {TRACE_NAME} -o {TRACE_NAME}" in said


def test_a_run_here_writes_its_documents_into_a_folder(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "documents"
    said = cli("run", "test-step", *QUICK, "--profile", "--artifacts", str(folder))
    assert said.status == 0, said.err
    assert sorted(file.name for file in folder.iterdir()) == ["facts.json", SUMMARY_NAME, TRACE_NAME]
    assert json.loads((folder / "facts.json").read_text()) == {"steps": 4}
    assert "traceEvents" in json.loads(gzip.decompress((folder / TRACE_NAME).read_bytes()))
    assert "no device: the run was on the CPU" in " ".join(said.out.split())
    assert "profiling some more steps" in said.err


def test_a_profile_here_needs_a_place_before_anything_starts(cli: Cli) -> None:
    said = cli("run", "test-step", *QUICK, "--profile")
    assert said.status == 2
    assert "--artifacts DIR" in said.err
    assert "starting" not in said.err
