"""Software environments through real processes: one benchmark with two releases of its payload, on one worker."""

from pathlib import Path

import psutil
import pytest

from migperf.software_environment import SoftwareEnvironment
from tests.measure.supervised import QUICK
from tests.payload_release import PACKAGE, release
from tests.service.harness import service

pytestmark = pytest.mark.e2e


def test_one_benchmark_is_measured_in_each_environment_that_its_node_offers(tmp_path: Path) -> None:
    """A broken environment keeps neither the worker from starting nor other runs from being placed."""
    newer = release(tmp_path / "newer", "0.2", {'name="steps_taken"': 'name="pauses_taken"'})
    broken = SoftwareEnvironment(python="/nowhere/python")
    with service(tmp_path / "data", environments={"newer": newer, "broken": broken}) as running:
        (node,) = running.http.get("/v1/nodes").json()["items"]
        told = {each["name"]: (each["problem"], each["payloads"]) for each in node["environments"]}
        assert told == {
            "default": (None, {PACKAGE: "0.1"}),
            "newer": (None, {PACKAGE: "0.2"}),
            "broken": ("/nowhere/python cannot be started: No such file or directory", None),
        }
        waiting = running.submit(method=QUICK, environment="broken")
        runs = {name: running.submit(method=QUICK, environment=name) for name in ("default", "newer")}
        ended = {name: running.finish(run_id) for name, run_id in runs.items()}
        assert {name: run["state"] for name, run in ended.items()} == dict.fromkeys(runs, "succeeded")
        facts = {name: run["environment"] for name, run in ended.items()}
        assert {name: each["software_environment"] for name, each in facts.items()} == dict(
            zip(runs, runs, strict=True)
        )
        assert {name: each["payload"][PACKAGE] for name, each in facts.items()} == {"default": "0.1", "newer": "0.2"}
        assert ended["default"]["fingerprint"] == ended["newer"]["fingerprint"], "they are of one history"
        own_figure = {
            name: {figure["name"] for figure in running.http.get(f"/v1/runs/{run_id}/result").json()["figures"]}
            & {"steps_taken", "pauses_taken"}
            for name, run_id in runs.items()
        }
        assert own_figure == {"default": {"steps_taken"}, "newer": {"pauses_taken"}}

        sides = {"baseline": runs["default"], "candidate": runs["newer"]}
        (candidate,) = running.http.get("/v1/comparison", params=sides).json()["candidates"]
        differing = {each["name"] for each in candidate["differences"]}
        assert {"software_environment", "payload"} <= differing, "a comparison says what is not the same"
        assert running.run(waiting)["state"] == "queued"
        helpers = running.process("worker").children()
        assert len(helpers) == 2
        running.stop("worker")
        _, left = psutil.wait_procs(helpers, timeout=5)
        assert left == []
