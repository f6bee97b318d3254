"""Through the supervisor: a framework that works, one that is not there, one that crashes, one that is broken."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from migperf.analysis.compatibility import ProbeRun, Verdict, cell
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome
from tests.measure.supervised import supervised

CRASHES = "import ctypes\nctypes.string_at(0)\n"
BROKEN = "raise ImportError('libcudnn.so.9: cannot open shared object file')\n"
METHOD = {"warmup_steps": 1, "warmup_s": 0, "steady_within": None, "min_steps": 20, "min_s": 0, "precision": None}


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        yield warm


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    """A helper on a host whose TensorFlow crashes when it is imported, and whose PaddlePaddle misses a library."""
    for module, distribution, code in (("tensorflow", "tensorflow", CRASHES), ("paddle", "paddlepaddle", BROKEN)):
        (tmp_path / f"{module}.py").write_text(code)
        metadata = tmp_path / f"{distribution}-9.8.7.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 9.8.7\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), os.environ["PYTHONPATH"])))
    with Launcher() as warm:
        yield warm


def probed(launcher: Launcher, log: Path, framework: str, scenario: str) -> Outcome:
    asked = {"workload": "framework", "parameters": {"framework": framework}, "method": METHOD}
    return supervised(launcher, log, scenario=scenario, **asked)


def verdict(outcome: Outcome, framework: str) -> Verdict:
    run = ProbeRun(
        framework=framework,
        task="training",
        partition="cpu",
        state=outcome.ending.value,
        reason=outcome.reason,
        environment=outcome.environment,
    )
    return cell([run]).verdict


def figures(outcome: Outcome) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in outcome.figures}


@pytest.mark.parametrize("scenario", ["train", "offline"])
def test_jax_works_and_the_run_keeps_its_version_and_device(launcher: Launcher, tmp_path: Path, scenario: str) -> None:
    outcome = probed(launcher, tmp_path / "log", "jax", scenario)
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    environment = outcome.environment
    assert (environment["framework"], environment["framework_device"]) == ("jax", "cpu:0 (cpu)")
    assert environment["framework_version"] == outcome.finished.tables["framework"]["version"]
    assert environment["framework_companions"].keys() == {"jaxlib"}
    assert figures(outcome)["answer_error"] < 1e-4
    assert figures(outcome)["flops_per_step"] is None
    assert verdict(outcome, "jax") is Verdict.WORKS


def test_two_ranks_train_as_one_process_would(launcher: Launcher, tmp_path: Path) -> None:
    outcome = probed(launcher, tmp_path / "log", "pytorch-ddp", "train")
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    assert outcome.environment["framework_companions"] == {"backend": "gloo", "ranks": "2"}
    assert figures(outcome)["answer_error"] < 1e-4
    assert figures(outcome)["last_loss"] < figures(outcome)["first_loss"]


def test_compiled_training_works(launcher: Launcher, tmp_path: Path) -> None:
    outcome = probed(launcher, tmp_path / "log", "pytorch-compile", "train")
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    assert figures(outcome)["answer_error"] < 1e-4


@pytest.mark.skipif(importlib.util.find_spec("paddle") is not None, reason="PaddlePaddle is installed")
def test_a_framework_that_is_not_installed_does_not_fail(launcher: Launcher, tmp_path: Path) -> None:
    outcome = probed(launcher, tmp_path / "log", "paddlepaddle", "train")
    assert (outcome.ending, outcome.figures) == (Ending.DOES_NOT_COMPILE, ())
    assert "PaddlePaddle (module paddle) is not installed here; install paddlepaddle" in outcome.reason
    assert outcome.environment["framework_version"] is None
    assert verdict(outcome, "paddlepaddle") is Verdict.NOT_INSTALLED


def test_one_that_crashes_or_is_broken_fails_with_its_reason_and_its_version(odd: Launcher, tmp_path: Path) -> None:
    crashed = probed(odd, tmp_path / "log", "tensorflow", "train")
    assert crashed.ending is Ending.FAILED
    assert "SIGSEGV" in crashed.reason
    broken = probed(odd, tmp_path / "other", "paddlepaddle", "train")
    assert broken.ending is Ending.FAILED
    assert broken.reason == "ImportError: libcudnn.so.9: cannot open shared object file"
    for outcome, framework in ((crashed, "tensorflow"), (broken, "paddlepaddle")):
        assert outcome.environment["framework_version"] == "9.8.7"
        assert verdict(outcome, framework) is Verdict.FAILS
