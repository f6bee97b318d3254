"""The page of the advisor without a script: its form, the demand in its address, and the answer drawn."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.advice_page import AnswerPage
from api.demand_fields import PARTS, WHOLE
from api.demand_form import MOST_ROWS, DemandForm, form_of
from api.links import Links
from api.schemas.advice import AdviceView
from migperf.access.scope import Scope
from migperf.analysis.advisor.demand import Demand
from migperf.analysis.advisor.status import Status
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import discover
from migperf.gpus.simulation.driver import open_in_memory
from migperf.settings import Settings
from migperf.store import gpus
from migperf.store.database import Database
from migperf.store.states import RunState
from tests.analysis.advisor.measured_runs import grouped, measured
from tests.api.advisor_form import answered, opened
from tests.api.gpu_host import GpuHost
from tests.api.keyed import guarded, made, signed_in
from tests.api.keyed import opened as opened_client
from tests.api.serving import TestClient
from tests.api.steps import both_databases, row_counts
from tests.builders import inventory, register

A100 = "NVIDIA A100-SXM4-80GB"
SEARCH = {"search": {"kind": "max_rate", "percentile": 99, "limit_ms": 20}, "parameters": {"batch_size": 1}}
SERVICE = {"services.0.name": "a", "services.0.benchmark.workload": "resnet50", "services.0.rate_per_s": "300"}
BOARD = {"gpus.0.model": "A100-SXM4-80GB", "gpus.0.count": "2"}


def known(database: Database, *rates: float, profile: str = "1g.10gb", **more: Any) -> None:
    for rate in rates:
        measured(database, profile, {"max_rate": rate, "throughput": rate}, **{**SEARCH, **more})


def has_gpus(database: Database, count: int = 1, *, simulated: bool = False) -> list[Gpu]:
    """Give the service GPUs."""
    now = datetime.now(UTC)
    found = discover(open_in_memory(["a100-80gb"] * count)).gpus
    told = tuple(gpu.model_copy(update={"simulated": simulated}) for gpu in found)
    with database.write() as session:
        register(session, now)
        gpus.store(session, "node-1", inventory(gpus=told), now)
    return list(told)


def address(*parts: Mapping[str, str]) -> str:
    return f"/advisor?{urlencode({name: text for part in parts for name, text in part.items()})}"


def test_with_nothing_measured_it_says_so_and_an_example_can_be_asked_at_once(client: TestClient) -> None:
    page = opened(client)
    assert "Nothing has been measured on a real GPU yet" in page.said("nothing-measured")
    example = opened(client, page.link("Begin with an example")).press("Advise")
    assert example.said("answer-title") == "1 of 2 × NVIDIA A100-SXM4-80GB serve it; fewer do not suffice"


@both_databases
def test_what_the_form_begins_with_is_answered_and_drawn_to_scale(client: TestClient, database: Database) -> None:
    known(database, 100, 101, 102)
    page = opened(client).press("Advise")
    assert page.said("answer-title") == f"1 of 4 × {A100} serve it; fewer do not suffice"
    assert "4x1g.10gb" in page.text
    drawn = [one for one in page.root.iter() if one.get("class") == "job job-0" and one.tag.endswith("}g")]
    says = [next(each.text or "" for each in one if each.tag.endswith("}title")) for one in drawn]
    assert len(says) == 4
    assert all("1 compute slice: placed. resnet50: 77.5 of 101/s" in text for text in says)
    assert "proved · 1 GPU reached, bound 1, gap 0 %" in " ".join(page.text.split()).replace("</strong>", "")
    assert page.said("uses-1") == "Each instance in samples a second"


def test_what_was_measured_can_be_chosen_from(client: TestClient, database: Database) -> None:
    known(database, 100, 102)
    known(database, 500, profile="7g.80gb")
    measured(database, "3g.40gb", {"throughput": 400}, scenario="train", parameters={"batch_size": 64})
    measured(database, "1g.10gb", {}, state=RunState.DOES_NOT_FIT, scenario="train", parameters={"batch_size": 64})
    single = {"scenario": "single_stream"}
    measured(database, figures={"throughput": 1}, simulated=True, workload="vit-c-1gf", **single)
    pair = [measured(database, figures={"throughput": 2}, gpu="G", workload="resnet18", **single) for _ in range(2)]
    grouped(database, pair)
    page = opened(client)
    rows = ["".join(row.itertext()).split() for row in page.element("choices").iter() if row.tag.endswith("}tr")][1:]
    assert [row[:-1] for row in rows] == [
        ["resnet50", "training", "batch_size=64", "eager", "in", "fp32", "1g.10gb", "–3g.40gb", "400/s"],
        ["resnet50", "batch_size=1", "eager", "in", "fp32", "1g.10gb", "102/s7g.80gb", "500/s"],
    ], "neither what was simulated, nor what had company"
    page = page.press("Add a training job").press("Ask about resnet50 batch_size=64")
    assert "training.1.name" not in page.fields, "it goes into the row in which there is nothing yet"
    assert page.fields["training.0.name"] == "resnet50-2"
    assert page.fields["training.0.throughput_per_s"] == "1200"
    assert page.said("training-0-known") == f"Measured on 1g.10gb, 3g.40gb of {A100} (2 runs)."
    page = page.press("Ask about resnet50 batch_size=1")
    assert page.fields["services.1.latency.limit_ms"] == "20"
    again = page.press("Ask about resnet50 batch_size=1")
    assert [again.fields[f"services.{at}.name"] for at in range(3)] == ["resnet50", "resnet50-3", "resnet50-4"]


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({}, f"Measured on 1g.10gb of {A100} (1 run)."),
        ({"services.0.benchmark.parameters": "batch_size=2"}, "Never measured so. What was: batch_size=1."),
        ({"services.0.benchmark.engine.precision": "bf16"}, "Never measured so. What was: batch_size=1."),
        ({"services.0.benchmark.workload": "resnet18"}, "Never measured on a GPU: the answer offers the experiment."),
        ({"services.0.benchmark.workload": ""}, "Names no workload: only figures given by hand count."),
        ({"gpus.0.model": "H100 PCIe"}, f"Not measured on these GPUs, but on 1g.10gb of {A100}."),
        ({"services.0.rate_per_s": "much"}, ""),
    ],
)
def test_each_service_is_told_what_is_known_of_it(
    client: TestClient, database: Database, entered: dict[str, str], said: str
) -> None:
    known(database, 100)
    assert opened(client, address(SERVICE, BOARD, entered)).said("services-0-known") == said


def test_the_demand_is_in_the_address_and_comes_back_from_it(client: TestClient) -> None:
    more = {
        "services.0.benchmark.parameters": "batch_size=1 image_size=128",
        "services.0.latency.statistic": "mean",
        "services.0.latency.limit_ms": "12.5",
        "measured.0.of": "a",
        "measured.0.profile": "1g.10gb",
        "measured.0.throughput_per_s": "127",
        "measured.0.source": "ours & <theirs>",
        "tainted": "on",
        "reserve": "0.2",
    }
    page = opened(client, address(SERVICE, BOARD, more, {"utm_source": "x", "gpus.x": "1"}))
    entered = {**SERVICE, **BOARD, **more}
    assert {name: page.fields[name] for name in entered} == entered
    shared = page.link("Address of this demand")
    assert opened(client, shared).fields == page.fields
    assert yaml.safe_load("".join(page.all("code")[0].itertext())) == {
        "migperf": 1,
        "gpus": [{"model": "A100-SXM4-80GB", "count": 2}],
        "reserve": 0.2,
        "tainted": True,
        "services": [
            {
                "name": "a",
                "benchmark": {"workload": "resnet50", "parameters": {"batch_size": 1, "image_size": 128}},
                "rate_per_s": 300,
                "latency": {"statistic": "mean", "limit_ms": 12.5},
            }
        ],
        "measured": [{"of": "a", "profile": "1g.10gb", "throughput_per_s": 127, "source": "ours & <theirs>"}],
    }


NAMES = st.sampled_from(["a", "b.c", "thumbnails"])
PARAMETERS = st.dictionaries(
    st.sampled_from(["batch_size", "image_size", "x"]),
    st.one_of(st.integers(), st.booleans(), st.none(), st.text(max_size=8), st.lists(st.integers(), max_size=3)),
    max_size=3,
)
LATENCY = st.fixed_dictionaries({"statistic": st.sampled_from(["mean", "p99"]), "limit_ms": st.floats(0.1, 9)})
SERVICES = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "benchmark": st.fixed_dictionaries({"workload": NAMES}, optional={"parameters": PARAMETERS}),
        "rate_per_s": st.floats(1e-6, 1e6) | st.integers(1, 10**6),
        "latency": LATENCY,
        "weight": st.integers(1, 9),
    },
)
DEMANDS = st.fixed_dictionaries(
    {"migperf": st.just(1), "services": st.lists(SERVICES, min_size=1, max_size=3)},
    optional={
        "gpus": st.just("at_hand") | st.just([{"model": "A30", "count": 2}, {"model": "H100 PCIe", "count": 1}]),
        "goal": st.sampled_from(["fewest_gpus", "most_throughput"]),
        "tainted": st.booleans(),
        "interference": st.just([{"of": "a", "beside": "b", "slowdown": 1.25}]),
    },
)


def comparable(demand: Mapping[str, Any]) -> dict[str, Any]:
    """Return a demand with what is left out written out."""
    left_out = {"gpus": "at_hand", "goal": "fewest_gpus", "tainted": False}
    services = [dict(each) for each in demand["services"]]
    for each in services:
        if each.get("benchmark", {}).get("parameters") == {}:
            each["benchmark"] = {"workload": each["benchmark"]["workload"]}
    return {**left_out, **demand, "services": services}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(DEMANDS)
def test_every_demand_stands_in_the_form_and_comes_out_of_it_and_of_its_address(demand: dict[str, Any]) -> None:
    form = form_of(demand)
    assert comparable(form.demand()) == comparable(demand)
    assert DemandForm.of(form.pairs()) == form


IN_ROWS = st.builds(
    "{}.{}.{}".format,
    st.sampled_from([*PARTS]),
    st.integers(0, 3),
    st.sampled_from([one.path for part in PARTS.values() for one in part.fields]),
)
ELSEWHERE = st.sampled_from(
    [*(one.path for one in WHOLE), "change", "file", "gpus", "services.99999.name", "services.-1.name"]
)
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "on",
        "1e999",
        "add services {",
        "add services " + "[" * 100_000,
        "add gpus [1]",
        "remove gpus 7",
        "fill",
        "migperf: 1",
        "x=[[[[",
        "batch_size=1,b=2",
        "at_hand",
    ]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(IN_ROWS | ELSEWHERE, TEXTS, max_size=8))
def test_whatever_is_sent_is_answered_with_a_page(client: TestClient, sent: dict[str, str]) -> None:
    assert client.post("/advisor", data=sent).status_code == 200


@pytest.mark.parametrize(
    ("entered", "field", "said"),
    [
        ({"services.0.rate_per_s": "much"}, "services-0-rate_per_s", "write a number"),
        ({"services.0.rate_per_s": "much", "gpus.0.model": "V100"}, "gpus-0-model", "no board known here; there are"),
        ({"services.0.rate_per_s": "1e999"}, "services-0-rate_per_s", "finite number"),
        ({"services.0.benchmark.workload": "resnet"}, "services-0-benchmark-workload", "nearest: "),
        ({"services.0.benchmark.parameters": "batch_size"}, "services-0-benchmark-parameters", "write name=value"),
        ({"services.0.benchmark.parameters": "batch_size=0"}, "services-0-benchmark-parameters", "batch_size: Input"),
        ({"services.0.latency.limit_ms": "-1"}, "services-0-latency-limit_ms", "greater than 0"),
        ({"services.0.weight": "2"}, "services-0-weight", "fewest_gpus has no weights"),
        ({"goal": "most_throughput"}, "goal", "most_throughput needs a weight"),
        ({"gpus.0.model": "V100"}, "gpus-0-model", "no board known here; there are"),
        ({"gpus.0.count": "0"}, "gpus-0-count", "greater than or equal to 1"),
        ({"gpus.1.model": "a100-80gb", "gpus.1.count": "1"}, "gpus-1-model", "is named twice"),
        ({"measured.0.of": "b", "measured.0.profile": "1g.10gb", "measured.0.throughput_per_s": "1",
          "measured.0.source": "x"}, "measured-0-of", "there are a"),
        ({"measured.0.of": "a", "measured.0.profile": "1g.5gb", "measured.0.throughput_per_s": "1",
          "measured.0.source": "x"}, "measured-0-profile", "it has whole, 7g.80gb"),
        ({"measured.0.of": "a", "measured.0.profile": "1g.10gb", "measured.0.source": "x"}, "measured-0",
         "give either throughput_per_s or does_not_fit"),
        ({"interference.0.of": "a", "interference.0.beside": "a", "interference.0.slowdown": "0.5"},
         "interference-0-slowdown", "greater than or equal to 1"),
        ({"time_limit_s": "60"}, "time_limit_s", "less than or equal to 20"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_field(client: TestClient, entered: dict[str, str], field: str, said: str) -> None:
    page = opened(client, address(SERVICE, BOARD, entered))
    assert said in page.said(f"{field}-problem")
    control = page.element(field)
    assert control.tag.endswith("fieldset") or control.get("aria-invalid") == "true"
    assert page.said("equivalents").endswith("Told as soon as everything is right. Address of this demand")
    assert page.press("Advise").said("no-answer") == "There is none: mend what is marked above."


def test_what_is_known_of_what_is_asked_is_told_however_much_else_was_measured_since(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(database, 100)
    measured(database, figures={"throughput": 2}, workload="resnet18", scenario="single_stream")
    monkeypatch.setattr("api.advisor_page.MOST", 1)
    page = opened(client, address(SERVICE, BOARD))
    assert page.said("services-0-known") == f"Measured on 1g.10gb of {A100} (1 run)."


def test_gpus_that_are_cut_alike_are_drawn_once(client: TestClient, database: Database) -> None:
    known(database, 100)
    page = opened(client, address(SERVICE, BOARD, {"gpus.0.count": "9", "services.0.rate_per_s": "2200"}))
    page = page.press("Advise")
    titles = [
        " ".join("".join(one.itertext()).split()) for one in page.element("answer").iter() if one.tag.endswith("}h3")
    ]
    assert titles[:2] == [f"3 GPUs, 1–3 {A100}", f"GPU 4 {A100}"]
    assert page.said("uses-1") == "Each instance in samples a second, on each of these GPUs"


def test_nobody_is_told_what_is_missing_before_they_ask(client: TestClient) -> None:
    page = opened(client).press("Add a training job")
    assert page.said("training-0-name-problem") == ""
    assert page.press("Advise").said("training-0-name-problem") == "required, but missing"


def test_without_gpus_and_without_any_named_it_says_what_to_do(client: TestClient) -> None:
    page = opened(client, address(SERVICE))
    assert "this service knows no GPU; name boards" in page.said("gpus-problem")
    assert opened(client, address(BOARD)).said("services-problem") == "name at least one service or training job"


def test_rows_are_added_and_removed_and_what_was_entered_stays(client: TestClient) -> None:
    page = opened(client, address(SERVICE, BOARD)).press("Add a service", services_0_rate_per_s="77")
    page = page.press("Add a board", services_1_name="b", services_1_rate_per_s="5")
    assert (page.fields["services.0.rate_per_s"], page.fields["services.1.name"]) == ("77", "b")
    assert opened(client, page.link("Address of this demand")).fields == page.fields, "also rows with nothing in them"
    page = page.press("Remove service 1")
    assert page.fields["services.0.name"] == "b"
    assert "services.1.name" not in page.fields
    page = page.press("Remove board 2").press("Remove board 1")
    assert "Those at hand" in page.text


def test_the_form_is_filled_in_from_a_file_or_says_what_is_wrong_with_it(client: TestClient) -> None:
    text = Path("experiments/advice/a100-published.yaml").read_text()
    page = opened(client, address(SERVICE)).press("Fill in", file=text)
    assert (page.fields["services.2.name"], page.fields["measured.11.latency.ms"]) == ("texts", "174")
    assert page.fields["file"] == ""
    assert page.press("Advise").said("answer-title") == f"4 of 8 × {A100} serve it; fewer do not suffice"
    for wrong, said in (
        ("migperf: 1\nservices: [{name: a, rate_per_s: x}]", "services.0.rate_per_s: Input should be a valid number"),
        ("services: [", "line 1, column 12: this is not YAML"),
        ("", "Input should be a valid dictionary"),
    ):
        page = opened(client, address(SERVICE)).press("Fill in", file=wrong)
        assert said in page.said("file-problem")
        assert (page.fields["services.0.name"], page.fields["file"]) == ("a", wrong)


def test_a_layout_leads_to_where_it_is_applied(client: TestClient, database: Database) -> None:
    gpu = has_gpus(database)[0]
    known(database, 100)
    page = opened(client, address(SERVICE)).press("Advise")
    link = page.link("node-1 GPU-")
    assert link == f"/layouts?gpu={gpu.uuid}&layout=1g.10gb@0%2B1g.10gb@1%2B1g.10gb@2"
    explorer = client.get(link).text
    assert '<code id="layout-text">1g.10gb@0+1g.10gb@1+1g.10gb@2</code>' in explorer
    assert 'id="objection"' not in explorer
    more = opened(client, address(SERVICE, BOARD, {"services.0.rate_per_s": "900"})).press("Advise")
    assert f"This service has 1 × {A100}: 1 fewer than this needs." in more.text


def test_a_simulated_gpu_is_called_so_and_without_any_it_is_said_what_to_do(
    client: TestClient, database: Database
) -> None:
    known(database, 100)
    page = opened(client, address(SERVICE, BOARD)).press("Advise")
    assert f"This service knows no {A100}: cut it by hand, migperf mig apply 1g.10gb@0+1g.10gb@1" in page.text
    has_gpus(database, simulated=True)
    page = opened(client, address(SERVICE, BOARD)).press("Advise")
    assert '<strong class="simulated">simulated</strong>' in page.text
    assert "Those at hand" not in page.text


def test_a_gpu_that_is_cut_so_already_goes_before_others_and_a_real_one_before_a_simulated_one(
    client: TestClient, database: Database, tmp_path: Path
) -> None:
    host = GpuHost.registered(database, tmp_path, *["h100-80gb"] * 3)
    host.cut("3x1g.10gb", 2)
    now = datetime.now(UTC)
    simulated, first, second = (host.gpu(index) for index in range(3))
    real = tuple(gpu.model_copy(update={"simulated": False}) for gpu in (first, second))
    with database.write() as session:
        gpus.store(session, host.node, inventory(gpus=(simulated, *real)), now)
    known(database, 100, model=first.model)
    board = {"gpus.0.model": "h100-80gb", "gpus.0.count": "3"}
    targets = targets_at(client, address(SERVICE, board))
    assert targets == [f"Is so already: {host.node} {second.uuid[:12]}"]
    targets = targets_at(client, address(SERVICE, board, {"services.0.rate_per_s": "2100"}))
    apply_on = [f"Apply on {host.node} {gpu.uuid[:12]}" for gpu in (first, second, simulated)]
    assert sorted(targets[:2]) == sorted(apply_on[:2])
    assert targets[2:] == [f"{apply_on[2]} simulated"]


def test_a_gpu_that_is_not_to_be_cut_is_drawn_whole(client: TestClient, database: Database) -> None:
    [gpu] = has_gpus(database)
    measured(database, None, {"max_rate": 900, "throughput": 900}, **SEARCH)
    page = opened(client, address(SERVICE)).press("Advise")
    [drawn] = [one for one in page.root.iter() if one.get("class") == "job job-0" and one.tag.endswith("}g")]
    assert "whole, memory units 0 to 7, 7 compute slices: placed. a: 300 of 900/s" in "".join(drawn.itertext())
    assert "7 of 7 compute slices, 8 of 8 memory units used" in page.text
    assert targets_at(client, address(SERVICE)) == [f"Is so already: node-1 {gpu.uuid[:12]}"]
    explorer = client.get(page.link("node-1 GPU-")).text
    assert '<code id="layout-text">off</code>' in explorer
    assert 'id="objection"' not in explorer


def test_a_gpu_that_cannot_be_cut_is_used_as_it_is(client: TestClient, database: Database, tmp_path: Path) -> None:
    measured(database, None, {"max_rate": 900, "throughput": 900}, model="NVIDIA L40S", **SEARCH)
    board = {"gpus.0.model": "L40S", "gpus.0.count": "1"}
    page = opened(client, address(SERVICE, board)).press("Advise")
    assert "This service knows no NVIDIA L40S." in page.text
    host = GpuHost.registered(database, tmp_path, "l40s-48gb")
    targets = targets_at(client, address(SERVICE, board))
    assert targets == [f"Is so already: {host.node} {host.gpu().uuid[:12]} simulated"]
    assert "/layouts?gpu=" not in opened(client, address(SERVICE, board)).press("Advise").text


def targets_at(client: TestClient, where: str) -> list[str]:
    """Return what is said of the GPUs that the answer to the demand of an address could be applied to."""
    found = opened(client, where).press("Advise").all("p")
    return [" ".join("".join(one.itertext()).split()) for one in found if one.get("class") == "target"]


@pytest.fixture
def keyed_app(settings: Settings) -> FastAPI:
    """The application, which asks for keys."""
    return guarded(settings)


@pytest.mark.parametrize(("scope", "applies"), [(Scope.READ, False), (Scope.OPERATE, True)])
def test_who_may_not_operate_is_told_so_instead(
    keyed_app: FastAPI, database: Database, scope: Scope, *, applies: bool
) -> None:
    has_gpus(database)
    known(database, 100)
    with opened_client(keyed_app) as stranger:
        client = signed_in(stranger, made(database, Scope.READ, scope))
        client.headers["Sec-Fetch-Site"] = "same-origin"
        text = opened(client, address(SERVICE)).press("Advise").text
    assert ("Apply on" in text) is applies
    assert ("needs a key with the scope" in text) is not applies


def test_too_few_gpus_lead_to_how_many_would_do(client: TestClient, database: Database) -> None:
    known(database, 100)
    page = opened(client, address(SERVICE, BOARD, {"services.0.rate_per_s": "3000"})).press("Advise")
    assert page.said("answer-title") == f"cannot be served by 2 × {A100}; 5 × {A100} would do"
    assert "46.6 % can be served at most; 53.4 % would be left unserved" in page.text
    again = opened(client, page.link("which would do")).press("Advise")
    assert again.said("answer-title").startswith(f"5 of 5 × {A100} serve it")


def test_an_answer_leads_to_what_is_worth_asking_next(client: TestClient, database: Database) -> None:
    known(database, 100)
    with_reserve = opened(client, opened(client, address(SERVICE, BOARD)).press("Advise").link("reserve of 20 %"))
    assert with_reserve.fields["reserve"] == "0.2"
    assert "with a reserve of 20 %" not in with_reserve.press("Advise").text
    form = DemandForm.of({**SERVICE, **BOARD, "time_limit_s": "1"}.items())
    answer = AdviceView.model_validate(client.post("/v1/advice", json=form.demand()).json())
    undecided = answer.model_copy(update={"status": Status.FEASIBLE})
    ways = AnswerPage.of(undecided, Demand.model_validate(form.demand()), form, (), Links("")).ways
    assert [way.text for way in ways] == ["Let the solver search for 20 s", "Ask the same with a reserve of 20 %"]
    assert "time_limit_s=20#answer" in ways[0].link


def test_what_is_worth_too_little_gets_nothing_and_that_is_seen(client: TestClient, database: Database) -> None:
    known(database, 100)
    cheap = {"services.1.name": "cheap", "services.1.benchmark.workload": "resnet50", "services.1.weight": "1"}
    more = {"goal": "most_throughput", "services.0.weight": "9", "gpus.0.count": "1", "services.0.rate_per_s": ""}
    page = opened(client, address(SERVICE, BOARD, more, cheap)).press("Advise")
    rows = [
        " ".join("".join(row.itertext()).split()) for row in page.element("answer").iter() if row.tag.endswith("}tr")
    ]
    assert rows[1:3] == [
        "A a – 700 – – 7 none 1g.10gb: 100/s keep p99 of latency within 20 ms (1 run, max_rate)",
        "B cheap – 0 – – none none –",
    ]
    assert "6300 weighted sample/s reached, bound 6300" in page.text


def test_what_was_never_measured_leads_to_the_experiment_that_would(client: TestClient) -> None:
    page = opened(client, address(SERVICE, BOARD)).press("Advise")
    assert page.said("answer-title") == "cannot be served: a"
    assert "nothing that was measured can serve it" in page.text
    form = client.get(page.link("Open the experiment"))
    document = yaml.safe_load(html5_text(form.text))
    assert document["name"] == "advice-a-nvidia-a100-sxm4-80gb"
    assert document["matrix"]["partition"][:2] == ["whole", "7g.80gb"]


def html5_text(page: str) -> str:
    """Return what stands in the text area of a page."""
    from html import unescape

    return unescape(page.partition('<textarea id="file"')[2].partition(">")[2].partition("</textarea>")[0])


def test_a_demand_that_is_too_large_for_a_form_is_sent_elsewhere(client: TestClient) -> None:
    sent = {**SERVICE, **BOARD, **{f"measured.{at}.of": "thumbnails" for at in range(MOST_ROWS + 1)}}
    page = answered(client, sent)
    assert "send them as a file: migperf advise FILE" in page.said("measured-problem")
    assert "too long for an address" in page.said("too-long")
    assert len([name for name in page.fields if name.startswith("measured.") and name.endswith(".of")]) == MOST_ROWS


def test_asking_stores_nothing(client: TestClient, database: Database) -> None:
    known(database, 100)
    before = row_counts(database)
    opened(client, address(SERVICE, BOARD)).press("Advise")
    assert row_counts(database) == before


def test_the_demand_of_the_form_is_one_that_the_api_takes(client: TestClient, database: Database) -> None:
    known(database, 100)
    document = form_of({**DemandForm.of({**SERVICE, **BOARD}.items()).demand()}).demand()
    assert Demand.model_validate(document).services[0].rate_per_s == 300
    by_api = client.post("/v1/advice", json=document).json()
    assert opened(client, address(SERVICE, BOARD)).press("Advise").said("answer-title") == by_api["headline"]
