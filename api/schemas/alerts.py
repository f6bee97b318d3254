"""Channels and alerts as they are shown: without secrets."""

from typing import Any, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue, ValidationError

from api.links import Links
from api.schemas import alert_examples as examples
from api.schemas.view import View
from migperf.alerts.channel import CHANNEL, SECRET_FIELDS, WebhookChannel
from migperf.errors import DocumentError
from migperf.store.alerts import describe
from migperf.store.models import AlertRow, ChannelRow, DeliveryRow
from migperf.store.states import DeliveryState

_TOLD_OTHERWISE = {"name", "kind", "digest_s", "url", *SECRET_FIELDS}


class ChannelView(View):
    """A channel. Its secrets, and the part of its URL that may be one, are not shown.

    What another version has stored may be of no kind that this one knows: then ``unreadable`` says why.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CHANNEL]})

    id: str
    url: str = Field(description="Path of the channel.")
    name: str
    kind: Literal["webhook", "slack", "email"] | None = Field(description="null where it is unreadable.")
    target: str | None = Field(
        description="Where it leads: a URL without its query, for Slack the host alone; recipients. null where it is "
        "unreadable."
    )
    digest_s: int | None = Field(
        description="Alerts are gathered for so many seconds and sent as one; 0: each at once. null where it is "
        "unreadable."
    )
    settings: dict[str, JsonValue] = Field(description="What else its document says, without secrets.")
    unreadable: str | None = Field(
        description="Why this version of the service cannot read the channel, so that it is sent nothing: replace or "
        "delete it. null where it can."
    )
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @classmethod
    def of(cls, row: ChannelRow, links: Links) -> Self:
        """Return a stored channel as it is shown."""
        return cls(
            id=row.id,
            url=links.channel(row.id),
            name=row.name,
            created_at=row.created_at,
            updated_at=row.updated_at,
            **_read(row),
        )


def _read(row: ChannelRow) -> dict[str, Any]:
    """Return what the document of a channel says, as far as it may be shown."""
    try:
        channel = CHANNEL.validate_python(row.document)
    except ValidationError as error:
        # It names fields and what would be right, and not what they hold, which may be a secret.
        unreadable = str(DocumentError.of(error))
        return {"kind": None, "target": None, "digest_s": None, "settings": {}, "unreadable": unreadable}
    return {
        "kind": channel.kind,
        "target": channel.target,
        "digest_s": channel.digest_s,
        "settings": channel.model_dump(mode="json", exclude=_TOLD_OTHERWISE),
        "unreadable": None,
    }


class ChannelSet(ChannelView):
    """A channel that has just been set, with the key of its signatures: the one time that it is shown."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CHANNEL_SET]})

    secret: str | None = Field(description="Of a webhook: what its receiver verifies signatures with. Else null.")

    @classmethod
    def of(cls, row: ChannelRow, links: Links) -> Self:
        """Return a stored channel with its secret."""
        channel = CHANNEL.validate_python(row.document)
        secret = channel.secret.get_secret_value() if isinstance(channel, WebhookChannel) else None
        return cls(**ChannelView.of(row, links).model_dump(), secret=secret)


class ChannelList(View):
    """Every channel, by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.CHANNEL]}]})

    items: tuple[ChannelView, ...]


class DeliveryView(View):
    """An alert on its way to a channel."""

    channel_id: str
    channel: str = Field(description="Name of the channel.")
    message_id: str | None = Field(description="What it is sent as, alone or in a digest; null while that is gathered.")
    state: DeliveryState
    attempts: int = Field(description="Tries so far, one under way among them.")
    next_at: AwareDatetime | None = Field(description="When it is tried next, at the earliest; null when settled.")
    last_error: str | None = Field(description="Why the last try failed; null when it did not.")
    settled_at: AwareDatetime | None = Field(description="When it was delivered or given up.")

    @classmethod
    def of(cls, row: DeliveryRow) -> Self:
        """Return a stored delivery as it is shown."""
        return cls(
            channel_id=row.channel_id,
            channel=row.channel.name,
            message_id=row.message_id,
            state=row.state,
            attempts=row.attempts,
            next_at=row.next_at if row.settled_at is None else None,
            last_error=row.last_error,
            settled_at=row.settled_at,
        )


class AlertView(View):
    """An alert, and what has become of it on each channel."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ALERT]})

    id: str
    url: str = Field(description="Path of the alert.")
    kind: str = Field(description="What kind of thing happened; `test` was asked for.")
    subject: str = Field(description="What it is about; there is one alert of a kind about a subject.")
    title: str
    text: str
    facts: dict[str, str] = Field(description="Names and values, with their units.")
    link: str | None = Field(description="Path of the page that shows what happened.")
    created_at: AwareDatetime
    deliveries: tuple[DeliveryView, ...]

    @classmethod
    def of(cls, row: AlertRow, links: Links) -> Self:
        """Return a stored alert as it is shown."""
        told = describe(row).model_dump() | {"link": None if row.link is None else links.to(row.link)}
        deliveries = tuple(DeliveryView.of(delivery) for delivery in row.deliveries)
        return cls(**told, url=links.alert(row.id), deliveries=deliveries)


class AlertList(View):
    """One page of alerts, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.ALERT], "next_cursor": None}]})

    items: tuple[AlertView, ...]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")
