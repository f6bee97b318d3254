"""Help answers at once, for every command, and tells the truth."""

import subprocess
import sys

import pytest

import migperf
from migperf.measure.benchmark import Method, Scenario
from tests.cli.conftest import Cli

HEAVY = {"torch", "sqlalchemy", "fastapi", "celery", "pydantic_settings", "numpy", "httpx", "uvicorn"}
COMMANDS = [
    "run",
    "submit",
    "compare",
    "check",
    "calibrate",
    "roofline",
    "workloads",
    "partitions",
    "up",
    "api",
    "worker",
    "scheduler",
    *(f"runs {name}" for name in ("list", "show", "watch", "cancel", "delete", "log", "series", "export", "table")),
    *(f"schedules {name}" for name in ("validate", "add", "list", "show", "pause", "resume", "run-now", "delete")),
    "alerts list",
    *(f"alerts channels {name}" for name in ("add", "list", "delete", "test")),
    "whoami",
    *(f"keys {name}" for name in ("create", "list", "revoke")),
    *(f"db {name}" for name in ("upgrade", "downgrade", "current", "check", "thin")),
]


@pytest.mark.parametrize("command", ["", "run", "runs list", "schedules add", "compare", "check", "keys create"])
def test_help_imports_nothing_heavy(command: str) -> None:
    code = f"""
import sys
from migperf.cli.main import main
try:
    main({[*command.split(), "--help"]!r})
except SystemExit as ended:
    print("heavy:", sorted({HEAVY!r} & set(sys.modules)), ended.code)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "Usage: migperf" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "heavy: [] 0"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    said = cli(*command.split(), "--help")
    assert said.status == 0
    assert f"Usage: migperf {command}" in said.out


def test_help_names_every_scenario_and_every_method_field(cli: Cli) -> None:
    words = set(cli("run", "--help").out.translate(str.maketrans(",.;", "   ")).split())
    assert set(Scenario) <= words
    assert set(Method.model_fields) <= words


def test_a_command_without_arguments_shows_help_and_is_a_usage_error(cli: Cli) -> None:
    for command in ([], ["runs"], ["db"]):
        said = cli(*command)
        assert said.status == 2
        assert "Commands" in said.out + said.err or "Measure" in said.out + said.err


def test_the_version_can_be_asked_for(cli: Cli) -> None:
    assert cli("--version").out == f"migperf {migperf.__version__}\n"


def test_an_unknown_command_is_a_usage_error(cli: Cli) -> None:
    said = cli("rnu")
    assert said.status == 2
    assert "run" in said.err
