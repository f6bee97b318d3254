"""The Grafana dashboard asks for nothing that the two pages do not expose, and is laid out as Grafana can show it."""

import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.exposed import ADDED, Exposed
from tests.deploy.promql import balanced, grouped_by, selectors, shown_labels

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "migperf.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel.get("targets", ())]
VARIABLES: dict[str, dict[str, Any]] = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
each_target = pytest.mark.parametrize(
    "target", [target for _, target in TARGETS], ids=[f"{title} {target['refId']}" for title, target in TARGETS]
)


@each_target
def test_every_metric_and_label_that_is_asked_for_is_exposed(target: dict[str, Any], exposed: Exposed) -> None:
    expression = target["expr"]
    used = selectors(expression)
    assert used, expression
    assert balanced(expression)
    for selector in used:
        assert selector.metric in exposed.labels, selector.metric
        for matcher in selector.matchers:
            assert matcher.label in exposed.labels[selector.metric].keys() | ADDED, f"{selector.metric}: {matcher}"
    labels = {label for selector in used for label in exposed.labels[selector.metric]} | ADDED
    assert set(grouped_by(expression)) | set(shown_labels(target["legendFormat"])) <= labels


@each_target
def test_a_state_that_is_asked_for_is_one_that_there_is(target: dict[str, Any], exposed: Exposed) -> None:
    for selector in selectors(target["expr"]):
        for matcher in selector.matchers:
            if matcher.label in {"state", "reason"}:
                assert set(matcher.alternatives) <= exposed.labels[selector.metric][matcher.label]


def test_variables_ask_for_labels_that_there_are(exposed: Exposed) -> None:
    assert list(VARIABLES) == ["datasource", "node", "gpu"]
    for name in ("node", "gpu"):
        query = VARIABLES[name]["query"]["query"]
        (selector,) = selectors(query)
        label = query.rpartition(",")[2].strip(" )")
        assert {label, *(matcher.label for matcher in selector.matchers)} <= exposed.labels[selector.metric].keys()


def test_every_panel_asks_the_data_source_that_was_chosen() -> None:
    sources = {
        json.dumps(part["datasource"])
        for panel in PANELS
        for part in (panel, *panel.get("targets", ()))
        if "datasource" in part
    }
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}
    asked = " ".join(target["expr"] for _, target in TARGETS)
    assert {name for name in VARIABLES if f"${name}" in asked} == {"node", "gpu"}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert Counter(panel["id"] for panel in PANELS).most_common(1)[0][1] == 1
    places = [(panel["title"], panel["gridPos"]) for panel in PANELS]
    for title, place in places:
        assert place["x"] >= 0, title
        assert place["x"] + place["w"] <= 24, title
    for (one, a), (other, b) in combinations(places, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], f"{one} lies on {other}"


def test_it_shows_service_gpus_partitions_and_nodes_and_explains_each_panel() -> None:
    assert [panel["title"] for panel in PANELS if panel["type"] == "row"] == ["Service", "GPUs", "Partitions", "Nodes"]
    assert all(panel["description"] for panel in PANELS if panel["type"] != "row")
    assert DASHBOARD["id"] is None, "Grafana gives it one"
    assert DASHBOARD["uid"] == "migperf"


def test_nothing_is_drawn_across_a_gap() -> None:
    drawn = [panel for panel in PANELS if panel["type"] in {"timeseries", "state-timeline"}]
    assert {panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] for panel in drawn} == {False}


def test_grafana_is_told_where_the_dashboard_and_prometheus_are() -> None:
    (provider,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "migperf.yml").read_text())["providers"]
    (source,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    compose = yaml.safe_load((GRAFANA.parents[1] / "docker-compose.yml").read_text())["services"]
    mounts = dict(volume.split(":")[:2] for volume in compose["grafana"]["volumes"])
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert source["type"] == VARIABLES["datasource"]["query"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"
