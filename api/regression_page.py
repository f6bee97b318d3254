"""What the page of a regression shows, gathered from the store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from api import history_words
from api.charts.drawing import Drawing, draw
from api.charts.span import Span
from api.history_content import HistoryContent
from api.history_page import address
from api.links import Links
from migperf.histories.confirming import ConfirmingRun, Finding
from migperf.histories.environment import EnvironmentChange
from migperf.histories.regression import ConfirmationState, RegressionState, Resolution
from migperf.histories.worsening import Shifted
from migperf.store import confirmations, regressions
from migperf.store.history_tables import ConfirmationRow, PointRow, RegressionRow

AROUND = 30
"""So many points are shown before and after those at which it may have begun."""
_TRIAGE = {
    RegressionState.ACKNOWLEDGED: "Acknowledge",
    RegressionState.RESOLVED: "Resolve",
    RegressionState.FALSE_ALARM: "False alarm",
    RegressionState.OPEN: "Open again",
}


@dataclass(frozen=True, slots=True)
class ShownConfirmation:
    """A confirmation with its runs, and what was found of each metric."""

    row: ConfirmationRow
    runs: Sequence[ConfirmingRun]
    findings: Mapping[str, Finding]

    @classmethod
    def of(cls, row: ConfirmationRow) -> Self:
        """Return it as it is shown."""
        findings = {name: Finding.model_validate(found) for name, found in row.findings}
        return cls(row, confirmations.runs_of(row), findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRegression:
    """A regression in a row: what it is about, at a glance."""

    row: RegressionRow
    size: str
    environment: str
    confirmation: ConfirmationState | None
    age: str

    @classmethod
    def of(cls, row: RegressionRow, now: datetime) -> Self:
        """Return it as it is listed."""
        metrics = regressions.metrics_of(row)
        name = history_words.worse_most(metrics)
        return cls(
            row=row,
            size=history_words.moved(name, metrics[name]),
            environment=history_words.environment(regressions.environment_of(row)),
            confirmation=decided(row.confirmations).state if row.confirmations else None,
            age=history_words.age(row.opened_at, now),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionPage:
    """Everything that is told about one regression."""

    regression: RegressionRow
    moved: str
    """What got worse, and by how much; the page goes on to say since when."""
    summary: str
    metrics: Mapping[str, Shifted]
    environment: tuple[EnvironmentChange, ...]
    confirmations: tuple[ShownConfirmation, ...]
    charts: Mapping[str, Drawing | None]
    chart_address: str
    age: str

    @classmethod
    def of(cls, session: Session, regression_id: str, links: Links, now: datetime) -> Self:
        """Gather it. Raises NotFoundError."""
        row = regressions.get(session, regression_id)
        metrics, environment = regressions.metrics_of(row), regressions.environment_of(row)
        content = HistoryContent.read(session, row.history, links)
        span = _span(content, row)

        def link(zoomed: Span) -> str:
            return address(links, row.history_id, zoomed)

        marked = content.place_of(row.first_bad_id)
        last = decided(row.confirmations) if row.confirmations else None
        leading = history_words.worse_most(metrics)
        told = (history_words.others(metrics), history_words.news(environment), history_words.confirmation(last))
        return cls(
            regression=row,
            moved=history_words.rose(leading, metrics[leading]),
            summary=" ".join(filter(None, told)),
            metrics=metrics,
            environment=environment,
            confirmations=tuple(ShownConfirmation.of(one) for one in row.confirmations),
            charts={name: draw(content.of_metric(name, marked), span, link) for name in metrics},
            chart_address=link(span),
            age=history_words.age(row.opened_at, now),
        )

    @property
    def triage(self) -> Mapping[RegressionState, str]:
        """The states that people may bring it to, and what the buttons are called."""
        is_over = self.regression.resolution in {Resolution.RECOVERED, Resolution.WITHDRAWN}
        return {
            state: label
            for state, label in _TRIAGE.items()
            if state is not self.regression.state and not (is_over and state.is_standing)
        }

    @property
    def compared(self) -> tuple[str, str] | None:
        """The runs of the last good and the first bad point, to be compared; None where one is not at hand."""
        good, bad = self.regression.last_good.run_id, self.regression.first_bad.run_id
        return None if good is None or bad is None else (good, bad)

    @property
    def ends(self) -> Mapping[str, PointRow]:
        """The points that it lies between, by what they are called."""
        row = self.regression
        return {"Last good": row.last_good, "First bad": row.first_bad} | (
            {} if row.over is None else {"Over since": row.over}
        )


def decided(made: Sequence[ConfirmationRow]) -> ConfirmationRow:
    """Return the confirmation that counts: the last one."""
    return made[-1]


def _span(content: HistoryContent, row: RegressionRow) -> Span:
    """Return the stretch about where it began; all there is where that is older than what was read."""
    wanted = (row.earliest_id, row.latest_id, row.first_bad_id, row.over_id)
    places = [place for key in wanted if key is not None and (place := content.place_of(key)) is not None]
    if not places:
        return Span.of(content.begin, content.total)
    begun = content.place_of(row.first_bad_id) or places[0]
    # What came back much later would make the step a detail.
    places = [place for place in places if abs(place - begun) <= 2 * AROUND]
    return Span.about(content.begin, content.total, min(places), max(places), AROUND)
