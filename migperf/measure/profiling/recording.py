"""Recording a profile in the child: some more of the steps that were timed, under torch.profiler.

Comes after everything that counts has been said, so that no failure here costs a result.
"""

import gzip
import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from migperf.measure.events import Document
from migperf.measure.loops.closed_loop import ClosedLoop, Step, answer_request, training_step
from migperf.measure.loops.timers import StepTimer, synchronised_timer
from migperf.measure.phases import Phase
from migperf.measure.profiling.summary import TRACE_NAME, ProfileSummary, summarise_trace, summary_document
from migperf.measure.profiling.trace import parse_trace
from migperf.measure.recorder import Recorder
from workloads.base import InferencePayload, Payload, TrainingPayload

if TYPE_CHECKING:
    import torch

STEPS = 5
BEFORE = 2
"""Steps that are recorded, and those before them: one without the profiler, one with it and thrown away."""
TRACE_LIMIT_BYTES = 64 << 20
"""Before compression; Perfetto and this process still read that much at ease."""


class TraceTooLargeError(Exception):
    """Not even a single step makes a trace that can be kept."""


def leave_profile(drive: object, payload: Payload, device: "torch.device", recorder: Recorder) -> None:
    """Profile some more steps and send what came of it; of what went wrong, the reason. Raises nothing."""
    recorder.enter(Phase.PROFILING)
    kept = None
    try:
        step = step_to_profile(drive, payload, device)
        trace = record_within(TRACE_LIMIT_BYTES, lambda steps: record(step, device, steps, recorder))
        recorder.send(Document.of(TRACE_NAME, "application/gzip", gzip.compress(trace, mtime=0)))
        kept = TRACE_NAME
        summary = summarise_trace(parse_trace(json.loads(trace)), on_device=device.type == "cuda")
    except Exception as error:  # noqa: BLE001 - whatever a profiler raises, the result is there
        traceback.print_exc()
        summary = ProfileSummary(absent=f"{type(error).__name__}: {error}", trace=kept)
    recorder.send(summary_document(summary))


def step_to_profile(drive: object, payload: Payload, device: "torch.device") -> Step:
    """Return the step that was timed; of a scenario without a closed loop, the answer to one request.

    Raises ValueError for a payload whose steps have come to an end.
    """
    if isinstance(payload, TrainingPayload) and payload.total_steps is not None:
        raise ValueError("the payload has taken all of its steps; there is none left to profile")
    if isinstance(drive, ClosedLoop):
        return _untimed(drive.step, drive.timer)
    timer = synchronised_timer(device)
    if isinstance(payload, TrainingPayload):
        return _untimed(training_step(payload, timer), timer)
    if isinstance(payload, InferencePayload):
        return _untimed(answer_request(payload, timer), timer)
    raise ValueError(f"nobody knows what a step of {type(payload).__name__} is")


def _untimed(step: Step, timer: StepTimer) -> Step:
    """Return the step with its timing thrown away; as when it was timed, nothing waits for it."""

    def untimed() -> None:
        step()
        timer.completed()

    return untimed


def record_within(limit_bytes: int, record_steps: Callable[[int], bytes]) -> bytes:
    """Return a trace of at most so many bytes, of as many steps as fit. Raises TraceTooLargeError."""
    steps = STEPS
    while steps:
        trace = record_steps(steps)
        if len(trace) <= limit_bytes:
            return trace
        if steps == 1:
            break
        steps = max(1, min(steps - 1, steps * limit_bytes // len(trace)))
    raise TraceTooLargeError(
        f"the trace of one step has {len(trace) >> 20} MiB, more than the {limit_bytes >> 20} MiB that are kept"
    )


def record(step: Step, device: "torch.device", steps: int, recorder: Recorder) -> bytes:
    """Take some steps under the profiler and return their trace, Chrome's JSON format.

    The device is waited for before the first recorded step and at the end of the last one, so that the trace has the
    work of these steps, and all of it.
    """
    from torch.profiler import ProfilerActivity, profile, schedule

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    plan = schedule(wait=BEFORE - 1, warmup=1, active=steps, repeat=1)
    last = BEFORE + steps
    with profile(activities=activities, schedule=plan, record_shapes=True, profile_memory=True) as profiler:
        for number in range(1, last + 1):
            step()
            if number in (BEFORE, last):
                _wait_for(device)
            recorder.report_progress(time.monotonic_ns(), number / last, number)
            profiler.step()
    with TemporaryDirectory(prefix="migperf-profile-") as folder:
        file = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(file))
        return file.read_bytes()


def _wait_for(device: "torch.device") -> None:
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)
