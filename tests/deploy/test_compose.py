"""docker-compose.yml fits the code: every setting that it gives exists, every command that it runs is one of ours."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from migperf.settings import Settings

ROOT = Path(__file__).parents[2]
PASSWORD = {"POSTGRES_PASSWORD": "secret"}
OURS = {"schema", "api", "scheduler", "worker", "gpu-worker"}
PROFILES = {"gpu-worker": ["gpu"], "prometheus": ["monitoring"], "grafana": ["monitoring"]}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return dict(document["services"])


def filled(value: str) -> str:
    """Fill ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?message}`` in as Compose does."""
    return re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", lambda m: PASSWORD.get(m[1], m[3] if m[2] == "-" else ""), value)


def settings_of(service: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("MIGPERF_")]:
        monkeypatch.delenv(name)
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, filled(value))
    return Settings()


def test_the_cluster_has_all_parts_and_gpu_nodes_and_monitoring_only_on_request(services: dict[str, Any]) -> None:
    assert set(services) == OURS | {"postgresql", "redis", "prometheus", "grafana"}
    assert {name: service["profiles"] for name, service in services.items() if "profiles" in service} == PROFILES
    (device,) = services["gpu-worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_setting_is_one_that_the_code_reads(
    services: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {key for key in services[name]["environment"] if key.startswith("MIGPERF_")}
    known = {f"MIGPERF_{field.upper()}" for field in Settings.model_fields}
    assert given <= known
    settings = settings_of(services[name], monkeypatch)
    assert settings.sqlalchemy_url == "postgresql://migperf:secret@postgresql:5432/migperf"
    assert settings.broker_url == "redis://redis:6379/0"


def test_the_api_listens_on_the_port_that_is_published(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(services["api"], monkeypatch)
    (published,) = services["api"]["ports"]
    assert settings.host == "0.0.0.0"  # noqa: S104 - inside its container
    assert filled(published) == f"127.0.0.1:8642:{settings.port}", "published to this host alone unless asked otherwise"


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_is_one_of_ours(services: dict[str, Any], name: str) -> None:
    command = [sys.executable, "-m", "migperf", *services[name]["command"], "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr


def test_what_is_published_is_published_to_this_host_alone(services: dict[str, Any]) -> None:
    published = [filled(port) for service in services.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_images_that_are_not_ours_have_a_version(services: dict[str, Any]) -> None:
    for name in services.keys() - OURS:
        tag = services[name]["image"].partition(":")[2]
        assert re.match(r"v?\d+", tag), name


def test_no_process_starts_before_what_it_needs(services: dict[str, Any]) -> None:
    for name in OURS - {"schema"}:
        needed = {other: condition["condition"] for other, condition in services[name]["depends_on"].items()}
        assert needed == {"schema": "service_completed_successfully", "redis": "service_healthy"}
    assert all("healthcheck" in services[name] for name in ("postgresql", "redis"))


def test_the_image_contains_every_package_and_starts_ours() -> None:
    lines = (ROOT / "Dockerfile").read_text()
    for package in ("api", "migperf", "migrations", "workloads"):
        assert f"COPY {package} {package}" in lines
    assert 'ENTRYPOINT ["migperf"]' in lines
    assert "USER migperf" in lines, "not root"


@pytest.mark.skipif(
    shutil.which("docker") is None
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0,
    reason="no docker compose here",
)
def test_docker_compose_itself_accepts_the_file() -> None:
    checked = subprocess.run(
        ["docker", "compose", "--profile", "gpu", "--profile", "monitoring", "config", "--quiet"],
        cwd=ROOT,
        env={**os.environ, **PASSWORD},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
