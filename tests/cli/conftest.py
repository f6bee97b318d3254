"""The command line in this process: what it prints, where, and its exit status."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from migperf.cli.main import main
from migperf.settings import Settings
from migperf.store.database import Database
from tests.client.service import running_service
from tests.databases import migrated_sqlite


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


Cli = Callable[..., Said]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The URL of a database at the newest schema, without rows."""
    return migrated_sqlite(tmp_path)


@pytest.fixture
def service_url(settings: Settings, database: Database) -> Iterator[str]:
    """Where a service runs whose worker is the test."""
    with running_service(settings) as url:
        yield url


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A terminal of 80 columns, no settings from outside, no GPUs, and no settings left behind."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("MIGPERF_") and "TEST" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("MIGPERF_GPUS", "none")
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in this process."""

    def run(*arguments: str) -> Said:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capfd.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run
