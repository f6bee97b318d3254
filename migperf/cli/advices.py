"""Advice as people see it: the answer, the layout of each GPU, what each job gets, and what the answer rests on."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from migperf.analysis.advisor.advice import (
    Advice,
    AdvisedGpu,
    AdvisedJob,
    EvidenceView,
    InterferenceView,
    Unknown,
    UnknownCompany,
)
from migperf.analysis.advisor.status import Status
from migperf.analysis.advisor.wording import amount, number, percent
from migperf.cli.output import remark, table

_WRITES = "--experiments FOLDER writes the experiment"
_STYLES = {Status.OPTIMAL: "green", Status.FEASIBLE: "yellow", Status.INFEASIBLE: "red", Status.UNKNOWN: "yellow"}


def print_advice(console: Console, advice: Advice, *, explain: bool) -> None:
    """Print an answer; ``explain`` adds why, and what it rests on."""
    console.print(Text(advice.headline, f"bold {_STYLES[advice.status]}"))
    if advice.gpus:
        console.print()
        console.print(_gpus(advice.gpus))
    console.print()
    console.print(_jobs(advice.jobs))
    _print_list(console, "What binds", advice.binds)
    if explain:
        _print_list(console, "Why", advice.explanation)
        _print_evidence(console, advice.jobs)
        _print_interference(console, advice.interference)
    _print_list(console, "Taken for granted", [*advice.assumptions, *advice.remarks])
    _print_list(
        console, "Never measured", [*map(_unknown, advice.never_measured), *_strangers(advice.never_measured_together)]
    )
    console.print()
    console.print(Text(f"{_proof(advice)} · {advice.proof.took_s:.2f} s", "dim"))


def write_experiments(advice: Advice, folder: Path) -> None:
    """Write a file for each experiment that the answer offers. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    alone = [one.experiment for one in advice.never_measured]
    together = [one.experiment for one in advice.never_measured_together]
    offered = [text for text in (*alone, *together) if text is not None]
    names: Counter[str] = Counter()
    for text in offered:
        name = yaml.safe_load(text)["name"]
        names[name] += 1
        path = folder / (f"{name}.yaml" if names[name] == 1 else f"{name}-{names[name]}.yaml")
        path.write_text(text)
        remark(f"written: {path}")
    if not offered:
        remark("there is no experiment to write")


def _gpus(gpus: Iterable[AdvisedGpu]) -> Table:
    made = table("GPU", "Board", "Layout", "Instances", right=("GPU",), whole=("Layout",))
    for gpu in gpus:
        uses = Counter((each.profile, each.job) for each in gpu.instances)
        lines = [f"{count} × {profile}: {job}" for (profile, job), count in uses.items()]
        made.add_row(str(gpu.number), gpu.model, gpu.layout, "\n".join(lines))
    return made


def _jobs(jobs: Iterable[AdvisedJob]) -> Table:
    right = ("Wanted /s", "Can do /s", "Headroom", "Instances")
    made = table("Job", *right, right=right, whole=("Job",))
    for job in jobs:
        wanted = "–" if job.required_per_s is None else number(job.required_per_s)
        headroom = "–" if job.headroom is None else percent(job.headroom)
        made.add_row(job.name, wanted, number(job.capacity_per_s), headroom, str(job.instances))
    return made


def _print_list(console: Console, title: str, lines: Iterable[str]) -> None:
    said = list(lines)
    if not said:
        return
    console.print()
    console.print(Text(title, "bold"))
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for line in said:
        made.add_row("·", Text(line))
    console.print(made)


def _print_evidence(console: Console, jobs: Iterable[AdvisedJob]) -> None:
    rows = [(job.name, each) for job in jobs for each in job.evidence]
    if not rows:
        return
    console.print()
    console.print(Text("What it rests on", "bold"))
    made = table("Job", "Profile", "One /s", "Evidence", right=("One /s",), whole=("Job", "Profile"))
    for name, each in rows:
        made.add_row(name, each.profile, number(each.capacity_per_s), "\n".join(_evidence(each)))
    console.print(made)


def _evidence(each: EvidenceView) -> Iterator[str]:
    yield each.says
    yield from each.runs


def _print_interference(console: Console, known: Iterable[InterferenceView]) -> None:
    counting = [each for each in known if each.used]
    if not counting:
        return
    console.print()
    console.print(Text("What neighbours cost", "bold"))
    made = table("Job", "Beside", "Profiles", "Slowdown", "Evidence", right=("Slowdown",), whole=("Job", "Beside"))
    for each in counting:
        profiles = "all" if each.profile is None else f"{each.profile}, {each.beside_profile}"
        made.add_row(each.job, each.beside, profiles, f"{each.slowdown:g}", "\n".join((each.says, *each.runs)))
    console.print(made)


def _unknown(one: Unknown) -> str:
    remedy = one.no_experiment or _WRITES
    return f"{one.job} on {', '.join(one.profiles)} of {one.model}: {one.why} ({remedy})"


def _strangers(unknown: Iterable[UnknownCompany]) -> Iterator[str]:
    """Yield a line for each job and board, and what can be done about it; the experiments have the profiles."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for one in unknown:
        beside = found.setdefault((one.job, one.model, one.no_experiment or _WRITES), {})
        beside.update(dict.fromkeys(neighbour.job for neighbour in one.beside))
    for (job, model, remedy), beside in found.items():
        yield f"{job} beside {', '.join(beside)} on {model}: never measured together ({remedy})"


def _proof(advice: Advice) -> str:
    proof = advice.proof
    if proof.value is None or proof.bound is None:
        return proof.solver
    bound = f"{amount(proof.value, proof.unit)}, bound {number(proof.bound)}"
    return f"{bound}, gap {percent(proof.gap or 0)} · {proof.solver}"
