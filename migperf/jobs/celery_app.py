"""Celery, as we use it: it carries wake-ups to nodes and runs supervisors in its threads. It keeps no record.

The queue of record is the database. A wake-up that is lost is sent again by the next placement pass; one that comes
twice finds the lease claimed and ends at once. So nothing is acknowledged late, retried or stored by Celery.
"""

from collections.abc import Callable
from typing import Any

from celery import Celery

from migperf.jobs import spool
from migperf.settings import Settings

SUPERVISE = "migperf.supervise"
FILESYSTEM = "filesystem://"


def queue_of(node: str) -> str:
    """Return the name of the queue that only this node's worker consumes."""
    return f"migperf.node.{node}"


def sender_app(settings: Settings) -> Celery:
    """Return an app that can send wake-ups."""
    app = Celery("migperf", broker=_broker(settings), set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=False,
        task_publish_retry=False,
        task_store_errors_even_if_ignored=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options=_transport_options(settings),
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
        enable_utc=True,
    )
    return app


def worker_app(settings: Settings, supervise: Callable[[int], None]) -> Celery:
    """Return an app whose only task hands the token of a wake-up to ``supervise``."""
    app = sender_app(settings)

    @app.task(name=SUPERVISE, ignore_result=True)
    def task(token: int) -> None:
        supervise(token)

    return app


def _broker(settings: Settings) -> str:
    return spool.register() if settings.broker_url == FILESYSTEM else settings.broker_url


def _transport_options(settings: Settings) -> dict[str, Any]:
    if settings.broker_url != FILESYSTEM:
        # A broker that is down must not hold up a request: the next pass sends again.
        return {"socket_connect_timeout": 2, "socket_timeout": 5}
    folders = {name: settings.broker_dir / name for name in ("messages", "control", "processed")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(folders["messages"]),
        "data_folder_out": str(folders["messages"]),
        "control_folder": str(folders["control"]),
        "processed_folder": str(folders["processed"]),
        "store_processed": False,
        "polling_interval": settings.broker_poll_s,
    }
