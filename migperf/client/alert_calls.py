"""The part of the client that has to do with alerts and the channels that they go to."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from migperf.client.alert_models import AlertList, AlertView, ChannelList, ChannelView
from migperf.client.transport import Query, Transport

Document = Mapping[str, Any]
"""A channel as its file says it; see migperf.alerts.channel."""


class _Connected(Protocol):
    _transport: Transport


class AlertCalls:
    """What a client can ask about alerts. Calls about one that does not exist raise ApiNotFoundError."""

    def channels(self: _Connected) -> tuple[ChannelView, ...]:
        """Return every channel, by name."""
        return self._transport.get(ChannelList, "/v1/channels").items

    def add_channel(self: _Connected, document: Document) -> ChannelView:
        """Store a channel and return it; a webhook's ``secret`` is told this once.

        Raises RequestRefusedError naming the field, and ApiConflictError where the name is taken.
        """
        answer = self._transport.send("POST", "/v1/channels", json=document, repeatable=False)
        return self._transport.parse(ChannelView, answer)

    def replace_channel(self: _Connected, channel_id: str, document: Document) -> ChannelView:
        """Put another document in a channel's place, and return it; secrets that it leaves out are not kept."""
        answer = self._transport.send("PUT", _channel_path(channel_id), json=document, repeatable=False)
        return self._transport.parse(ChannelView, answer)

    def delete_channel(self: _Connected, channel_id: str) -> None:
        """Delete a channel; what has not been delivered to it will not be."""
        self._transport.send("DELETE", _channel_path(channel_id), repeatable=False)

    def test_channel(self: _Connected, channel_id: str) -> AlertView:
        """Have a test alert sent to a channel, and return it; ask for it again to see whether it arrived."""
        answer = self._transport.send("POST", _channel_path(channel_id, "test"), repeatable=False)
        return self._transport.parse(AlertView, answer)

    def alert(self: _Connected, alert_id: str) -> AlertView:
        """Return an alert as it is now."""
        return self._transport.get(AlertView, f"/v1/alerts/{quote(alert_id, safe='')}")

    def alerts(self: _Connected, limit: int = 50) -> Iterator[AlertView]:
        """Yield at most so many alerts, newest first."""
        query: Query = [("limit", str(min(limit, 200)))]
        while limit > 0:
            page = self._transport.get(AlertList, "/v1/alerts", query)
            yield from page.items[:limit]
            limit -= len(page.items)
            if page.next_cursor is None:
                return
            query = [("limit", str(min(max(limit, 1), 200))), ("cursor", page.next_cursor)]


def _channel_path(channel_id: str, *below: str) -> str:
    return "/".join(("/v1/channels", quote(channel_id, safe=""), *below))
