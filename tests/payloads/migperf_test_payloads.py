"""Payloads for tests, installed as a third party's would be: one of known step time, one that misbehaves on request."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field

from workloads.base import (
    ALL_ENGINES,
    Card,
    Context,
    Figure,
    InferencePayload,
    Parameters,
    Report,
    StepCost,
    Task,
    TrainingPayload,
    Workload,
)

NOTHING = StepCost(flops=0, bytes=0, least_bytes=0)
SLOWDOWN = "MIGPERF_TEST_SLOWDOWN"
"""Variable that names a file with a factor by which steps take longer, as if code had changed and not the benchmark."""


class StepParameters(Parameters):
    """A step that only takes time."""

    step_ms: float = Field(default=1.0, ge=0, le=60_000, description="Time that a step sleeps, ms.")
    samples: int = Field(default=1, ge=1, description="Samples of a step.")
    total_steps: int | None = Field(default=None, ge=1, description="A training run ends after so many steps.")
    slowed_by: str = Field(default="", description="A file with the factor by which steps are slower, if it is there.")


class Misdeed(StrEnum):
    """What a payload can do wrong."""

    NONE = "none"
    RAISE = "raise"
    EXIT = "exit"
    ABORT = "abort"
    SEGFAULT = "segfault"
    KILLED = "killed"
    HANG = "hang"
    OUT_OF_MEMORY = "out_of_memory"
    TORCH_OUT_OF_MEMORY = "torch_out_of_memory"
    CHATTER = "chatter"
    LEAVE_CHILD = "leave_child"
    IGNORE_SIGTERM = "ignore_sigterm"
    TELL_ENVIRONMENT = "tell_environment"


class MisbehaveParameters(Parameters):
    """What to do wrong, and when."""

    how: Misdeed = Field(default=Misdeed.RAISE, description="What to do.")
    after_steps: int = Field(default=3, ge=0, description="In which step.")
    note: str = Field(default="", description="A file that gets the pid of a child left behind.")


def _factor(name: str) -> float:
    """Return what a file says, as if another version of the payload were installed."""
    file = Path(name)
    return float(file.read_text()) if name and file.is_file() else 1.0


class _Sleeping:
    samples_per_step = 1
    sample_unit = "sample"

    def __init__(self, parameters: StepParameters, context: Context) -> None:
        self.parameters = parameters
        self.samples_per_step = parameters.samples
        self.total_steps = parameters.total_steps
        self.steps = 0
        self.device = context.device
        self.step_s = parameters.step_ms / 1000 * _slowdown() * _factor(parameters.slowed_by)
        print(f"a sleeping payload, seed {context.seed}")

    def next_batch(self) -> None:
        return None

    def stage(self, batch: None) -> None:
        return batch

    def step_cost(self) -> StepCost:
        return NOTHING  # and no step is taken to find out: tests count them

    def sleep(self) -> None:
        self.steps += 1
        time.sleep(self.step_s)

    def report(self) -> Report:
        absent = Figure(name="unheard", value=None, unit="1", absent="nobody listened")
        return Report(
            figures=(Figure(name="steps_taken", value=float(self.steps), unit="1"), absent),
            tables={"facts": {"steps": self.steps}},
        )


def _slowdown() -> float:
    file = os.environ.get(SLOWDOWN)
    if file is None or not os.path.exists(file):
        return 1.0
    with open(file) as opened:
        return float(opened.read())


class SleepingInference(_Sleeping, InferencePayload):
    """Each request takes its time."""

    def infer(self, batch: None) -> None:
        self.sleep()

    def join(self, batches: Sequence[None]) -> None:
        return None


class SleepingTraining(_Sleeping, TrainingPayload):
    """Each optimiser step takes its time."""

    def step(self, batch: None) -> Any:
        import torch

        self.sleep()
        return torch.zeros((), device=self.device)


class StepWorkload(Workload):
    """Takes time, and nothing else."""

    def inference(self, parameters: StepParameters, context: Context) -> SleepingInference:
        return SleepingInference(parameters, context)

    def training(self, parameters: StepParameters, context: Context) -> SleepingTraining:
        return SleepingTraining(parameters, context)


class Misbehaving(InferencePayload):
    """Behaves for some steps, then does not."""

    samples_per_step = 1
    sample_unit = "sample"

    def __init__(self, parameters: MisbehaveParameters) -> None:
        self.parameters = parameters
        self.steps = 0

    def next_batch(self) -> None:
        return None

    def stage(self, batch: None) -> None:
        return batch

    def step_cost(self) -> StepCost:
        return NOTHING

    def infer(self, batch: None) -> None:
        time.sleep(0.001)
        if self.steps == self.parameters.after_steps:
            print(f"about to {self.parameters.how}", flush=True)
            _MISDEEDS[self.parameters.how](self.parameters)
        self.steps += 1


class MisbehaveWorkload(Workload):
    """Offers inference that goes wrong."""

    def inference(self, parameters: MisbehaveParameters, context: Context) -> Misbehaving:
        return Misbehaving(parameters)


def _raise(_: MisbehaveParameters) -> None:
    raise ValueError("the payload is unwell")


def _hang(_: MisbehaveParameters) -> None:
    while True:
        time.sleep(3600)


def _ignore_sigterm(parameters: MisbehaveParameters) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _hang(parameters)


def _out_of_memory(_: MisbehaveParameters) -> None:
    raise MemoryError("no room for 1 TiB")


def _torch_out_of_memory(_: MisbehaveParameters) -> None:
    import torch

    torch.empty(1 << 50, dtype=torch.uint8)


def _chatter(_: MisbehaveParameters) -> None:
    while True:
        sys.stdout.write("chatter " * 1000 + "\n")
        time.sleep(0.0005)


def _leave_child(parameters: MisbehaveParameters) -> None:
    left = subprocess.Popen(["sleep", "3600"])
    with open(parameters.note, "w") as note:
        note.write(str(left.pid))


def _tell_environment(parameters: MisbehaveParameters) -> None:
    """Write CUDA's variables as the C library has them, for that is where the driver looks."""
    lines = subprocess.run(["env"], capture_output=True, text=True, check=True).stdout.splitlines()
    with open(parameters.note, "w") as note:
        note.write("\n".join(line for line in lines if line.startswith("CUDA_")))


_MISDEEDS: dict[Misdeed, Callable[[MisbehaveParameters], object]] = {
    Misdeed.NONE: lambda _: None,
    Misdeed.RAISE: _raise,
    Misdeed.EXIT: lambda _: os._exit(7),
    Misdeed.ABORT: lambda _: os.abort(),
    Misdeed.SEGFAULT: lambda _: ctypes.string_at(0),
    Misdeed.KILLED: lambda _: os.kill(os.getpid(), signal.SIGKILL),
    Misdeed.HANG: _hang,
    Misdeed.OUT_OF_MEMORY: _out_of_memory,
    Misdeed.TORCH_OUT_OF_MEMORY: _torch_out_of_memory,
    Misdeed.CHATTER: _chatter,
    Misdeed.LEAVE_CHILD: _leave_child,
    Misdeed.IGNORE_SIGTERM: _ignore_sigterm,
    Misdeed.TELL_ENVIRONMENT: _tell_environment,
}


class BatchParameters(Parameters):
    """A step that takes memory by the sample, and may go wrong from a size on."""

    batch_size: int = Field(default=8, ge=1, le=200, description="Samples of a step.")
    mib_per_sample: float = Field(default=0.0, ge=0, description="Memory that a sample takes, MiB.")
    from_size: int = Field(default=1 << 20, description="The size from which on it goes wrong.")
    how: str = Field(default="out_of_memory", description="How: a misdeed, bad_alloc, or wait.")


class Batches(InferencePayload):
    """Holds as much memory as its samples take while it answers."""

    def __init__(self, parameters: BatchParameters) -> None:
        self.parameters = parameters
        self.samples_per_step = parameters.batch_size

    def next_batch(self) -> None:
        return None

    def stage(self, batch: None) -> None:
        return batch

    def infer(self, batch: None) -> None:
        import torch

        p = self.parameters
        torch.ones(round(p.batch_size * p.mib_per_sample * (1 << 20)), dtype=torch.uint8)
        if p.batch_size >= p.from_size:
            _GOES_WRONG[p.how]()


def _bad_alloc() -> None:
    """End as C++ does whose thread gets no memory."""
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


_GOES_WRONG: dict[str, Callable[[], object]] = {
    "bad_alloc": _bad_alloc,
    "abort": os.abort,
    "raise": lambda: _raise(MisbehaveParameters()),
    "out_of_memory": lambda: _out_of_memory(MisbehaveParameters()),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "wait": lambda: time.sleep(60),
}


class BatchWorkload(Workload):
    """Offers inference that takes memory."""

    def inference(self, parameters: BatchParameters, context: Context) -> Batches:
        return Batches(parameters)


BATCHES = Card(
    name="test-batches",
    title="Batches that take memory",
    summary="Takes memory by the sample; for tests.",
    tasks=frozenset({Task.INFERENCE}),
    parameters=BatchParameters,
    implementation="migperf_test_payloads:BatchWorkload",
)


class Flaw(StrEnum):
    """What can be wrong with a network, so that an engine cannot have it, or cannot be checked."""

    NONE = "none"
    COMPILED_DIFFERS = "compiled_differs"
    HALF_DIFFERS = "half_differs"
    NOT_EXPORTABLE = "not_exportable"
    ANSWERS_ZERO = "answers_zero"
    ANSWERS_INFINITY = "answers_infinity"
    IGNORES_ENGINE = "ignores_engine"
    GRADIENT_STOPS = "gradient_stops"


class NetworkParameters(Parameters):
    """A network that compiles in seconds."""

    batch_size: int = Field(default=4, ge=1, description="Images of a step.")
    flaw: Flaw = Field(default=Flaw.NONE, description="What is wrong with it.")


STEP = Card(
    name="test-step",
    title="Sleeping step",
    summary="Sleeps for a known time; for tests.",
    tasks=frozenset(Task),
    parameters=StepParameters,
    implementation="migperf_test_payloads:StepWorkload",
)
MISBEHAVE = Card(
    name="test-misbehave",
    title="Misbehaving payload",
    summary="Goes wrong in a chosen way; for tests.",
    tasks=frozenset({Task.INFERENCE}),
    parameters=MisbehaveParameters,
    implementation="migperf_test_payloads:MisbehaveWorkload",
)
NETWORK = Card(
    name="test-network",
    title="Small network",
    summary="A convolution and a linear layer; for tests of engines.",
    tasks=frozenset(Task),
    parameters=NetworkParameters,
    implementation="migperf_test_networks:NetworkWorkload",
    engines=ALL_ENGINES,
)
