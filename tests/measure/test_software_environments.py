"""A payload runs in the software environment that its benchmark names; one that is broken says so. Real processes."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import migperf
from migperf.measure.helper_process import UnfitHelperError, helper_variables
from migperf.measure.launcher import Launcher
from migperf.measure.launchers import Launchers, UnknownEnvironmentError
from migperf.measure.outcome import Ending
from migperf.software_environment import SoftwareEnvironment
from tests.measure.supervised import supervised
from tests.payload_release import PACKAGE, before, release

pytestmark = pytest.mark.timeout(120)
NEWER = {'name="steps_taken"': 'name="pauses_taken"'}
OLDER = {"samples: int = Field(": "repeats: int = Field(", "parameters.samples": "parameters.repeats"}


@pytest.fixture(scope="module")
def own() -> Iterator[Launcher]:
    with Launcher() as launcher:
        launcher.wait_until_warm()
        yield launcher


def test_a_payload_runs_with_what_its_environment_has_and_the_facts_say_so(own: Launcher, tmp_path: Path) -> None:
    environment = release(tmp_path / "newer", "0.2", NEWER)
    with Launcher(environment) as newer:
        here = supervised(own, tmp_path / "log")
        there = supervised(newer, tmp_path / "log", environment="newer")
    assert (here.ending, there.ending) == (Ending.SUCCEEDED, Ending.SUCCEEDED), there.reason
    assert here.environment["payload"] == {PACKAGE: "0.1"}
    assert there.environment["payload"] == {PACKAGE: "0.2"}
    assert here.environment["software_environment"] == "default"
    assert there.environment["software_environment"] == "newer"
    assert "steps_taken" in {figure.name for figure in here.figures}
    assert "pauses_taken" in {figure.name for figure in there.figures}
    assert newer.offer.software is not None
    assert newer.offer.software.payloads == {PACKAGE: "0.2"}
    assert newer.offer.software.migperf_version == migperf.__version__
    assert newer.offer.software.torch == there.environment["torch"]


def test_the_facts_of_a_workload_of_migperf_name_no_package(own: Launcher, tmp_path: Path) -> None:
    small = {"image_size": 32, "classes": 10, "batch_size": 1}
    outcome = supervised(own, tmp_path / "log", workload="resnet18", parameters=small)
    assert outcome.ending is Ending.SUCCEEDED
    assert "payload" not in outcome.environment


def test_parameters_that_the_other_release_does_not_know_end_the_run_with_the_reason(tmp_path: Path) -> None:
    """The service has accepted them with its own release; the child is where it shows."""
    with Launcher(release(tmp_path / "older", "0.0.9", OLDER)) as older:
        outcome = supervised(older, tmp_path / "log", parameters={"samples": 2}, environment="older")
    assert outcome.ending is Ending.FAILED
    assert f"{PACKAGE} 0.0.9" in str(outcome.reason)
    assert "benchmark.parameters.samples" in str(outcome.reason)


def stub(folder: Path, helper: str | None) -> SoftwareEnvironment:
    """Return an environment with a package named migperf whose helper is this program, or that has none."""
    package = folder / "migperf"
    (package / "measure").mkdir(parents=True)
    (package / "__init__.py").touch()
    if helper is not None:
        (package / "measure" / "__init__.py").touch()
        (package / "measure" / "helper.py").write_text(helper)
    return before(folder)


SAYS = "import socket, sys, time\nsocket.socket(fileno=int(sys.argv[1])).send({said!r}.encode())\ntime.sleep(60)\n"
ANOTHER = '{"migperf_version": "0.0.1", "python": "3.12.1", "torch": "2.12.0", "payloads": {}, "more": 1}'
BROKEN = {
    "no interpreter": "/nowhere/python cannot be started: No such file or directory",
    "no Python": "the warm helper does not start: exit status 1",
    "no migperf": "No module named migperf.measure.helper",
    "raises": "ImportError: libcudart.so is not there",
    "of another version": rf"another version .* is installed there, 0\.0\.1, .*; install migperf {migperf.__version__}",
    "of an old protocol": "another version of migperf is installed there; install",
    "hangs": "not ready in time: importing torch or a payload hangs",
}


STUBS = {
    "no migperf": None,
    "raises": "raise ImportError('libcudart.so is not there')",
    "of another version": SAYS.format(said=ANOTHER),
    "of an old protocol": SAYS.format(said="warm"),
    "hangs": "import time\ntime.sleep(60)\n",
}
INTERPRETERS = {"no interpreter": "/nowhere/python", "no Python": "/bin/false"}


def broken(how: str, folder: Path) -> SoftwareEnvironment:
    if how in INTERPRETERS:
        return SoftwareEnvironment(python=INTERPRETERS[how])
    return stub(folder, STUBS[how])


@pytest.mark.parametrize("how", BROKEN)
def test_an_environment_that_is_broken_is_offered_as_such_beside_those_that_are_not(
    own: Launcher, tmp_path: Path, how: str
) -> None:
    launchers = Launchers({"broken": broken(how, tmp_path)}, own)
    launchers.wait_until_warm(0.5 if how == "hangs" else 30)
    offers = launchers.offers()
    assert offers["default"].problem is None
    assert offers["broken"].software is None
    assert re.search(BROKEN[how], str(offers["broken"].problem)), offers["broken"].problem
    assert launchers.of("broken")._helper is None, "nothing of it is left"


def test_a_run_that_names_an_environment_that_is_not_there_is_told_which_are(own: Launcher) -> None:
    launchers = Launchers({"newer": SoftwareEnvironment()}, own)
    assert launchers.of(None) is launchers.of("default") is own
    with pytest.raises(UnknownEnvironmentError, match="'older' here; there are: default, newer"):
        launchers.of("older")


def test_an_environment_that_broke_under_way_is_no_longer_offered(tmp_path: Path) -> None:
    """Its interpreter is gone, as after somebody has removed the folder, and its helper was killed."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    variables = {"PYTHONPATH": os.environ["PYTHONPATH"]}
    with Launcher(SoftwareEnvironment(python=python, variables=variables)) as launcher:
        launcher.wait_until_warm()
        assert launcher.offer.problem is None
        end_helper(launcher)
        assert supervised(launcher, tmp_path / "log").ending is Ending.SUCCEEDED, "another helper takes its place"
        python.unlink()
        end_helper(launcher)
        with pytest.raises(UnfitHelperError, match="cannot be started"):
            supervised(launcher, tmp_path / "log")
        assert "cannot be started: No such file" in str(launcher.offer.problem)


def test_another_interpreter_is_not_told_where_the_modules_of_the_worker_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would come before its own, and the same software would be measured twice."""
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("OF_THE_WORKER", "1")
    other = SoftwareEnvironment(python="/other/python", variables={"LD_LIBRARY_PATH": "/lib"})
    found = helper_variables(other)
    assert "PYTHONPATH" not in found
    assert (found["OF_THE_WORKER"], found["LD_LIBRARY_PATH"]) == ("1", "/lib")
    assert helper_variables(SoftwareEnvironment())["PYTHONPATH"] == "/ours"
    assert helper_variables(SoftwareEnvironment(python="/a", variables={"PYTHONPATH": "/b"}))["PYTHONPATH"] == "/b"


def end_helper(launcher: Launcher) -> None:
    """Kill the helper, as the kernel does that runs out of memory."""
    assert launcher._helper is not None
    launcher._helper._process.kill()
    launcher._helper._process.wait()
