"""What the page of the advisor shows besides an answer: a demand's form, what is wrong with it, and what is known."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from pydantic import JsonValue, ValidationError
from sqlalchemy.orm import Session

from api.demand_fields import PARTS, WHOLE, Asked, Part
from api.demand_form import DemandForm, form_of
from api.demand_problems import Checked, Problem, checked
from api.equivalents import Equivalents
from api.links import Links
from api.measured_choices import MOST, Choice, choices_of, known_of
from migperf.analysis.advisor.boards import same_board
from migperf.analysis.advisor.demand import Job, Service, Training
from migperf.analysis.advisor.demand_example import DEMAND
from migperf.experiments.writing import write_yaml
from migperf.gpus.gpu import Gpu
from migperf.gpus.simulation.boards import BOARDS
from migperf.store import gpus
from migperf.store.measured_benchmarks import measured_benchmarks
from workloads.registry import catalogue

LONGEST_QUERY = 6000
"""Of an address that is passed on: servers and chats cut longer ones."""
_FIRST_BOARD = "A100-SXM4-80GB"
_OFFERED_GPUS = 4


@dataclass(frozen=True, slots=True)
class OwnGpu:
    """A GPU of the service and its node."""

    gpu: Gpu
    node: str

    @property
    def usable(self) -> bool:
        """Whether it counts as at hand."""
        return self.gpu.problem is None and not self.gpu.simulated


@dataclass(frozen=True, slots=True)
class Known:
    """What a demand can be about: what was measured, and the GPUs of the service."""

    choices: tuple[Choice, ...]
    own: tuple[OwnGpu, ...]

    @classmethod
    def of(cls, session: Session, named: Collection[str]) -> Self:
        """Read it: what was measured last, and all of the workloads that are named."""
        own = tuple(OwnGpu(gpus.describe(row), row.node) for row in gpus.list_gpus(session))
        found = measured_benchmarks(session, MOST)
        if named and len(found) == MOST:
            found = [*found, *measured_benchmarks(session, MOST, named)]
        return cls(choices_of({one.latest: one for one in found}.values()), own)

    @property
    def at_hand(self) -> Mapping[str, int]:
        """How many usable GPUs there are of each model."""
        found: dict[str, int] = {}
        for one in self.own:
            if one.usable:
                found[one.gpu.model] = found.get(one.gpu.model, 0) + 1
        return found

    def first_form(self) -> DemandForm:
        """Return a demand that can be answered at once; with nothing measured, an empty one."""
        chosen = next((one for one in self.choices if not one.trains), next(iter(self.choices), None))
        form = self._with_gpus(chosen)
        if chosen is None:
            return form.with_row("services", {})
        return form.with_row("training" if chosen.trains else "services", chosen.row)

    def _with_gpus(self, chosen: Choice | None) -> DemandForm:
        """Return a form that asks about GPUs of which something is known: those at hand, or a board."""
        form, measured = DemandForm.of(()), [] if chosen is None else [place.model for place in chosen.places]
        if any(same_board(one, other) for one in measured or self.at_hand for other in self.at_hand):
            return form
        boards = [board.name for board in BOARDS.values()]
        model = next((one for one in measured if any(same_board(one, other) for other in boards)), _FIRST_BOARD)
        return form.with_row("gpus", {"model": model, "count": str(_OFFERED_GPUS)})


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field with what stands in it."""

    asked: Asked
    name: str
    text: str
    problem: str

    @property
    def id(self) -> str:
        """Its name for elements of the page."""
        return self.name.replace(".", "-")


@dataclass(frozen=True, slots=True)
class RowView:
    """A row with its fields: those that are folded away apart."""

    name: str
    plain: tuple[FieldView, ...]
    aside: tuple[FieldView, ...]
    problem: str
    known: str
    """What is known of a service or job; empty for other rows."""

    @property
    def id(self) -> str:
        """Its name for elements of the page."""
        return self.name.replace(".", "-")

    @property
    def is_open(self) -> bool:
        """Whether something is said in what is folded away."""
        return any(one.text or one.problem for one in self.aside)


@dataclass(frozen=True, slots=True)
class PartView:
    """A part of the demand with its rows."""

    name: str
    part: Part
    rows: tuple[RowView, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class FileView:
    """A file that the form was to be filled in from, and what is wrong with it: then it was not."""

    text: str
    problem: str


NO_FILE = FileView("", "")


@dataclass(frozen=True)
class AdvisorPage:
    """The form of a demand and all that is said of it."""

    form: DemandForm
    known: Known
    check: Checked
    document: Mapping[str, JsonValue]
    api_url: str
    links: Links
    asked: bool
    """Whether an answer was asked for, so that what is missing is told as well."""
    file: FileView

    @classmethod
    def of(
        cls,
        session: Session,
        form: DemandForm | None,
        links: Links,
        api_url: str,
        *,
        asked: bool = False,
        file: FileView = NO_FILE,
    ) -> Self:
        """Gather it; without a form, it begins with a demand that can be answered."""
        known = Known.of(session, form.workloads & catalogue().keys() if form else ())
        chosen = form or known.first_form()
        document = chosen.demand()
        return cls(chosen, known, checked(session, chosen, document), document, api_url, links, asked, file)

    @property
    def shown(self) -> tuple[Problem, ...]:
        """The problems that are told."""
        return tuple(one for one in self.check.problems if self.asked or not one.missing)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Problems of no field."""
        return tuple(one.text for one in self.shown if not one.field)

    @cached_property
    def parts(self) -> Mapping[str, PartView]:
        """The parts of the demand by name."""
        return {
            name: PartView(name, part, tuple(self._rows(name)), self._problem(name)) for name, part in PARTS.items()
        }

    @property
    def whole(self) -> tuple[FieldView, ...]:
        """The fields that a demand has once."""
        return tuple(self._field(one, one.path, self.form.whole[one.path]) for one in WHOLE)

    @property
    def suggestions(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        """What fields may be picked from, by the name of the list: values, and words for some."""
        measured = dict.fromkeys(one.workload for one in self.known.choices)
        boards = dict.fromkeys([*self.known.at_hand, *(board.name for board in BOARDS.values())])
        profiles = dict.fromkeys(profile for board in self.check.boards for profile in board.profiles)
        return {
            "workloads": [(name, "measured") for name in measured]
            + [(name, "") for name in catalogue() if name not in measured],
            "boards": [
                (name, f"{self.known.at_hand[name]} at hand" if name in self.known.at_hand else "") for name in boards
            ],
            "jobs": [(name, "") for name in self.form.names],
            "profiles": [(name, "") for name in profiles],
        }

    @property
    def address(self) -> str:
        """Address of this page with this demand."""
        return self.links.to(f"/advisor?{self.form.query()}")

    @property
    def is_too_long(self) -> bool:
        """Whether its address is too long to be passed on."""
        return len(self.form.query()) > LONGEST_QUERY

    @property
    def example(self) -> str:
        """Address of this page with a demand that brings its figures along."""
        return self.links.to(f"/advisor?{_EXAMPLE.query()}")

    @cached_property
    def yaml(self) -> str:
        """The demand as a file."""
        return write_yaml(self.document)

    @cached_property
    def equivalents(self) -> Equivalents | None:
        """The demand as one would send it without the form; None while it would be refused."""
        return None if self.check.demand is None else Equivalents.of_demand(self.document, self.api_url)

    def _rows(self, part: str) -> list[RowView]:
        made = []
        for at, row in enumerate(self.form.rows[part]):
            name = f"{part}.{at}"
            fields = [self._field(one, f"{name}.{one.path}", row[one.path]) for one in PARTS[part].fields]
            plain, aside = (tuple(f for f in fields if f.asked.aside is folded) for folded in (False, True))
            made.append(RowView(name, plain, aside, self._problem(name), self._known(part, at)))
        return made

    def _field(self, asked: Asked, name: str, text: str) -> FieldView:
        return FieldView(asked, name, text, self._problem(name))

    def _problem(self, field: str) -> str:
        return "\n".join(one.text for one in self.shown if one.field == field)

    def _known(self, part: str, at: int) -> str:
        kinds: Mapping[str, type[Job]] = {"services": Service, "training": Training}
        rows = self.document.get(part)
        if part not in kinds or not isinstance(rows, list):
            return ""
        try:
            job = kinds[part].model_validate(rows[at])
        except ValidationError:
            return ""  # told as a problem
        return known_of(job, self.known.choices, self.check.boards)


_EXAMPLE = form_of(DEMAND if isinstance(DEMAND, dict) else {})
