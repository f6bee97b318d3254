"""The OpenAPI document: valid, complete, and every example in it is what the service would take or give."""

from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from pydantic import BaseModel

from api.app import create_app
from api.problems import Problem
from api.schemas import (
    advice,
    alerts,
    comparison,
    compatibility,
    experiment_values,
    experiments,
    gpus,
    health,
    histories,
    history_import,
    keys,
    layout_check,
    layouts,
    partitions,
    points,
    regressions,
    results,
    roofline,
    run_preview,
    runs,
    schedules,
    series,
    timeline,
    timings,
    workloads,
)
from api.schemas.histories import PointPatch
from api.schemas.keys import KeyRequest
from api.schemas.layout_check import LayoutCheckRequest
from api.schemas.layouts import LayoutRequest
from api.schemas.regressions import RegressionPatch
from api.schemas.schedules import SchedulePatch
from migperf.alerts.channel import EmailChannel, SlackChannel, WebhookChannel
from migperf.analysis.advisor.demand import Demand
from migperf.experiments.document import Experiment
from migperf.gpus.selector import Selector
from migperf.gpus.sharing import Sharing
from migperf.histories.watch import Watch
from migperf.schedules.document import Schedule
from migperf.settings import Settings
from migperf.store.requests import RunRequest
from tests.api.serving import TestClient

PREFIX = "#/components/schemas/"
INPUTS: dict[str, type[BaseModel]] = {
    "RunRequest": RunRequest,
    "Selector": Selector,
    "Sharing": Sharing,
    "LayoutRequest": LayoutRequest,
    "LayoutCheckRequest": LayoutCheckRequest,
    "Experiment": Experiment,
    "Schedule": Schedule,
    "SchedulePatch": SchedulePatch,
    "PointPatch": PointPatch,
    "RegressionPatch": RegressionPatch,
    "Watch": Watch,
    "Demand": Demand,
    "WebhookChannel": WebhookChannel,
    "SlackChannel": SlackChannel,
    "EmailChannel": EmailChannel,
    "KeyRequest": KeyRequest,
}
SCHEMAS = (
    advice,
    alerts,
    comparison,
    compatibility,
    experiment_values,
    experiments,
    gpus,
    health,
    histories,
    history_import,
    keys,
    layout_check,
    layouts,
    partitions,
    points,
    regressions,
    results,
    roofline,
    run_preview,
    runs,
    schedules,
    series,
    timeline,
    timings,
    workloads,
)
MODELS: dict[str, type[BaseModel]] = INPUTS | {
    name: model
    for module in SCHEMAS
    for name, model in vars(module).items()
    if isinstance(model, type) and issubclass(model, BaseModel)
}
OPERATIONS = {
    "submit_run",
    "preview_run",
    "list_runs",
    "export_runs",
    "get_run",
    "cancel_run",
    "delete_run",
    "get_result",
    "read_benchmark",
    "compare_runs",
    "plan_experiment",
    "submit_experiment",
    "list_experiments",
    "get_experiment",
    "cancel_experiment",
    "resume_experiment",
    "delete_experiment",
    "get_experiment_report",
    "get_experiment_results",
    "get_experiment_compatibility",
    "add_schedule",
    "preview_schedule",
    "list_schedules",
    "get_schedule",
    "replace_schedule",
    "patch_schedule",
    "fire_schedule",
    "delete_schedule",
    "list_histories",
    "get_history",
    "delete_history",
    "watch_history",
    "unwatch_history",
    "list_points",
    "patch_point",
    "list_history_events",
    "get_run_history",
    "list_regressions",
    "get_regression",
    "patch_regression",
    "import_histories",
    "get_advice",
    "add_channel",
    "list_channels",
    "get_channel",
    "replace_channel",
    "delete_channel",
    "send_test_alert",
    "list_alerts",
    "get_alert",
    "get_roofline",
    "list_series",
    "get_series",
    "export_samples",
    "follow_series",
    "get_timing_histogram",
    "get_experiment_values",
    "get_timeline",
    "follow_run",
    "get_log",
    "list_artifacts",
    "get_artifact",
    "list_workloads",
    "get_workload",
    "list_partitions",
    "get_partition",
    "list_nodes",
    "list_gpus",
    "get_gpu",
    "list_layouts",
    "get_layout",
    "set_layout",
    "forget_kept_layout",
    "get_layout_change",
    "cancel_layout_change",
    "check_a_layout",
    "make_key",
    "list_keys",
    "get_key",
    "revoke_key",
    "get_whoami",
    "get_metrics",
    "get_health",
    "get_readiness",
}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document."""
    return create_app(Settings(data_dir=tmp_path_factory.mktemp("data"))).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, operation) for path, item in document["paths"].items() for operation in item.values()]


def references(part: object) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(value) for value in part.values()))
    return set().union(*map(references, part)) if isinstance(part, list) else set()


def test_the_document_is_valid_and_refers_to_nothing_that_is_not_there(document: dict[str, Any]) -> None:
    OpenAPI.model_validate(document)
    assert document["openapi"].startswith("3.1")
    known = {PREFIX + name for name in document["components"]["schemas"]}
    assert references(document) <= known


def test_every_route_has_a_name_for_generated_clients(document: dict[str, Any]) -> None:
    assert {operation["operationId"] for _, operation in operations(document)} == OPERATIONS
    assert all(operation["summary"] and operation["description"] for _, operation in operations(document))


def test_every_parameter_of_a_path_is_described(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        in_path = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert in_path == {part.strip("{}") for part in path.split("/") if part.startswith("{")}


def test_every_route_documents_its_problems(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        problems = {status: answer for status, answer in operation["responses"].items() if not status.startswith("2")}
        assert {"default", "503"} <= set(problems), path
        assert "404" in problems or "{" not in path
        for answer in problems.values():
            assert set(answer["content"]) == {"application/problem+json"}


def test_every_answer_with_a_body_has_an_example(document: dict[str, Any]) -> None:
    for model in sorted(references([operation["responses"] for _, operation in operations(document)])):
        name = model.removeprefix(PREFIX)
        if name != "Problem":
            assert document["components"]["schemas"][name]["examples"], name


def test_every_example_of_a_schema_is_what_the_schema_describes(document: dict[str, Any]) -> None:
    checked = 0
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", ()):
            back = MODELS[name].model_validate(example).model_dump(mode="json")
            assert name in INPUTS or back == example, name
            checked += 1
    assert checked >= 15


def test_every_example_of_a_problem_is_one(document: dict[str, Any]) -> None:
    checked = 0
    for _, operation in operations(document):
        for status, answer in operation["responses"].items():
            for example in answer.get("content", {}).get("application/problem+json", {}).get("examples", {}).values():
                problem = Problem.model_validate(example["value"])
                assert problem.model_dump(mode="json", exclude_unset=True) == example["value"]
                assert status in (str(problem.status), "default")
                checked += 1
    assert checked > 40


def test_every_example_of_a_request_is_accepted(client: TestClient, document: dict[str, Any]) -> None:
    examples = document["components"]["schemas"]["RunRequest"]["examples"]
    assert len(examples) >= 2
    for example in examples:
        assert client.post("/v1/runs", json=example).status_code == 202


def test_what_is_answered_has_exactly_the_documented_members(client: TestClient, document: dict[str, Any]) -> None:
    run = client.post("/v1/runs", json={"workload": "test-step", "scenario": "train"}).json()
    schema = document["components"]["schemas"]["RunView"]
    assert set(run) == set(schema["properties"]) == set(schema["required"])
