"""``migperf check`` through real processes: a payload beside itself, then one whose code has become slower."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.service.harness import Service, service

pytestmark = pytest.mark.e2e
METHOD = {"min_s": 0.3, "warmup_s": 0.05, "steady_within": None, "precision": None}
BENCHMARK = {"parameters": {"step_ms": 5}, "method": METHOD}


def checked(running: Service, *more: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "migperf", "check", "--baseline", "label:branch=main", "--json", *more]
    done = subprocess.run(
        [*command, "--repeats", "2", "--margin", "0.4", "--allow-tainted"],
        env={**os.environ, **running.settings.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_same_payload_is_no_regression_and_a_slower_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times as long, while its benchmark stays the same."""
    slowdown = tmp_path / "slowdown"
    monkeypatch.setenv("MIGPERF_TEST_SLOWDOWN", str(slowdown))
    with service(tmp_path / "data") as running:
        before = [running.submit(**BENCHMARK, labels={"branch": "main"}) for _ in range(2)]
        assert all(running.finish(run_id)["state"] == "succeeded" for run_id in before)
        status, same = checked(running)
        assert (status, same["outcome"]) in {(0, "passed"), (2, "could_not_tell")}, same
        slowdown.write_text("3")
        status, slower = checked(running, "--junit", str(tmp_path / "check.xml"))
        assert (status, slower["outcome"]) == (1, "regressed"), slower
        (found,) = slower["benchmarks"]
        assert sorted(found["baseline"]) == sorted(before)
        assert found["findings"][0]["compared"]["ratio"] == pytest.approx(3, rel=0.2)
        regressed = [each for each in found["findings"] if each["outcome"] == "regressed"]
        suites = ET.parse(tmp_path / "check.xml").getroot()  # noqa: S314 - our own
        assert suites.attrib["failures"] == str(len(regressed))
