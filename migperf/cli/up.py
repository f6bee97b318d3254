"""``migperf up``: the whole service as one process tree, and a first benchmark so that there is something to see."""

import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

from migperf.cli.processes import ServiceProcess, keep_running, migperf_command, stop_all
from migperf.client import Client, MigperfClientError
from migperf.errors import MigperfError
from migperf.gpus.drivers import check_setting
from migperf.settings import Settings

READY_TIMEOUT_S = 60.0
POLL_S = 0.25
FIRST_BENCHMARK = {
    "workload": "resnet18",
    "scenario": "single_stream",
    "parameters": {"batch_size": 1, "image_size": 128},
    "method": {"warmup_max_s": 5, "min_s": 5, "max_s": 10},
    "timeout_s": 120,
    "labels": {"origin": "first-benchmark"},
}
Say = Callable[[str], None]


class StartError(MigperfError):
    """The service did not come up; the message has the end of the log that says why."""


class Interrupted(Exception):  # noqa: N818 - not an error: somebody wants us to stop
    """SIGINT or SIGTERM came."""


def run_up(settings: Settings, *, first_benchmark: bool, say: Say) -> int:
    """Bring the schema up to date, start the service, and keep it running until SIGINT or SIGTERM."""
    check_setting(settings)
    settings.require_guarded()
    _require_free_port(settings)
    upgrade_schema(settings)
    processes = service_processes(settings)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        bring_up(settings, processes, say)
        if settings.authenticates:
            say(_how_to_get_in(settings))
        elif first_benchmark:
            _measure_something(settings, processes, say)
        say(f"The page: {settings.api_url}/   Press Ctrl-C to stop.")
        while True:
            keep_running(processes, say)
            time.sleep(POLL_S)
    except Interrupted:
        say("Stopping …")
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        stop_all(processes)
        say("Stopped.")


def service_processes(settings: Settings) -> list[ServiceProcess]:
    """Return the service's processes in the order in which they are stopped."""
    logs, environment = settings.data_dir / "logs", settings.environment()
    return [
        ServiceProcess(name, migperf_command(name), logs / f"{name}.log", environment)
        for name in ("worker", "scheduler", "api")
    ]


def _require_free_port(settings: Settings) -> None:
    """Say at once what the API would find out after a while. Raises StartError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            address = f"{settings.host}:{settings.port}"
            raise StartError(f"cannot listen on {address}: {error.strerror}; choose another with --port") from error


def upgrade_schema(settings: Settings) -> None:
    """Bring the database to the newest schema."""
    from migperf.store import schema
    from migperf.store.database import Database

    database = Database(settings.sqlalchemy_url)
    schema.upgrade(database)
    database.close()


def bring_up(settings: Settings, processes: list[ServiceProcess], say: Say) -> None:
    """Start the processes and wait until the service takes runs. Raises StartError."""
    say(f"Starting API, worker and scheduler; data and logs in {settings.data_dir}")
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    with Client(settings.api_url) as client:
        while not _is_ready(client):
            keep_running(processes, say)
            hopeless = next((p for p in processes if p.deaths > 2), None)  # noqa: PLR2004 - two tries are enough
            if hopeless or time.monotonic() > deadline_s:
                culprit = hopeless or processes[-1]
                raise StartError(f"{culprit.name} does not start. End of {culprit.log}:\n{culprit.log_tail()}")
            time.sleep(POLL_S)


def _how_to_get_in(settings: Settings) -> str:
    """Return what opens the service. No key is made here: what is said here ends up in logs."""
    from migperf.access.api_key import KeyState
    from migperf.store import keys
    from migperf.store.database import Database, now

    database = Database(settings.sqlalchemy_url)
    try:
        with database.read() as session:
            time = now(session)
            usable = any(keys.state_of(row, time) is KeyState.ACTIVE for row in keys.all_of(session))
    finally:
        database.close()
    if usable:
        return "Authentication is required: API and pages ask for a key (`migperf keys list`)."
    return (
        "Authentication is required, and there is no key yet: make the first with "
        f"`migperf keys create NAME --scope admin --data-dir {settings.data_dir}`."
        if not settings.database_url
        else "Authentication is required, and there is no key yet: make the first with `migperf keys create NAME "
        "--scope admin`, with the same MIGPERF_DATABASE_URL."
    )


def _is_ready(client: Client) -> bool:
    try:
        return client.ready().nodes_alive > 0
    except MigperfClientError:
        return False


def _measure_something(settings: Settings, processes: list[ServiceProcess], say: Say) -> None:
    """Submit a first benchmark to an empty service and show what came of it."""
    with Client(settings.api_url) as client:
        if next(iter(client.runs(limit=1)), None) is not None:
            return
        run = client.submit(FIRST_BENCHMARK)
        say("Measuring a first benchmark: ResNet-18, one image at a time …")
        while run.finished_at is None:
            keep_running(processes, say)
            time.sleep(POLL_S)
            run = client.run(run.id)
        figures = {figure.name: figure for figure in client.result(run.id).figures}
        shown = [figures[name] for name in ("throughput", "latency_mean") if name in figures]
        facts = ", ".join(f"{f.name} {f.value:.4g} {f.unit}" for f in shown if f.value is not None)
        say(f"{run.state}: {facts or run.reason}   {client.page_of(run)}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted
