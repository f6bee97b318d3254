"""The host of these tests: one with the stand-in for the MPS control program."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gpus.mps.host import GPU, MIG, MpsHost


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MpsHost]:
    """A host with the stand-in; whatever a test does, nothing of it is left running."""
    made = MpsHost(tmp_path, monkeypatch)
    yield made
    left = [*made.living(GPU), *made.living(MIG)]
    for process in left:
        process.kill()
    assert left == [], "an MPS daemon or server was left running"
