"""The child process: binds itself to its partition, builds the payload, drives it, and tells its supervisor."""

import os
import traceback
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from pydantic import ValidationError

from migperf.errors import DocumentError
from migperf.measure.company import Stage
from migperf.measure.costing import cost_figures
from migperf.measure.engines.errors import EngineUnavailableError
from migperf.measure.environment import framework_facts, payload_facts
from migperf.measure.events import DoesNotCompile, DoesNotFit, Environment, Failed, Finished
from migperf.measure.figures import ResultFigure
from migperf.measure.gate import Gate
from migperf.measure.green_streams import streams_of
from migperf.measure.harness import harness_figures
from migperf.measure.job import Job
from migperf.measure.memory import allocator_state, is_out_of_memory, peak_figures, reset_peaks
from migperf.measure.phases import Phase
from migperf.measure.profiling.recording import leave_profile
from migperf.measure.recorder import Recorder
from migperf.measure.scenarios import in_company, prepare
from migperf.measure.searching.memory_limit import limit_memory
from migperf.measure.sharing_facts import sharing_facts
from migperf.measure.software import read_software
from migperf.metrics.metric import Scope
from workloads.base import CannotExecuteError, Context, Figure, Payload, Report, Task

if TYPE_CHECKING:
    import torch


def main(connection: Connection) -> int:
    """Receive a job, perform it, send its events; return the exit status: 0 if the run has an outcome, else 1."""
    recorder = Recorder(connection)
    try:
        job = Job.model_validate_json(connection.recv_bytes())
    except ValidationError as error:
        recorder.send(_not_understood(error))
        return 1
    recorder.enter(Phase.STARTING)
    device = bind(job)
    try:
        recorder.send(perform_job(job, device, recorder, _gate(job, connection, recorder)))
    except (EngineUnavailableError, CannotExecuteError) as error:
        traceback.print_exc()
        recorder.send(DoesNotCompile(message=str(error)))
    except Exception as error:  # noqa: BLE001 - whatever a payload raises is the outcome of its run
        traceback.print_exc()
        if not is_out_of_memory(error):
            text = traceback.format_exc()
            recorder.send(Failed(error=type(error).__name__, message=str(error), traceback=text))
            return 1
        recorder.send(DoesNotFit(message=str(error) or type(error).__name__, figures=peak_figures(device)))
    return 0


def _not_understood(error: ValidationError) -> Failed:
    """Say why a benchmark that the service has accepted is refused here: this environment has other payloads."""
    software = read_software()
    there = ", ".join(f"{name} {version}" for name, version in software.payloads.items()) or "no further payloads"
    message = f"this software environment ({there}) has another version of the workload: {DocumentError.of(error)}"
    return Failed(error="BenchmarkRefused", message=message, traceback="")


def bind(job: Job) -> "torch.device":
    """Make this process see its partition and nothing else. Must come before CUDA is initialised."""
    for name in [name for name in os.environ if name.startswith("CUDA_MPS_")]:
        del os.environ[name]  # what is set for this host is not what the run asked for
    os.environ["CUDA_VISIBLE_DEVICES"] = job.partition.visible_devices()
    os.environ.update(job.environment)
    if job.partition.cpus:
        os.sched_setaffinity(0, job.partition.cpus)
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(job.benchmark.seed)
    return torch.device(job.partition.device)


def _gate(job: Job, connection: Connection, recorder: Recorder) -> Gate | None:
    return None if job.company is None else Gate(connection, recorder)


def perform_job(job: Job, device: "torch.device", recorder: Recorder, gate: Gate | None = None) -> Finished:
    """Build the payload, warm up, measure, and return what there is to say; in a group, together with the others."""
    from migperf.measure.engines.preparing import prepare_engine

    if job.limit_memory:
        recorder.send(Environment(facts={"memory_limit_mib": limit_memory(job.partition.memory_mib)}))
    workload = job.benchmark.card.load()
    recorder.send(Environment(facts=framework_facts(device, job.benchmark.seed)))
    recorder.send(Environment(facts=payload_facts(job.benchmark.workload)))
    recorder.send(Environment(facts=sharing_facts(job.partition, device)))
    context = Context(
        device=device,
        seed=job.benchmark.seed,
        tell=lambda facts: recorder.send(Environment(facts=dict(facts))),
    )
    parameters = job.benchmark.card.parameters.model_validate(job.benchmark.parameters)
    build = workload.training if job.benchmark.scenario.task is Task.TRAINING else workload.inference

    recorder.enter(Phase.PREPARING)
    payload: Payload = build(parameters, context)
    harness = harness_figures(job.benchmark, device)
    costs = cost_figures(payload)
    engine = prepare_engine(job.benchmark.engine, payload, device, job.benchmark.most_together)
    recorder.send(Environment(facts=dict(engine.facts)))
    streams = streams_of(job.benchmark, job.partition, device)
    recorder.send(Environment(facts=streams.facts))
    drive = prepare(job.benchmark, payload, device, streams.enter)
    if job.company is not None and gate is not None:
        drive = in_company(drive, payload, gate, measured=job.company.measured)
        gate.reach(Stage.PREPARED)
        gate.wait(Stage.PREPARED)
    reset_peaks(device)
    recorder.gauge(lambda: allocator_state(device))
    window = drive.perform(recorder)
    recorder.enter(Phase.FINISHING)
    report = payload.report()
    finished = Finished(
        window_start_ns=window.start_ns,
        window_end_ns=window.end_ns,
        samples_per_step=payload.samples_per_step,
        sample_unit=payload.sample_unit,
        warmup_ended_by=window.warmup.by,
        warmup_note=window.warmup.note,
        measuring_ended_by=window.measuring.by,
        measuring_note=window.measuring.note,
        converged=window.measuring.reached,
        unanswered=window.unanswered,
        figures=(*window.figures, *engine.figures, *peak_figures(device), *costs, *harness, *payload_figures(report)),
        tables={**window.tables, **report.tables},
    )
    if job.benchmark.profile:
        recorder.send(finished)  # said before, so that a profiler that crashes or hangs does not cost it
        leave_profile(drive, payload, device, recorder)
    return finished


def payload_figures(report: Report) -> tuple[ResultFigure, ...]:
    """Return the payload's own figures as figures of the result; they concern the process that computed them."""
    return tuple(_payload_figure(figure) for figure in report.figures)


def _payload_figure(figure: Figure) -> ResultFigure:
    return ResultFigure(
        name=figure.name, unit=figure.unit, scope=Scope.PROCESS, value=figure.value, absent=figure.absent
    )
