"""Everything that a deployment can set: ``MIGPERF_*`` variables, or a TOML file named by ``MIGPERF_CONFIG``.

Variables win over the file, the file over the defaults. The defaults are the embedded service: SQLite, Celery over
files, one data folder, one host.
"""

import ipaddress
import json
import os
import socket
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from migperf.errors import ConfigurationError
from migperf.software_environment import FurtherName, SoftwareEnvironment

NodeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Seconds = Annotated[float, Field(gt=0)]


def _default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "migperf"


class Settings(BaseSettings):
    """The settings of one process. Immutable: tests and commands build a new one instead of changing it."""

    model_config = SettingsConfigDict(env_prefix="MIGPERF_", frozen=True, extra="forbid")

    data_dir: Path = Field(default_factory=_default_data_dir, description="Folder of the embedded service's files.")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    broker_url: str = Field(default="filesystem://", description="Celery broker; filesystem:// uses the data folder.")
    broker_poll_s: Seconds = Field(default=0.1, description="How often a filesystem:// worker looks for messages.")

    host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8642, description="Port of the API.")
    url: str = Field(
        default="",
        description="Where clients find the API; empty: http://HOST:PORT. A path in it is what a proxy takes away.",
    )
    authentication: Literal["off", "required"] | None = Field(
        default=None,
        description="Whether the API asks for API keys: required, or off. Unset it is off, and the API listens on "
        "loopback addresses alone.",
    )
    metrics_open: bool = Field(
        default=False, description="Whether the API's /metrics asks for no key where authentication is required."
    )
    max_body_bytes: Annotated[int, Field(gt=0)] = Field(default=1 << 20, description="Largest request body taken.")

    node_name: NodeName = Field(default_factory=socket.gethostname, description="Name of this worker's node.")
    node_heartbeat_s: Seconds = Field(default=5.0, description="How often a node says that it is alive.")
    node_stale_s: Seconds = Field(default=15.0, description="A node silent for longer gets no runs.")

    gpus: str = Field(
        default="auto",
        description="This node's GPUs: auto (what NVIDIA's driver lists), none, or simulated:BOARD,BOARD….",
    )
    offer_cpu: bool = Field(
        default=True, description="Whether this node's CPU is a partition; false where another worker offers it."
    )

    environments: dict[FurtherName, SoftwareEnvironment] = Field(
        default_factory=dict,
        description='Software environments that this node offers beside the worker\'s own, such as {"torch-2.12": '
        '{"python": "/opt/torch-2.12/bin/python", "variables": {"OMP_WAIT_POLICY": "passive"}}}.',
    )
    mps_control: Annotated[str, StringConstraints(min_length=1)] = Field(
        default="nvidia-cuda-mps-control", description="The control program of NVIDIA's MPS: a name on PATH, or a path."
    )

    lease_s: Seconds = Field(default=15.0, description="A lease not renewed for this long is lost.")
    lease_renew_s: Seconds = Field(default=1.0, description="How often a supervisor renews, and looks for a cancel.")
    wake_resend_s: Seconds = Field(default=2.0, description="An unanswered wake-up is sent again after this long.")
    placement_interval_s: Seconds = Field(default=1.0, description="How often the scheduler runs a placement pass.")

    samples_every_s: Seconds = Field(default=2.0, description="How often a run's new samples are stored.")
    dcgm_exporter_url: str = Field(
        default="",
        description="Page of this node's dcgm-exporter, such as http://127.0.0.1:9400/metrics: what GPUs without GPM "
        "(A100, A30) do is read there.",
    )
    dcgm_period_s: Seconds = Field(default=1.0, description="The exporter's collection interval.")
    metrics_host: str = Field(default="127.0.0.1", description="Address that a worker's own /metrics listens on.")
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None, description="Port of a worker's own /metrics for Prometheus; 0 chooses one, unset: no such page."
    )
    series_full_days: Annotated[float, Field(ge=0)] = Field(
        default=90.0, description="Watched series of runs that ended longer ago are thinned; 0: never."
    )
    series_thinned_points: Annotated[int, Field(ge=100, le=1_000_000)] = Field(
        default=5_000, description="Samples that a thinned series keeps, extremes among them."
    )

    alert_allowed_hosts: str = Field(
        default="",
        description="Hosts, addresses and networks of one's own that alerts may be sent to, separated by commas, such "
        "as alerts.example,10.1.0.0/16; without it only public addresses.",
    )
    alert_timeout_s: Seconds = Field(default=10.0, description="One try to deliver an alert takes no longer.")
    alert_retry_s: Seconds = Field(
        default=5.0, description="Pause after the first try to deliver an alert; it doubles with each, up to an hour."
    )
    alert_attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20, description="An alert that could not be delivered so often is given up."
    )

    kill_grace_s: Seconds = Field(default=2.0, description="Time between asking a child to end and killing it.")
    log_limit_bytes: Annotated[int, Field(ge=4096)] = Field(
        default=64 << 20, description="A child that logs more than this is stopped as failed."
    )
    log_kept_bytes: Annotated[int, Field(ge=1024)] = Field(
        default=256 << 10, description="How much of a child's log is stored: its beginning and its end."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment, then secret files, then the TOML file."""
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings, file_secret_settings]
        if path := os.environ.get("MIGPERF_CONFIG"):
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=_existing(Path(path))))
        return tuple(sources)

    @cached_property
    def sqlalchemy_url(self) -> str:
        """The database URL, with SQLite in the data folder where none is set."""
        return self.database_url or f"sqlite:///{self.data_dir / 'migperf.db'}"

    @cached_property
    def api_url(self) -> str:
        """The base URL under which clients reach the API, without a trailing slash."""
        return (self.url or f"http://{self.host}:{self.port}").rstrip("/")

    @cached_property
    def root_path(self) -> str:
        """The path under which clients reach the API, such as ``/bench``; empty where it has a host of its own."""
        return urlsplit(self.api_url).path

    @cached_property
    def authenticates(self) -> bool:
        """Whether the API asks who somebody is."""
        return self.authentication == "required"

    @cached_property
    def is_exposed(self) -> bool:
        """Whether the API listens where other hosts may reach it."""
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host != "localhost"

    def require_guarded(self) -> None:
        """Raise ConfigurationError if other hosts may reach the API and nobody has said whether it asks for keys."""
        if self.is_exposed and self.authentication is None:
            raise ConfigurationError(
                f"the API is to listen on {self.host}, where other hosts may reach it, without authentication: whoever "
                "reaches it could run what they like. Set MIGPERF_AUTHENTICATION=required and make a key with `migperf "
                "keys create`, or say MIGPERF_AUTHENTICATION=off if something in front of it keeps others out"
            )

    @cached_property
    def broker_dir(self) -> Path:
        """Folder of the filesystem broker's messages."""
        return self.data_dir / "broker"

    @cached_property
    def runs_dir(self) -> Path:
        """Folder of the logs that running children write."""
        return self.data_dir / "runs"

    @cached_property
    def mps_dir(self) -> Path:
        """Folder of the MPS daemons that this worker keeps, one a device."""
        return self.data_dir / "mps"

    @cached_property
    def simulated_host_file(self) -> Path:
        """File that keeps the state of simulated GPUs, shared by the processes of a host."""
        return self.data_dir / "simulated-gpus.json"

    def environment(self) -> dict[str, str]:
        """Return these settings as ``MIGPERF_*`` variables, for a process that must see the same ones."""
        given = self.model_dump(mode="json", exclude_defaults=False)
        return {f"MIGPERF_{name.upper()}": _as_text(value) for name, value in given.items() if value is not None}


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - each setting has its own type
    """Return the settings of this process. Raises ConfigurationError naming each bad setting."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        lines = (f"{_place(e['loc'])}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
        raise ConfigurationError("; ".join(lines)) from error
    except SettingsError as error:
        raise ConfigurationError(f"{error}; a variable that holds a table is JSON: {error.__cause__}") from error


def _place(location: tuple[int | str, ...]) -> str:
    """``("environments", "old", "python")`` as ``MIGPERF_ENVIRONMENTS.old.python``; of a bad key, the key."""
    setting, *inner = map(str, location)
    return ".".join((f"MIGPERF_{setting.upper()}", *(step for step in inner if step != "[key]")))


def _as_text(value: Any) -> str:  # noqa: ANN401 - each setting has its own type
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigurationError(f"MIGPERF_CONFIG names {path}, which is not a file")
    return path
