"""docs/how-to/monitoring.md lists every metric that the two pages expose, with its labels and its meaning."""

from pathlib import Path

import yaml

from migperf.settings import Settings
from tests.deploy.exposed import Exposed, Pages

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "monitoring.md").read_text()


def rows(exposed: Exposed) -> list[str]:
    """Return the rows that the lists are to have."""
    ours = {name: labels for name, labels in exposed.labels.items() if name.startswith("migperf_")}
    return sorted(f"| `{name}` | {', '.join(sorted(ours[name])) or '–'} | {exposed.help[name]} |" for name in ours)


def listed(text: str) -> list[str]:
    return sorted(line for line in text.splitlines() if line.startswith("| `migperf_"))


def test_every_metric_of_both_pages_has_its_row_and_no_row_is_left_over(both_pages: Pages) -> None:
    service, node = PAGE.partition("## What a node says")[::2]
    assert listed(service) == rows(Pages(both_pages.service, "").exposed())
    assert listed(node) == rows(Pages("", both_pages.node).exposed())


def test_every_alert_is_explained() -> None:
    groups = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())["groups"]
    assert all(f"| `{rule['alert']}` |" in PAGE for group in groups for rule in group["rules"])


def test_the_settings_that_it_names_exist() -> None:
    for name in ("metrics_host", "metrics_port"):
        assert f"MIGPERF_{name.upper()}" in PAGE
        assert name in Settings.model_fields
