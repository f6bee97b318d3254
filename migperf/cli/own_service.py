"""A service for one command: the one that is running, or one of our own for as long as the command takes."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from migperf.cli.processes import keep_running, stop_all
from migperf.cli.up import Say, bring_up, service_processes, upgrade_schema
from migperf.client import Client, MigperfClientError
from migperf.settings import load_settings


class Serving(NamedTuple):
    """A service that takes runs. ``keep`` is called while waiting; ``own`` says that it ends with the command."""

    client: Client
    keep: Callable[[], None]
    own: bool


@contextmanager
def a_service(url: str | None, say: Say) -> Iterator[Serving]:
    """Give a service that takes runs.

    Without a running service, one is started on this host with the data folder of the settings, and stopped at the end.
    """
    with Client(url) as client:
        if url is not None or _answers(client):
            yield Serving(client, lambda: None, own=False)
            return
    settings = load_settings(port=_free_port())
    upgrade_schema(settings)
    processes = service_processes(settings)
    try:
        bring_up(settings, processes, say)
        with Client(settings.api_url) as client:
            yield Serving(client, lambda: keep_running(processes, say), own=True)
    finally:
        stop_all(processes)


def _answers(client: Client) -> bool:
    try:
        return client.ready().nodes_alive > 0
    except MigperfClientError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
