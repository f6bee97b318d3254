"""An answer of the advisor as the page draws it: GPUs that are alike once, each slice with what it is for."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase
from typing import Self

from api.advisor_page import OwnGpu
from api.demand_form import DemandForm
from api.layout_page import part_of
from api.links import Links
from api.schemas.advice import AdviceView
from api.slices import Drawing, Grid, InstancePart, SliceState, draw, whole_part
from migperf.analysis.advisor.advice import AdvisedGpu, AdvisedInstance, AdvisedJob, EvidenceView
from migperf.analysis.advisor.boards import same_board
from migperf.analysis.advisor.demand import WHOLE, Demand
from migperf.analysis.advisor.status import Status
from migperf.analysis.advisor.table import limit_of
from migperf.analysis.advisor.wording import boards_text, number
from migperf.gpus.gpu import Gpu
from migperf.gpus.known_boards import board_key, gpu_of_board
from migperf.gpus.layout import OFF, Layout
from migperf.gpus.legality import legality

COLOURS = 6
"""Jobs are told apart by letter; colours come again."""
_MOST_TARGETS = 8
_LONGEST_LIMIT_S = 20


@dataclass(frozen=True, slots=True)
class Mark:
    """How a job is known in drawings."""

    letter: str
    kind: str
    """Class of style of its colour."""

    @classmethod
    def number(cls, at: int) -> Self:
        """Return the mark of a job by its place."""
        letters = ascii_uppercase[at % len(ascii_uppercase)]
        again = at // len(ascii_uppercase)
        return cls(f"{letters}{again or ''}", f"job job-{at % COLOURS}")


@dataclass(frozen=True, slots=True)
class Use:
    """Instances of one GPU that are alike. Rates are samples a second, each of one instance."""

    count: int
    profile: str
    job: str
    mark: Mark
    share_per_s: float
    capacity_per_s: float
    part: float
    """Of what the job gets on all GPUs, what these instances bear together."""
    slowdown: float

    @property
    def load(self) -> float:
        """How much of its capacity is used."""
        return self.share_per_s / self.capacity_per_s if self.capacity_per_s else 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """A GPU of the service that could be cut so."""

    uuid: str
    node: str
    simulated: bool
    is_so: bool
    """Whether it is cut so already, or need not be cut."""
    link: str | None
    """The explorer at that layout of it; None for a GPU that cannot be cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeGpus:
    """GPUs of the answer that are cut alike, for the same."""

    numbers: str
    """Such as ``2–4, 7``."""
    count: int
    gpu: AdvisedGpu
    """The first of them."""
    drawing: Drawing
    uses: tuple[Use, ...]
    targets: tuple[Target, ...]
    """As many GPUs of the service as there are for them, at most the first few."""
    further: int
    """How many more there are."""
    why_no_target: str
    """Why some of them, or all, cannot be cut here; empty where all can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """A service or job and what it gets."""

    job: AdvisedJob
    mark: Mark
    limit: str
    """Its latency limit; empty where it has none."""
    rests_on: tuple[EvidenceView, ...]
    """What is known of it on the profiles that it is put on."""

    @property
    def load(self) -> float | None:
        """How much of the capacity is wanted; None where nothing is required, or there is none."""
        if self.job.required_per_s is None or not self.job.capacity_per_s:
            return None
        return min(1.0, self.job.required_per_s / self.job.capacity_per_s)


@dataclass(frozen=True, slots=True)
class Way:
    """Another demand to ask, as an address."""

    text: str
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPage:
    """The answer, drawn."""

    advice: AdviceView
    alike: tuple[AlikeGpus, ...]
    jobs: tuple[JobLine, ...]
    ways: tuple[Way, ...]

    @classmethod
    def of(cls, advice: AdviceView, demand: Demand, form: DemandForm, own: Sequence[OwnGpu], links: Links) -> Self:
        """Draw an answer to the demand of a form, with the GPUs of the service that it could be applied to."""
        marks = {job.name: Mark.number(at) for at, job in enumerate(advice.jobs)}
        limits = {job.name: limit for job in demand.jobs if (limit := limit_of(job)) is not None}
        targets = _targets(advice.gpus, own, links)
        return cls(
            advice=advice,
            alike=tuple(_alike(gpus, advice, marks, own, targets) for gpus in _grouped(advice.gpus)),
            jobs=tuple(
                JobLine(
                    job=job,
                    mark=marks[job.name],
                    rests_on=tuple(_used_evidence(job, advice.gpus)),
                    limit=f"{limit.statistic} ≤ {limit.limit_ms:g} ms" if (limit := limits.get(job.name)) else "",
                )
                for job in advice.jobs
            ),
            ways=tuple(_ways(advice, form, links)),
        )


def _grouped(gpus: Iterable[AdvisedGpu]) -> Iterable[Sequence[AdvisedGpu]]:
    """Return GPUs that are cut alike for the same together, in the order of the first of each."""
    found: dict[object, list[AdvisedGpu]] = {}
    for gpu in gpus:
        uses = sorted((one.profile, one.job, one.share_per_s, one.capacity_per_s) for one in gpu.instances)
        found.setdefault((gpu.model, gpu.layout, *uses), []).append(gpu)
    return found.values()


def _used_evidence(job: AdvisedJob, gpus: Iterable[AdvisedGpu]) -> Iterator[EvidenceView]:
    used = {(gpu.model, one.profile) for gpu in gpus for one in gpu.instances if one.job == job.name}
    yield from (each for each in job.evidence if (each.model, each.profile) in used)


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers in words: ``1–3, 7``."""
    runs: list[list[int]] = []
    for each in numbers:
        if runs and runs[-1][-1] == each - 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _alike(
    gpus: Sequence[AdvisedGpu],
    advice: AdviceView,
    marks: dict[str, Mark],
    own: Sequence[OwnGpu],
    targets: dict[int, Target],
) -> AlikeGpus:
    first = gpus[0]
    found = [targets[gpu.number] for gpu in gpus if gpu.number in targets]
    return AlikeGpus(
        numbers=_ranges([gpu.number for gpu in gpus]),
        count=len(gpus),
        gpu=first,
        drawing=_drawing(first, _gpu_of(first.model, own), marks),
        uses=tuple(_uses(first, advice.gpus, marks)),
        targets=tuple(found[:_MOST_TARGETS]),
        further=max(0, len(found) - _MOST_TARGETS),
        why_no_target=_why_no_target(first, len(gpus) - len(found), own),
    )


def _uses(gpu: AdvisedGpu, gpus: Iterable[AdvisedGpu], marks: dict[str, Mark]) -> Iterator[Use]:
    total: defaultdict[str, float] = defaultdict(float)
    for each in gpus:
        for one in each.instances:
            total[one.job] += one.share_per_s
    alike = Counter((one.profile, one.job, one.share_per_s, one.capacity_per_s, one.slowdown) for one in gpu.instances)
    for (profile, job, share_per_s, capacity_per_s, slowdown), count in alike.items():
        part = count * share_per_s / total[job] if total[job] else 0.0
        yield Use(count, profile, job, marks[job], share_per_s, capacity_per_s, part, slowdown)


def _gpu_of(model: str, own: Iterable[OwnGpu]) -> Gpu | None:
    """Return a GPU of a model, for its geometry; None for a board that is not known here any more."""
    found = next((one.gpu for one in own if same_board(one.gpu.model, model) and one.gpu.geometry is not None), None)
    key = board_key(model)
    return found or (None if key is None else gpu_of_board(key))


def _drawing(advised: AdvisedGpu, gpu: Gpu | None, marks: dict[str, Mark]) -> Drawing:
    geometry = None if gpu is None else gpu.geometry
    grid = Grid(1, 1) if geometry is None else Grid(geometry.units, geometry.slices)
    if gpu is None or geometry is None or advised.layout == OFF:
        return draw(
            grid, [_marked(whole_part(WHOLE, SliceState.PLACED, grid), one, marks) for one in advised.instances]
        )
    waiting = list(advised.instances)
    return draw(
        grid,
        [
            _marked(part_of(one.placed, one.slices), _taken(waiting, one.placed.profile), marks)
            for one in legality(gpu, Layout.parse(advised.example)).instances
        ],
    )


def _taken(waiting: list[AdvisedInstance], profile: str) -> AdvisedInstance:
    """Take the next instance of a profile: which of those that are alike lies where does not matter."""
    found = next(one for one in waiting if one.profile == profile)
    waiting.remove(found)
    return found


def _marked(part: InstancePart, one: AdvisedInstance, marks: dict[str, Mark]) -> InstancePart:
    mark = marks[one.job]
    return replace(
        part,
        says=f"{one.job}: {number(one.share_per_s)} of {number(one.capacity_per_s)}/s",
        label=f"{mark.letter} {one.job}",
        kind=mark.kind,
    )


def _targets(gpus: Iterable[AdvisedGpu], own: Sequence[OwnGpu], links: Links) -> dict[int, Target]:
    """Return, by the number of a GPU of the answer, one of the service that could be it: each once.

    One that is cut so already goes before others, and a real one before a simulated one.
    """
    free = sorted((one for one in own if one.gpu.problem is None), key=lambda one: one.gpu.simulated)
    found: dict[int, Target] = {}
    for advised in gpus:
        alike = [one for one in free if same_board(one.gpu.model, advised.model)]
        if not alike:
            continue
        chosen = next((one for one in alike if _is_cut_so(one.gpu, advised) and not one.gpu.simulated), alike[0])
        free.remove(chosen)
        found[advised.number] = Target(
            chosen.gpu.uuid,
            chosen.node,
            chosen.gpu.simulated,
            _is_cut_so(chosen.gpu, advised),
            None if chosen.gpu.geometry is None else links.layouts_page(chosen.gpu.uuid, advised.example),
        )
    return found


def _is_cut_so(gpu: Gpu, advised: AdvisedGpu) -> bool:
    return str(gpu.layout.without_places()) == advised.layout


def _why_no_target(advised: AdvisedGpu, lacking: int, own: Iterable[OwnGpu]) -> str:
    if not lacking:
        return ""
    there = [one for one in own if same_board(one.gpu.model, advised.model)]
    if not there:
        by_hand = "" if advised.layout == OFF else f": cut it by hand, migperf mig apply {advised.example}"
        return f"This service knows no {advised.model}{by_hand}."
    broken = sum(one.gpu.problem is not None for one in there)
    why = f", {broken} of which cannot be used now" if broken else ""
    return f"This service has {len(there)} × {advised.model}{why}: {lacking} fewer than this needs."


def _ways(advice: AdviceView, form: DemandForm, links: Links) -> Iterator[Way]:
    """Yield the demands that are worth asking next."""
    if advice.would_do:
        rows = [{"model": each.model, "count": str(each.count)} for each in advice.would_do]
        yield Way(
            f"Ask with {boards_text(advice.would_do)}, which would do", _address(form.with_rows("gpus", rows), links)
        )
    if advice.status in (Status.UNKNOWN, Status.FEASIBLE) and advice.proof.limit_s < _LONGEST_LIMIT_S:
        longer = form.with_text("time_limit_s", str(_LONGEST_LIMIT_S))
        yield Way(f"Let the solver search for {_LONGEST_LIMIT_S} s", _address(longer, links))
    if advice.gpus and not form.whole["reserve"]:
        yield Way("Ask the same with a reserve of 20 %", _address(form.with_text("reserve", "0.2"), links))


def _address(form: DemandForm, links: Links) -> str:
    return links.to(f"/advisor?{form.query()}#answer")
