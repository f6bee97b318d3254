"""Channels and alerts as people see them."""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from migperf.cli.output import age, out, remark, table
from migperf.cli.problems import UsageProblem
from migperf.cli.text_files import name_of, read_yaml_file
from migperf.client import AlertView, ChannelView, Client, DeliveryView
from migperf.store.states import DeliveryState

PATIENCE_S = 30.0
"""So long a command waits for the first try of a test."""
_STYLES = {DeliveryState.DELIVERED: "green", DeliveryState.PENDING: "yellow", DeliveryState.GIVEN_UP: "red"}


def read_channel(file: Path) -> Mapping[str, Any]:
    """Return the channel that a file describes. Raises UsageProblem and OSError."""
    document = read_yaml_file(file)
    if not isinstance(document, dict):
        raise UsageProblem(f"{name_of(file)} is no channel; one begins with `kind: webhook`, `slack` or `email`")
    return document


def id_of(client: Client, channel: str) -> str:
    """Return the id of a channel that is given by its name; what is no name is taken for an id."""
    return next((each.id for each in client.channels() if each.name == channel), channel)


def tried(client: Client, alert: AlertView) -> AlertView:
    """Wait until every delivery of an alert has been tried, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not all(each.settled_at or each.last_error for each in alert.deliveries):
        if time.monotonic() > deadline:
            remark(f"not tried within {PATIENCE_S:g} s; is a scheduler running?")
            break
        time.sleep(0.1)
        alert = client.alert(alert.id)
    return alert


def print_channels(channels: Iterable[ChannelView]) -> None:
    """Print a listing of channels."""
    made = table("Channel", "Name", "Kind", "Digest", "Target", right=("Digest",), whole=("Channel",))
    for each in channels:
        digest = f"{each.digest_s} s" if each.digest_s else "–"
        target = Text(each.target or "") if each.unreadable is None else Text(f"unreadable: {each.unreadable}", "red")
        made.add_row(each.id, Text(each.name), each.kind or "–", digest, target)
    if made.row_count:
        out().print(made)
    else:
        remark("there are no channels; `migperf alerts channels add FILE` makes one")


def print_alerts(alerts: Iterable[AlertView]) -> None:
    """Print a listing of alerts, and of each what has become of it."""
    console, now, printed = out(), datetime.now(UTC), False
    for alert in alerts:
        printed = True
        head = Text.assemble((alert.title, "bold"), (f"  {alert.kind}, {age(alert.created_at, now)} ago", "dim"))
        console.print(head)
        for line in _deliveries(alert, now):
            console.print(line)
    if not printed:
        remark("there are no alerts")


def _deliveries(alert: AlertView, now: datetime) -> Iterator[Text]:
    if not alert.deliveries:
        yield Text("  there was no channel to send it to", "dim")
    for each in alert.deliveries:
        state = (each.state.replace("_", " "), _STYLES[each.state])
        yield Text.assemble(f"  {each.channel}: ", state, _more(each, now))


def _more(delivery: DeliveryView, now: datetime) -> str:
    tries = f", {delivery.attempts} tries" if delivery.attempts > 1 else ""
    if delivery.last_error is None:
        return tries
    again = ""
    if delivery.next_at is not None:
        again = f"; again in {max(0, (delivery.next_at - now).total_seconds()):.0f} s"
    return f"{tries}: {delivery.last_error}{again}"
