"""In a real child: what an engine is, how well it agrees, and how a run ends that cannot have it or that it fails."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from migperf.gpus.host_cpu import cpu_partition
from migperf.measure.benchmark import Benchmark
from migperf.measure.job import Job
from migperf.measure.launcher import Launcher
from migperf.measure.outcome import Ending, Outcome, Stop
from migperf.measure.phases import Phase
from migperf.measure.supervisor import Limits, Standing, Supervisor
from migperf.metrics.instruments import Instruments
from migperf.metrics.series import SeriesUpdate

METHOD = {"warmup_steps": 1, "warmup_s": 0, "steady_within": None, "min_steps": 20, "min_s": 0, "precision": None}
LIMITS = Limits(tick_s=0.05, samples_every_s=60.0, kill_grace_s=0.3, log_bytes=1_000_000)
BF16, COMPILE, ONNX = {"precision": "bf16"}, {"runtime": "compile"}, {"runtime": "onnx_runtime"}


class Onlooker:
    """Lets a run have its way."""

    def entered(self, phase: Phase, at_ns: int) -> None:
        """See Watcher."""

    def tick(self, standing: Standing) -> Stop | None:
        return None

    def samples(self, updates: list[SeriesUpdate]) -> None:
        """See Watcher."""


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        yield warm


def run(launcher: Launcher, log: Path, engine: dict[str, object], **benchmark: object) -> Outcome:
    asked = {"workload": "test-network", "scenario": "offline", "method": METHOD, "engine": engine, **benchmark}
    job = Job(run_id="test", benchmark=Benchmark.model_validate(asked), partition=cpu_partition(), timeout_s=240.0)
    return Supervisor(launcher, Instruments(), job, Onlooker(), log, LIMITS).run()


def flawed(flaw: str) -> dict[str, object]:
    return {"parameters": {"flaw": flaw}}


@pytest.mark.parametrize(
    ("engine", "scenario"),
    [
        (BF16, "offline"),
        ({"precision": "fp16"}, "train"),
        ({"channels_last": True}, "single_stream"),
        (ONNX, "offline"),
    ],
    ids=str,
)
def test_a_run_has_its_engines_difference_among_its_figures_and_facts_in_its_environment(
    launcher: Launcher, tmp_path: Path, engine: dict[str, object], scenario: str
) -> None:
    outcome = run(launcher, tmp_path / "log", engine, scenario=scenario)
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    (difference,) = [figure for figure in outcome.figures if figure.name == "engine_error"]
    assert 0 <= difference.value < 0.1
    assert "against the eager model in fp32, before the window" in difference.method
    assert outcome.environment["float32_matmul_precision"] == "highest"
    assert ("onnxruntime" in outcome.environment) == (engine == ONNX)


def test_the_reference_has_no_difference(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(launcher, tmp_path / "log", {})
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    assert "engine_error" not in {figure.name for figure in outcome.figures}


@pytest.mark.parametrize("scenario", ["offline", pytest.param("train", marks=pytest.mark.slow)])
def test_a_compiled_model_is_measured(launcher: Launcher, tmp_path: Path, scenario: str) -> None:
    """To its end: a step that would compile anything within the window raises."""
    outcome = run(launcher, tmp_path / "log", COMPILE, scenario=scenario)
    assert outcome.ending is Ending.SUCCEEDED, outcome.reason
    assert outcome.environment["compiled_graphs"] == 1
    steps = next(figure.samples for figure in outcome.figures if figure.name == "throughput")
    assert steps == 20


@pytest.mark.parametrize(("engine", "flaw"), [(BF16, "half_differs"), (COMPILE, "compiled_differs")], ids=str)
def test_a_wrong_engine_fails_the_run_and_leaves_no_figure(
    launcher: Launcher, tmp_path: Path, engine: dict[str, object], flaw: str
) -> None:
    outcome = run(launcher, tmp_path / "log", engine, **flawed(flaw))
    assert outcome.ending is Ending.FAILED
    assert outcome.reason.startswith("EngineDisagreesError: the engine does not compute what the eager model")
    assert "the output differs by" in outcome.reason
    assert outcome.figures == ()
    assert not [series for series in outcome.series if series.metric.name == "batch_time" and len(series.chunk)]


def test_a_payload_whose_answers_say_nothing_fails_and_does_not_pass(launcher: Launcher, tmp_path: Path) -> None:
    outcome = run(launcher, tmp_path / "log", BF16, **flawed("answers_zero"))
    assert (outcome.ending, outcome.figures) == (Ending.FAILED, ())
    assert "EngineUncheckedError: the output of the reference has the same value everywhere" in outcome.reason


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ({"runtime": "cuda_graph"}, "engine.runtime cuda_graph needs a GPU"),
        ({"precision": "tf32"}, "engine.precision tf32 needs a GPU"),
    ],
)
def test_what_a_cpu_cannot_do_does_not_compile(
    launcher: Launcher, tmp_path: Path, engine: dict[str, object], said: str
) -> None:
    outcome = run(launcher, tmp_path / "log", engine)
    assert (outcome.ending, outcome.figures) == (Ending.DOES_NOT_COMPILE, ())
    assert said in outcome.reason


def test_a_model_that_cannot_be_exported_does_not_compile_and_the_log_has_it_all(
    launcher: Launcher, tmp_path: Path
) -> None:
    outcome = run(launcher, tmp_path / "log", ONNX, **flawed("not_exportable"))
    assert outcome.ending is Ending.DOES_NOT_COMPILE
    assert "onnx_runtime in fp32 cannot execute this workload here" in outcome.reason
    assert len(outcome.reason.splitlines()) <= 7
    assert "Traceback" in (tmp_path / "log").read_text()


@pytest.fixture
def crippled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    """A helper on a host without a C++ compiler and without ONNX Runtime."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "onnxruntime.py").write_text("raise ImportError('it is not there')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(modules), os.environ["PYTHONPATH"])))
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    with Launcher() as warm:
        yield warm


def test_what_is_not_installed_is_said_with_the_remedy(crippled: Launcher, tmp_path: Path) -> None:
    exported = run(crippled, tmp_path / "log", ONNX)
    assert exported.ending is Ending.DOES_NOT_COMPILE
    assert "pip install migperf[onnx]" in exported.reason
    compiled = run(crippled, tmp_path / "log", COMPILE)
    assert compiled.ending is Ending.DOES_NOT_COMPILE, compiled.reason
    assert "compile in fp32 cannot execute this workload here" in compiled.reason
    assert "no-compiler" in compiled.reason or "C++" in compiled.reason
