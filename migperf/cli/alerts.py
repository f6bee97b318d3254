"""The commands about alerts and the channels that they go to: ``migperf alerts …``."""

from pathlib import Path
from typing import Annotated

import typer

from migperf.cli.options import AsJson, ServiceOptions, grouped

app = typer.Typer(no_args_is_help=True, help="Look at alerts, and say where they go.")
channels = typer.Typer(no_args_is_help=True, help="Where alerts go: webhooks, chats, e-mail.")
app.add_typer(channels, name="channels")
ChannelId = Annotated[str, typer.Argument(metavar="CHANNEL", help="Id or name of the channel.")]


@app.command("list")
@grouped
def list_alerts(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")] = 50,
    *,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """List alerts, newest first, and whether they were delivered."""
    from migperf.cli.alert_tables import print_alerts
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client

    with Client(service.url) as client:
        found = list(client.alerts(limit))
    return emit_json(as_data(found)) if as_json else print_alerts(found)


@channels.command("add")
@grouped
def add_channel(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The channel, YAML or JSON; - is standard input.", exists=False),
    ],
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """Add a channel, to which all alerts go from now on. A file, since options are seen by everybody on the host."""
    from migperf.cli.alert_tables import read_channel
    from migperf.cli.output import as_data, emit_json, remark
    from migperf.client import Client

    with Client(service.url) as client:
        added = client.add_channel(read_channel(file))
    if as_json:
        return emit_json(as_data(added))
    typer.echo(added.id)
    if added.secret is not None:
        remark("its receiver verifies signatures with this secret, which is not shown again:")
        typer.echo(added.secret)
    return remark(f"`migperf alerts channels test {added.name}` shows whether it works")


@channels.command("list")
@grouped
def list_channels(service: ServiceOptions, as_json: AsJson = False) -> None:
    """List channels, without what is secret about them."""
    from migperf.cli.alert_tables import print_channels
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.channels()
    return emit_json(as_data(found)) if as_json else print_channels(found)


@channels.command("delete")
@grouped
def delete_channel(channel: ChannelId, service: ServiceOptions) -> None:
    """Delete a channel; what has not been delivered to it will not be."""
    from migperf.cli.alert_tables import id_of
    from migperf.cli.output import remark
    from migperf.client import Client

    with Client(service.url) as client:
        client.delete_channel(id_of(client, channel))
    remark("deleted")


@channels.command("test")
@grouped
def try_channel(channel: ChannelId, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Send a test alert and wait for its first try; the exit status is 0 if the channel took it."""
    from migperf.cli.alert_tables import id_of, print_alerts, tried
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client
    from migperf.store.states import DeliveryState

    with Client(service.url) as client:
        found = tried(client, client.test_channel(id_of(client, channel)))
    if as_json:
        emit_json(as_data(found))
    else:
        print_alerts([found])
    if any(delivery.state is not DeliveryState.DELIVERED for delivery in found.deliveries):
        raise typer.Exit(1)
