"""``migperf compare --confirm`` through real processes: fresh child processes by turns, until it is decided."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.service.harness import service

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
METHOD = {"min_s": 0.3, "warmup_s": 0.05}


def test_a_slower_payload_is_found_and_one_beside_itself_is_the_same(tmp_path: Path) -> None:
    """Sleeping 5 ms and 10 ms a step. Two processes that sleep equally long differ by less than 30 %."""
    with service(tmp_path / "data") as running:
        runs = [running.submit(method=METHOD, parameters={"step_ms": step_ms}) for step_ms in (5, 5, 10)]
        assert all(running.finish(run_id)["state"] == "succeeded" for run_id in runs)

        def confirm(baseline: str, candidate: str) -> tuple[int, dict[str, Any]]:
            command = [sys.executable, "-m", "migperf", "compare", baseline, candidate, "--confirm", "--margin", "0.3"]
            done = subprocess.run(
                [*command, "--budget-s", "60", "--json"],
                env={**os.environ, **running.settings.environment()},
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
            assert done.stdout, done.stderr
            return done.returncode, json.loads(done.stdout)

        status, same = confirm(runs[0], runs[1])
        (answer,) = same["comparison"]["candidates"]
        assert (status, same["ended_by"], answer["in_time"]["verdict"]) == (0, "decided", "same"), answer["headline"]
        status, slower = confirm(runs[0], runs[2])
        (answer,) = slower["comparison"]["candidates"]
        assert (status, slower["ended_by"], answer["in_time"]["verdict"]) == (4, "decided", "slower"), answer[
            "headline"
        ]
        assert answer["in_time"]["ratio"] == pytest.approx(2.0, rel=0.15)
        made = [run_id for pair in slower["pairs"] for run_id in (pair["baseline"], pair["candidate"])]
        began = {run_id: running.run(run_id)["started_at"] for run_id in made}
        by_turns = [pair[side] for pair in slower["pairs"] for side in _order(pair)]
        assert sorted(made, key=lambda run_id: began[run_id]) == by_turns
        assert {running.run(run_id)["partition"]["uuid"] for run_id in made} == {slower["partition"]}


def _order(pair: dict[str, str]) -> tuple[str, str]:
    return ("baseline", "candidate") if pair["first"] == "baseline" else ("candidate", "baseline")
