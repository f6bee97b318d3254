"""Options: what ``name=value`` means, and how settings reach the processes that a command starts."""

import os
from pathlib import Path
from typing import Any

import pytest
import typer

from migperf.cli.options import AddressOptions, StorageOptions, parse_pairs, parse_values, settings_with
from migperf.cli.service import api_command
from migperf.errors import ConfigurationError
from migperf.settings import load_settings


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8", 8),
        ("1e-3", 0.001),
        ("true", True),
        ("null", None),
        ("adamw", "adamw"),
        ('["adamw", "sgd"]', ["adamw", "sgd"]),
        ('"8"', "8"),
        ("", ""),
        ("a=b", "a=b"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("[1", "[1"),
    ],
)
def test_a_value_is_json_if_it_can_be_and_text_otherwise(text: str, value: Any) -> None:
    assert parse_values([f"name={text}"], "--param") == {"name": value}


@pytest.mark.parametrize("pairs", [["batch_size"], ["=3"], ["a=1", "a=2"]])
def test_what_is_no_pair_is_a_usage_error_that_names_it(pairs: list[str]) -> None:
    with pytest.raises(typer.BadParameter, match=r"batch_size|=3|twice"):
        parse_values(pairs, "--param")


def test_labels_stay_text() -> None:
    assert parse_pairs(["run=8", "commit = x"], "--label") == {"run": "8", "commit": " x"}


def test_options_override_the_environment_for_this_process_and_those_it_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MIGPERF_PORT", "1")
    monkeypatch.setenv("MIGPERF_HOST", "localhost")
    monkeypatch.chdir(tmp_path)
    settings = settings_with(StorageOptions(data_dir=Path("here")), AddressOptions(port=2))
    assert (settings.port, settings.host, settings.data_dir) == (2, "localhost", tmp_path / "here")
    assert os.environ["MIGPERF_PORT"] == "2"
    assert os.environ["MIGPERF_DATA_DIR"] == str(tmp_path / "here")


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGPERF_LEASE_S", "-1")
    with pytest.raises(ConfigurationError, match="MIGPERF_LEASE_S"):
        settings_with()


def test_the_api_is_served_by_one_process_on_the_address_of_the_settings(tmp_path: Path) -> None:
    settings = settings_with(StorageOptions(data_dir=tmp_path), AddressOptions(host="0.0.0.0", port=8000))  # noqa: S104
    command = api_command(settings, verbose=False)
    assert command[1:6] == ["-P", "-m", "uvicorn", "api.process:application", "--factory"]
    assert command[command.index("--host") + 1] == "0.0.0.0"  # noqa: S104
    assert command[command.index("--port") + 1] == "8000"
    assert command[command.index("--timeout-graceful-shutdown") + 1] == "2"
    assert "--no-access-log" in command
    assert "--workers" not in command
    assert "--no-access-log" not in api_command(settings, verbose=True)


@pytest.mark.parametrize(
    ("url", "root"), [("", ""), ("https://gpus.example", ""), ("https://intranet.example/bench/", "/bench")]
)
def test_the_api_knows_the_path_that_a_proxy_takes_away(tmp_path: Path, url: str, root: str) -> None:
    command = api_command(load_settings(data_dir=tmp_path, url=url), verbose=False)
    assert command[command.index("--root-path") + 1] == root
