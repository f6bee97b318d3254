"""Channels and alerts as the service shows them."""

from pydantic import AwareDatetime, JsonValue

from migperf.client.view import View
from migperf.store.states import DeliveryState


class ChannelView(View):
    """A channel, without what is secret about it."""

    id: str
    url: str
    name: str
    kind: str | None = None
    target: str | None = None
    digest_s: int | None = None
    settings: dict[str, JsonValue]
    unreadable: str | None = None
    """Why the service cannot read it, so that it is sent nothing; kind, target and digest are then None."""
    created_at: AwareDatetime
    updated_at: AwareDatetime
    secret: str | None = None
    """What a webhook's receiver verifies signatures with; None but for the answer to setting the channel."""


class ChannelList(View):
    """Every channel."""

    items: tuple[ChannelView, ...]


class DeliveryView(View):
    """An alert on its way to a channel."""

    channel_id: str
    channel: str
    message_id: str | None = None
    state: DeliveryState
    attempts: int
    next_at: AwareDatetime | None = None
    last_error: str | None = None
    settled_at: AwareDatetime | None = None


class AlertView(View):
    """An alert, and what has become of it on each channel."""

    id: str
    url: str
    kind: str
    subject: str
    title: str
    text: str
    facts: dict[str, str]
    link: str | None = None
    created_at: AwareDatetime
    deliveries: tuple[DeliveryView, ...]


class AlertList(View):
    """One page of alerts."""

    items: tuple[AlertView, ...]
    next_cursor: str | None = None
