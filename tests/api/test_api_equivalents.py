"""What the form shows beside a request says the same request: to a shell, to the command line, to Python."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import select

from api.app import create_app
from api.dependencies import passes_of
from api.equivalents import Equivalents
from api.minimal_request import minimal_request, request_of
from migperf.cli.main import main
from migperf.settings import load_settings
from migperf.store.database import Database
from migperf.store.models import Run
from migperf.store.requests import RunRequest
from migperf.strict_yaml import read_yaml
from tests.api.serving import CountingPasses, served
from tests.databases import migrated_sqlite

URL = "http://127.0.0.1:8642"
NASTY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
JSON_LIKE = st.sampled_from(
    ["true", "null", "5", "1e3", "[1]", '"quoted"', "", " padded ", "a=b", "it's", "$HOME", "`x`"]
)
WORDS = st.one_of(NASTY, JSON_LIKE)
STEP = st.fixed_dictionaries(
    {},
    optional={
        "step_ms": st.floats(0, 60_000),
        "samples": st.integers(1, 1 << 40),
        "total_steps": st.none() | st.integers(1, 1000),
        "slowed_by": WORDS,
    },
)
IMAGE = st.fixed_dictionaries(
    {},
    optional={
        "batch_size": st.integers(1, 64),
        "image_size": st.sampled_from([32, 224]),
        "learning_rate": st.none() | st.floats(1e-9, 1.0),
        "weight_average": st.booleans(),
        "optimizer": st.sampled_from(["adamw", "sgd"]),
    },
)
METHOD = st.fixed_dictionaries(
    {},
    optional={
        "warmup_steps": st.integers(0, 10),
        "steady_within": st.none() | st.floats(1e-6, 0.5),
        "precision": st.none() | st.floats(1e-6, 1.0),
        "precision_of": st.sampled_from(["mean", "p99"]),
        "estimate_power": st.booleans(),
    },
)
WHERE = st.fixed_dictionaries(
    {},
    optional={"kind": st.sampled_from(["cpu", "mig"]), "gpu_model": WORDS, "node": WORDS, "simulated": st.booleans()},
)
LABELS = st.dictionaries(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,9}", fullmatch=True), WORDS, max_size=3)
TREATED = {
    "method": METHOD,
    "where": WHERE,
    "labels": LABELS,
    "priority": st.integers(-100, 100),
    "timeout_s": st.floats(1e-6, 604_800),
    "retry_limit": st.integers(0, 20),
    "taint_retry_limit": st.integers(0, 10),
    "in_history": st.booleans(),
    "seed": st.integers(0, (1 << 63) - 1),
    "profile": st.booleans(),
    "environment": st.sampled_from(["default", "torch-2.12", "0"]),
}


def request_like(workload: str, scenario: str, parameters: st.SearchStrategy[Any], **more: Any) -> Any:
    treated = {name: strategy for name, strategy in TREATED.items() if name not in more}
    fixed = {"workload": st.just(workload), "scenario": st.just(scenario), **more}
    return st.fixed_dictionaries(fixed, optional={"parameters": parameters, **treated})


MAX_RATE = st.fixed_dictionaries(
    {"kind": st.just("max_rate"), "limit_ms": st.floats(1e-7, 1e7)},
    optional={"percentile": st.sampled_from([50, 99]), "tolerance": st.floats(0.01, 0.5)},
)
MAX_BATCH = st.fixed_dictionaries({"kind": st.just("max_batch")}, optional={"limit": st.integers(64, 5000)})
LAYOUT = {"layout": st.sampled_from(["2x3g.40gb", "off", "3g.40gb@4+1g.10gb@0"]), "where": st.just({})}
ENGINE = st.fixed_dictionaries({}, optional={"runtime": st.just("compile"), "channels_last": st.booleans()})
LOADED = st.fixed_dictionaries({"rate_per_s": st.floats(1e-3, 1e6)}, optional={"max_batch": st.integers(2, 64)})
TRACED = st.fixed_dictionaries({"arrivals": st.just("trace"), "trace_s": st.just([0.0, 0.25, 1e-5 + 1])})
REQUESTS = st.one_of(
    request_like("test-step", "train", STEP),
    request_like("test-step", "single_stream", STEP, **LAYOUT, restore_layout=st.booleans()),
    request_like("resnet18", "offline", IMAGE, engine=ENGINE),
    request_like("resnet18", "offline", IMAGE, search=MAX_BATCH, profile=st.just(False)),
    request_like("resnet18", "server", IMAGE, search=MAX_RATE),
    request_like("resnet18", "server", IMAGE, load=LOADED | TRACED),
    request_like("resnet18", "multi_stream", IMAGE, load=st.just({"streams": 3})),
    request_like("vit-stem-stability", "train", st.just({"optimizers": ["sgd"]})),
)


SHELL = r"""
curl() { printf '%s\0' curl "$@"; }
migperf() { printf '%s\0' migperf "$@"; case "$1 $2 $3" in "submit --file -"|"advise - "*) cat;; esac; }
"""


def words_of(text: str) -> list[str]:
    """Return what a shell makes of the text: the words of the command, then what it reads from standard input."""
    done = subprocess.run(["sh", "-c", SHELL + text], capture_output=True, check=True, timeout=20)
    assert done.stderr == b""
    return done.stdout.decode().split("\0")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The database of the service."""
    opened = Database(migrated_sqlite(tmp_path_factory.mktemp("service")))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def service(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a service is that takes runs and places none."""
    url = database.engine.url.render_as_string(hide_password=False)
    app = create_app(load_settings(data_dir=tmp_path_factory.mktemp("data"), database_url=url))
    app.dependency_overrides[passes_of] = CountingPasses
    with served(app) as at:
        yield at


def by_curl(text: str) -> None:
    command, url, _, header, _, body, _ = words_of(text)
    assert (command, header) == ("curl", "Content-Type: application/json")
    httpx.post(url, content=body, headers={"Content-Type": "application/json"}, trust_env=False).raise_for_status()


def by_cli(text: str) -> None:
    *words, standard_input = words_of(text)
    assert words.pop(0) == "migperf"
    before, sys.stdin = sys.stdin, io.StringIO(standard_input)
    try:
        with pytest.raises(SystemExit) as ended:
            main(words)
    finally:
        sys.stdin = before
    assert not ended.value.code


def by_python(text: str) -> None:
    exec(compile(text, "shown", "exec"), {})  # noqa: S102 - it is what people are told to execute


def newest(database: Database) -> tuple[RunRequest, bool]:
    """Return the request of the run submitted last, and whether it is to be a point of a history; delete the run."""
    with database.write() as session:
        run = session.scalars(select(Run).order_by(Run.id.desc()).limit(1)).one()
        request, in_history = RunRequest.model_validate(request_of(run)), run.history_due
        session.delete(run)
    return request, in_history


@settings(max_examples=40, deadline=None, derandomize=True)
@given(REQUESTS)
def test_a_request_without_its_defaults_is_the_same_request(document: dict[str, Any]) -> None:
    request = understood(document)
    short = minimal_request(request)
    assert RunRequest.model_validate(json.loads(json.dumps(short))) == request
    assert list(short)[:2] == ["workload", "scenario"]
    for name in set(short) - {"workload", "scenario"}:
        rest = {other: value for other, value in short.items() if other != name}
        with suppress(ValidationError):
            assert RunRequest.model_validate(rest) != request, f"{name} need not be said"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=REQUESTS)
def test_all_three_submit_the_same_run(document: dict[str, Any], service: str, database: Database) -> None:
    request = understood(document)
    texts = Equivalents.of(minimal_request(request), service)
    for send, text in ((by_curl, texts.curl), (by_cli, texts.cli), (by_python, texts.python)):
        send(text)
        sent, in_history = newest(database)
        assert sent.fingerprint() == request.fingerprint()
        assert (sent.model_copy(update={"in_history": in_history})) == request, text


def understood(document: dict[str, Any]) -> RunRequest:
    try:
        return RunRequest.model_validate(document)
    except ValidationError:
        reject()


def test_the_texts_read_as_people_would_write_them() -> None:
    request = RunRequest.model_validate(
        {
            "workload": "resnet18",
            "scenario": "server",
            "parameters": {"batch_size": 1, "image_size": 224, "learning_rate": None},
            "load": {"rate_per_s": 20},
            "engine": {"precision": "bf16"},
            "method": {"precision": None, "min_s": 5.0},
            "where": {"kind": "mig", "profile": "1g.10gb"},
            "labels": {"note": "it's mine"},
            "priority": -3,
            "in_history": False,
        }
    )
    texts = Equivalents.of(minimal_request(request), URL)
    assert texts.cli.split(" \\\n  ") == [
        "migperf submit resnet18",
        "--scenario server",
        "-p batch_size=1",
        "--load rate_per_s=20.0",
        "--precision bf16",
        "-m precision=null",
        "--where kind=mig,profile=1g.10gb",
        "--priority -3",
        "--not-in-history",
        """--label 'note=it'"'"'s mine'""",
        "--url http://127.0.0.1:8642",
    ]
    assert texts.curl.startswith(f"curl {URL}/v1/runs \\\n  -H 'Content-Type: application/json' \\\n  -d '{{")
    assert '"method": {"precision": None},' in texts.python


@pytest.mark.parametrize(
    "more",
    [
        {"layout": "2x3g.40gb"},
        {"where": {"gpu_model": "a,b=c"}},
        {"scenario": "server", "search": {"kind": "max_rate", "limit_ms": 50, "tolerance": 0.1}},
        {"scenario": "server", "search": {"kind": "max_rate", "limit_ms": 1e-7}},
    ],
)
def test_what_no_option_says_comes_by_a_file(more: dict[str, Any]) -> None:
    request = RunRequest.model_validate({"workload": "test-step", "scenario": "single_stream", **more})
    *words, body = words_of(Equivalents.of(minimal_request(request), URL).cli)
    assert words == ["migperf", "submit", "--file", "-", "--url", URL]
    assert RunRequest.model_validate_json(body) == request


DEMAND_NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=DEMAND_NAMES, source=NASTY.filter(str.strip), rate=st.integers(1, 200) | st.floats(0.5, 200))
def test_all_three_ask_the_advisor_the_same(
    name: str, source: str, rate: float, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    demand = {
        "migperf": 1,
        "gpus": [{"model": "A100-SXM4-80GB", "count": 2}],
        "services": [{"name": name, "rate_per_s": rate, "latency": {"statistic": "mean", "limit_ms": 10}}],
        "measured": [
            {"of": name, "profile": "1g.10gb", "throughput_per_s": 127.5, "source": source}
            | {"latency": {"statistic": "mean", "ms": 7.86}}
        ],
    }
    texts = Equivalents.of_demand(demand, service)
    *words, file = words_of(texts.cli)
    assert (words, read_yaml(file)) == (["migperf", "advise", "-", "--url", service], demand)
    command, url, _, header, _, body, _ = words_of(texts.curl)
    assert (command, url, header) == ("curl", f"{service}/v1/advice", "Content-Type: application/json")
    assert json.loads(body) == json.loads(texts.body) == demand
    by_cli(texts.cli)
    said = capsys.readouterr().out
    by_python(texts.python)
    headline = capsys.readouterr().out.partition("\n")[0]
    assert headline.startswith("1 of 2 × NVIDIA A100-SXM4-80GB")
    assert " ".join(said.split()).startswith(headline)
