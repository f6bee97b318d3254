"""A dcgm-exporter for each test, and the object that reads it."""

from collections.abc import Iterator

import pytest

from migperf.metrics.dcgm.exporter import Exporter
from tests.metrics.dcgm.fake_exporter import PERIOD_S, FakeExporter


@pytest.fixture
def fake() -> Iterator[FakeExporter]:
    made = FakeExporter()
    yield made
    made.vanish()


@pytest.fixture
def exporter(fake: FakeExporter) -> Exporter:
    return Exporter(fake.url, PERIOD_S)
