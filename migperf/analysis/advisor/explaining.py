"""The answer in sentences: what it is, what binds, what it takes for granted, and why each thing is as it is."""

from collections import Counter
from collections.abc import Iterator, Sequence

from migperf.analysis.advisor.advice import AdvisedGpu, AdvisedJob, BoardCount, Proof
from migperf.analysis.advisor.assigning import Assigned
from migperf.analysis.advisor.demand import Goal
from migperf.analysis.advisor.evidence import Capacity
from migperf.analysis.advisor.reporting import advised_gpus
from migperf.analysis.advisor.shortage import Shortage
from migperf.analysis.advisor.status import Status
from migperf.analysis.advisor.table import Table, limit_of
from migperf.analysis.advisor.wording import amount, boards_text, counted, number, percent, share_text


def headline(table: Table, status: Status, assigned: Assigned, jobs: Sequence[AdvisedJob], shortage: Shortage) -> str:
    """Return the answer in a sentence."""
    at_hand = boards_text([BoardCount(model=board.model, count=board.count) for board in table.boards])
    if status is Status.UNKNOWN:
        return f"not decided within {table.demand.time_limit_s:g} s; raise time_limit_s, or offer fewer GPUs"
    if status is Status.INFEASIBLE:
        blocked = [job.name for job in jobs if job.cannot_be_served]
        if blocked:
            return f"cannot be served: {', '.join(blocked)}"
        would_do = f"; {boards_text(shortage.would_do)} would do" if shortage.would_do else ""
        return f"cannot be served by {at_hand}{would_do}"
    used = Counter(gpu.board for gpu in assigned.gpus)
    parts = (f"{count} of {table.boards[n].count} × {table.boards[n].model}" for n, count in used.items())
    text = " and ".join(parts)
    if table.demand.goal is Goal.MOST_THROUGHPUT:
        claim = "nothing makes more of them" if status is Status.OPTIMAL else "more may be possible"
        return f"{text}: {claim}"
    claim = "fewer do not suffice" if status is Status.OPTIMAL else "fewer may suffice"
    return f"{text} serve it; {claim}"


def binds(table: Table, assigned: Assigned, jobs: Sequence[AdvisedJob], shortage: Shortage) -> list[str]:
    """Say what keeps the answer from being better."""
    return [
        *_too_few(shortage),
        *_least_headroom(jobs),
        *_one_fewer(assigned, shortage),
        *_slices(advised_gpus(table, assigned)),
        *(f"{job.name}: {job.cannot_be_served}" for job in jobs if job.cannot_be_served),
        *_excluded(jobs),
    ]


def assumptions(table: Table, assigned: Assigned, jobs: Sequence[AdvisedJob]) -> list[str]:
    """Say what the answer takes for granted."""
    found = [
        "an instance serves one job, and requests are split over instances in proportion to their capacities",
        "capacity is the lower end of a measured throughput's interval; of several runs of a benchmark, the median",
    ]
    if table.demand.reserve:
        found.append(f"{percent(table.demand.reserve)} of every capacity stays free")
    without_queueing = _without_queueing(table, assigned)
    if without_queueing:
        found.append(
            f"latency was measured without queueing for {', '.join(without_queueing)}: requests that arrive by "
            "themselves wait for each other as well, so the limit may not be kept; measure with a max_rate search, or "
            "leave a reserve"
        )
    instances = [each for gpu in assigned.gpus for each in gpu.instances]
    if any(len(each.neighbours) > 1 and each.slowdown > 1 for each in instances):
        found.append("beside several neighbours an instance is slowed down as by the worst of them alone")
    if any(table.slowdown(each.cell, beside) is None for each in instances for beside in each.neighbours):
        found.append("neighbours that were never measured together cost each other nothing")
    if any(job.instances for job in jobs):
        found.append("GPUs of one board are alike")
    return found


def explanation(
    table: Table, assigned: Assigned, jobs: Sequence[AdvisedJob], proof: Proof, shortage: Shortage
) -> list[str]:
    """Say why each thing is as it is."""
    return [
        *(line for place, job in enumerate(jobs) for line in _about_job(table, assigned, place, job)),
        *(_about_gpu(gpu) for gpu in advised_gpus(table, assigned)),
        *_about_neighbours(table, assigned),
        *_about_proof(table, assigned, proof),
        *_one_fewer(assigned, shortage),
    ]


def _about_job(table: Table, assigned: Assigned, place: int, job: AdvisedJob) -> Iterator[str]:
    counts = Counter((each.cell.profile, each.capacity_per_s) for each in assigned.instances(place))
    if counts:
        parts = [f"{counted(n, profile)} of {number(each)}/s" for (profile, each), n in counts.items()]
        total = f"{' and '.join(parts)} can do {number(job.capacity_per_s)}/s"
        wanted = "" if job.required_per_s is None else f"; {number(job.required_per_s)}/s are wanted"
        yield f"{job.name}: {total}{wanted}{share_text(job)}."
    elif assigned.gpus:
        yield f"{job.name}: gets nothing; what it is worth is worth less than what it would displace."
    if (best := _best_per_slice(table, place)) is not None:
        yield f"{job.name}: {best}."
    for one in job.excluded:
        yield f"{job.name} is kept from {one.profile} of {one.model}: {one.why}."


def _best_per_slice(table: Table, place: int) -> str | None:
    """Return how much each profile does with a compute slice, best first: what makes one cheaper than another."""
    ranked = [
        (table.capacity(cell) / table.boards[cell.board].slices_of(cell.profile), cell) for cell in table.of_job(place)
    ]
    ranked = sorted((pair for pair in ranked if pair[0] > 0), key=lambda pair: -pair[0])
    if len(ranked) < 2:  # noqa: PLR2004 - one has nothing to be compared with
        return None
    several = len(table.boards) > 1
    names = [f"{number(v)} on {c.profile}{f' of {table.boards[c.board].model}' if several else ''}" for v, c in ranked]
    return f"samples a second and compute slice: {', '.join(names)}"


def _about_gpu(gpu: AdvisedGpu) -> str:
    cut = "is not cut" if gpu.layout == "off" else f"is cut into {gpu.layout}"
    by_job = Counter((each.job, each.profile, each.slowdown) for each in gpu.instances)
    uses = [
        f"{counted(count, profile)} for {job}{f', slowed down {slowdown:g} times' if slowdown > 1 else ''}"
        for (job, profile, slowdown), count in by_job.items()
    ]
    return f"GPU {gpu.number} ({gpu.model}) {cut}: {'; '.join(uses)}."


def _about_neighbours(table: Table, assigned: Assigned) -> Iterator[str]:
    """Say what is known of the pairs that share a GPU, each once, and what was not used of what is known."""
    met = [(each.cell, beside) for gpu in assigned.gpus for each in gpu.instances for beside in each.neighbours]
    said: dict[str, None] = {}
    for cell, beside in met:
        known = table.slowdown(cell, beside)
        if known is not None:
            on = "" if known.on is None else f", {known.on.profile} beside {known.on.beside} of {known.on.board}"
            said[f"{known.of} beside {known.beside}{on}: {known.says}."] = None
    yield from said
    overruled = {(known.of, known.beside) for known in table.neighbours.overruled}
    for of, neighbour in sorted(overruled):
        yield f"{of} beside {neighbour}: what was measured is not used, as the demand gives it by hand."


def _about_proof(table: Table, assigned: Assigned, proof: Proof) -> Iterator[str]:
    if proof.value is None or proof.bound is None:
        return
    if proof.gap == 0:
        yield f"Proved by {proof.solver}: no layouts do better than {amount(proof.value, proof.unit)}."
    else:
        best = f"the bound is {amount(proof.bound, proof.unit)}, reached are {number(proof.value)}"
        yield f"Not proved within {proof.limit_s:g} s: {best}, a gap of {percent(proof.gap or 0)}."
    if not proof.ties_proved and assigned.gpus:
        yield "Of equally good answers this one may not have the fewest slices or the most headroom: time was over."
    if any(known.factor > 1 for known in table.neighbours.used):
        yield "Neighbours that slow each other down are told apart GPU by GPU."


def _least_headroom(jobs: Sequence[AdvisedJob]) -> Iterator[str]:
    known = [job for job in jobs if job.headroom is not None]
    if known:
        least = min(known, key=lambda job: job.headroom or 0.0)
        yield f"{least.name} has the least headroom: {share_text(least).removeprefix(', headroom ')}"


def _one_fewer(assigned: Assigned, shortage: Shortage) -> Iterator[str]:
    share = shortage.share_with_one_fewer
    if share is not None and share < 1:
        fewer = counted(len(assigned.gpus) - 1, "GPU")
        yield f"with {fewer} no more than {percent(share)} of every rate could be served at once"


def _too_few(shortage: Shortage) -> Iterator[str]:
    if shortage.served_share is not None:
        yield f"all GPUs together serve no more than {percent(shortage.served_share)} of every rate at once"


def _slices(gpus: Sequence[AdvisedGpu]) -> Iterator[str]:
    for unit, used, there in (
        ("compute slices", sum(gpu.slices_used for gpu in gpus), sum(gpu.slices for gpu in gpus)),
        ("memory units", sum(gpu.memory_units_used for gpu in gpus), sum(gpu.memory_units for gpu in gpus)),
    ):
        if gpus:
            yield f"{used} of {there} {unit} are used{'; nothing is left' if used == there else ''}"


def _excluded(jobs: Sequence[AdvisedJob]) -> Iterator[str]:
    for job in jobs:
        for one in job.excluded:
            yield f"{job.name} is kept from {one.profile} of {one.model}: {one.why}"


def _without_queueing(table: Table, assigned: Assigned) -> list[str]:
    """Return the services with a limit whose latency was measured while nothing waited."""
    found: dict[str, None] = {}
    for gpu in assigned.gpus:
        for each in gpu.instances:
            job, known = table.demand.jobs[each.cell.job], each.cell.known
            if limit_of(job) is not None and isinstance(known, Capacity) and not known.evidence.rank.queueing:
                found[job.name] = None
    return list(found)
