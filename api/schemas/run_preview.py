"""What submitting a benchmark would come to, without submitting it."""

from typing import Self

from pydantic import ConfigDict, Field

from api.equivalents import Equivalents
from api.links import Links
from api.schemas import run_preview_examples as examples
from api.schemas.runs import BenchmarkView
from api.schemas.schedules import DocumentProblem
from api.schemas.view import View
from migperf.experiments.estimate import Duration
from migperf.gpus.partition import Partition
from migperf.jobs.outlook import Outlook, Place


class TakesView(View):
    """How long a run would take, once it has begun."""

    expected_s: float = Field(description="Expected, seconds.")
    longest_s: float = Field(description="At most, seconds: `timeout_s`, or what the method allows.")
    seen: bool = Field(description="Whether that is how long earlier runs took; else it is worked out from the method.")

    @classmethod
    def of(cls, duration: Duration) -> Self:
        """Show an estimate."""
        return cls(expected_s=duration.expected_s, longest_s=duration.longest_s, seen=duration.seen)


class PlaceView(View):
    """A partition that suits, or a GPU that would be cut for the run."""

    node: str
    uuid: str
    kind: str = Field(description="Kind of partition; `gpu` for one that would be cut.")
    model: str = Field(description="Board or processor model.")
    profile: str | None
    simulated: bool
    free: bool = Field(description="Whether a run could be put there now.")
    run: str | None = Field(
        description="Id of the run that has it or is in its way, one of several; null where none is."
    )
    page: str | None = Field(description="Path of that run's page.")

    @classmethod
    def of(cls, place: Place, links: Links) -> Self:
        """Show a place."""
        thing = place.thing
        partition = thing if isinstance(thing, Partition) else None
        run = next(iter(place.held_by), None)
        return cls(
            node=place.node,
            uuid=thing.uuid,
            kind="gpu" if partition is None else str(partition.kind),
            model=thing.model,
            profile=None if partition is None else partition.profile,
            simulated=thing.simulated,
            free=place.free,
            run=run,
            page=None if run is None else links.page(run),
        )


class OutlookView(View):
    """Where a run could be put now."""

    places: list[PlaceView] = Field(description="Places that suit, free ones first; the first 24.")
    suitable: int = Field(description="How many places suit, free or not.")
    free: int = Field(description="How many of them are free; 24 stands for 24 and more.")
    ahead: int = Field(description="Runs in the queue that are placed before it; 1000 stands for 1000 and more.")
    why_none: str | None = Field(description="Why no place suits, and what helps; null where one does.")

    @classmethod
    def of(cls, outlook: Outlook, ahead: int, links: Links) -> Self:
        """Show an outlook."""
        return cls(
            places=[PlaceView.of(place, links) for place in outlook.places],
            suitable=outlook.suitable,
            free=outlook.free,
            ahead=ahead,
            why_none=outlook.why_none,
        )


class EquivalentsView(View):
    """The request with nothing in it that is at its default, and three ways of sending it."""

    body: str = Field(description="The body of `POST /v1/runs`, JSON as text: numbers keep all their digits.")
    curl: str = Field(description="For a POSIX shell.")
    cli: str = Field(description="The command `migperf submit`, for a POSIX shell.")
    python: str = Field(description="With the Python client.")

    @classmethod
    def of(cls, texts: Equivalents) -> Self:
        """Show them."""
        return cls(body=texts.body, curl=texts.curl, cli=texts.cli, python=texts.python)


class RunPreview(View):
    """What a submission would come to. What depends on the whole of it is null while something is wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PREVIEW, examples.UNFINISHED]})

    problems: list[DocumentProblem] = Field(description="Why it would be refused; none where it would be taken.")
    fingerprint: str | None = Field(description="The same for runs that may be compared: 64 hexadecimal digits.")
    benchmark: BenchmarkView | None = Field(description="The benchmark, every default written out.")
    takes: TakesView | None = Field(description="How long it would take.")
    outlook: OutlookView | None = Field(
        description="Where it could be put now; null where `where`, `layout` or `environment` cannot be read."
    )
    equivalents: EquivalentsView | None = Field(description="The same request, to be sent in other ways.")
