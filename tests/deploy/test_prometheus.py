"""Prometheus is told to scrape what docker-compose.yml starts, and its alerts use nothing that is not exposed."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.exposed import ADDED, Exposed, Pages
from tests.deploy.promql import balanced, grouped_by, selectors, shown_labels

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONFIG: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
JOBS = {job["job_name"]: job for job in CONFIG["scrape_configs"]}
RULES = [rule for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])


def test_the_api_is_scraped_where_it_listens(services: dict[str, Any]) -> None:
    ((target,),) = (given["targets"] for given in JOBS["migperf"]["static_configs"])
    service, port = target.split(":")
    assert services[service]["command"] == ["api"]
    assert services[service]["environment"]["MIGPERF_PORT"] == port
    assert services[service]["environment"]["MIGPERF_HOST"] == "0.0.0.0"  # noqa: S104 - inside its container


def test_every_worker_is_scraped_where_its_page_is(services: dict[str, Any]) -> None:
    (asked,) = JOBS["migperf-worker"]["dns_sd_configs"]
    workers = {name for name, service in services.items() if service.get("command") == ["worker"]}
    assert set(asked["names"]) == workers
    for name in workers:
        environment = services[name]["environment"]
        assert environment["MIGPERF_METRICS_PORT"] == str(asked["port"])
        assert environment["MIGPERF_METRICS_HOST"] == "0.0.0.0"  # noqa: S104 - inside its container
        assert "ports" not in services[name], "its page is for Prometheus alone"


def test_prometheus_is_given_its_configuration_and_rules(services: dict[str, Any]) -> None:
    mounts = {volume.split(":")[0]: volume.split(":")[1] for volume in services["prometheus"]["volumes"]}
    assert mounts["./deploy/prometheus.yml"] == "/etc/prometheus/prometheus.yml"
    assert CONFIG["rule_files"] == ["alerts.yml"]
    assert mounts["./deploy/alerts.yml"] == "/etc/prometheus/alerts.yml"


@each_rule
def test_every_metric_and_label_of_an_alert_is_exposed(rule: dict[str, Any], exposed: Exposed) -> None:
    used = selectors(rule["expr"])
    assert used
    assert balanced(rule["expr"])
    for selector in used:
        labels = exposed.labels[selector.metric].keys() | ADDED
        assert {matcher.label for matcher in selector.matchers} <= labels
        assert set(shown_labels(rule["annotations"]["summary"])) - {"partition"} <= labels
    assert set(grouped_by(rule["expr"])) <= {label for one in used for label in exposed.labels[one.metric]}


@each_rule
def test_an_alert_asks_for_states_and_jobs_that_there_are(rule: dict[str, Any], exposed: Exposed) -> None:
    states = {"not_supported", "no_permission", "no_data", "lost", "stalled", "failed"}
    for selector in selectors(rule["expr"]):
        for matcher in selector.matchers:
            known = (
                states
                if selector.metric == "migperf_metric_absent"
                else exposed.labels[selector.metric].get(matcher.label, frozenset())
            )
            assert set(matcher.alternatives) <= (set(JOBS) if matcher.label == "job" else known)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here")
def test_promtool_accepts_configuration_rules_and_pages(both_pages: Pages) -> None:
    command = ["promtool", "check", "config", str(DEPLOY / "prometheus.yml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    for page in (both_pages.service, both_pages.node):
        linted = subprocess.run(
            ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False
        )
        assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")
