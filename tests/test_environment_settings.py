"""Software environments in the settings: by variable or file, handed on to other processes, and told when wrong."""

import json
from pathlib import Path

import pytest

from migperf.errors import ConfigurationError
from migperf.settings import load_settings
from migperf.software_environment import SoftwareEnvironment

GIVEN = {"torch-2.12": {"python": "/opt/torch-2.12/bin/python", "variables": {"LD_LIBRARY_PATH": "/opt/cuda"}}}
READ = {
    "torch-2.12": SoftwareEnvironment(
        python=Path("/opt/torch-2.12/bin/python"), variables={"LD_LIBRARY_PATH": "/opt/cuda"}
    )
}


def test_they_come_from_a_file_or_a_variable_and_reach_the_processes_of_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "migperf.toml"
    file.write_text(
        '[environments."torch-2.12"]\npython = "/opt/torch-2.12/bin/python"\n'
        'variables = {LD_LIBRARY_PATH = "/opt/cuda"}\n'
    )
    assert load_settings().environments == {}
    with monkeypatch.context() as patched:
        patched.setenv("MIGPERF_CONFIG", str(file))
        assert load_settings().environments == READ
    monkeypatch.setenv("MIGPERF_ENVIRONMENTS", json.dumps(GIVEN))
    settings = load_settings()
    assert settings.environments == READ
    monkeypatch.setenv("MIGPERF_ENVIRONMENTS", settings.environment()["MIGPERF_ENVIRONMENTS"])
    assert load_settings() == settings


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ('{"a": {"python": "bin/python"}}', r"^MIGPERF_ENVIRONMENTS\.a\.python: bin/python is not an absolute path"),
        ('{"a": {"pythn": "/bin/python"}}', r"^MIGPERF_ENVIRONMENTS\.a\.pythn: Extra inputs"),
        ('{"default": {}}', r"^MIGPERF_ENVIRONMENTS\.default: 'default' is the name of the worker's own environment"),
        ('{"a b": {}}', r"^MIGPERF_ENVIRONMENTS\.a b: String should match"),
        ('{"a": {"variables": {"A=": "1"}}}', r"^MIGPERF_ENVIRONMENTS\.a\.variables\.A=: String should match"),
        ('{"a": {"variables": {"A": 1}}}', r"^MIGPERF_ENVIRONMENTS\.a\.variables\.A: Input should be a valid string"),
        ("torch-2.12=/opt", r"environments.*a variable that holds a table is JSON: Expecting value"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(monkeypatch: pytest.MonkeyPatch, given: str, complaint: str) -> None:
    monkeypatch.setenv("MIGPERF_ENVIRONMENTS", given)
    with pytest.raises(ConfigurationError, match=complaint):
        load_settings()
