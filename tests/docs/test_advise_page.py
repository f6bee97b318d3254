"""The page on advice shows what the command prints for the example, and the demand that it shows is one."""

import re
from pathlib import Path

import pytest
import yaml

from migperf.analysis.advisor.demand import Demand
from migperf.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "advise.md").read_text()
COMMAND = "migperf advise --offline experiments/advice/a100-published.yaml"


def lines(text: str) -> list[str]:
    """Without the table of GPUs, of which another one may be as good, and without the time that it took."""
    text = re.sub(r"\nGPU .*?\n\nJob ", "\nJob ", text, flags=re.DOTALL)
    return [re.sub(r"[\d.]+ s$", "", line.rstrip()) for line in text.strip().splitlines()]


def test_the_example_prints_what_the_page_shows(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = PAGE.split(f"$ {COMMAND}\n")[1].split("```")[0]
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as ended:
        main(COMMAND.split()[1:])
    assert not ended.value.code
    assert lines(capfd.readouterr().out) == lines(shown)


def test_the_demand_on_the_page_is_one() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    asked = Demand.model_validate(yaml.safe_load(shown))
    assert [job.name for job in asked.jobs] == ["thumbnails", "finetune"]
