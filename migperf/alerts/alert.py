"""An alert: that something happened, told once; and a message: one or several alerts, as they are sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

MAX_FACTS = 32
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Subject = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_NO_CONTROLS)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_CONTROLS)]
Body = Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")]
FactName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_NO_CONTROLS)]
FactValue = Annotated[str, StringConstraints(max_length=500, pattern=_NO_CONTROLS)]
TEST_KIND = "test"
"""Of alerts that were asked for to see whether a channel works."""


class NewAlert(BaseModel):
    """What happened. ``kind`` and ``subject`` together say it once: a second alert with both the same is not raised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    subject: Subject
    """What it is about, such as the id of a regression."""
    title: Title
    text: Body = ""
    facts: Annotated[dict[FactName, FactValue], Field(max_length=MAX_FACTS)] = Field(default_factory=dict)
    """Names and values, with their units, in the order in which they are shown."""
    link: Annotated[str, StringConstraints(pattern=r"^/([!-.0-~][!-~]*)?$", max_length=500)] | None = None
    """Path of the page that shows it."""


class Alert(NewAlert):
    """An alert that was raised."""

    id: str
    created_at: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent to one channel at once: an alert, or a digest of several. It keeps its id when it is sent again."""

    id: str
    alerts: tuple[Alert, ...]
    base_url: str
    """Where people find the service, without a trailing slash."""

    @property
    def is_digest(self) -> bool:
        """Whether there are several alerts in it."""
        return len(self.alerts) > 1

    @property
    def title(self) -> str:
        """The title of its alert; of a digest, how many there are."""
        return f"{len(self.alerts)} alerts" if self.is_digest else self.alerts[0].title

    @property
    def created_at(self) -> datetime:
        """When the latest of its alerts was raised."""
        return max(alert.created_at for alert in self.alerts)

    def url_of(self, alert: Alert) -> str | None:
        """The URL of the page that shows an alert."""
        return None if alert.link is None else f"{self.base_url}{alert.link}"
