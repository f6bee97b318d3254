"""A run's profile in short, for people."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from migperf.cli.output import table
from migperf.measure.events import Document
from migperf.measure.profiling.summary import SUMMARY_NAME, DeviceRow, OperatorRow, ProfileSummary
from migperf.statistics.digits import show

MOST_SHOWN = 10


def profile_among(documents: Iterable[Document]) -> ProfileSummary | None:
    """Return the summary of the profile, None if there is none among the documents."""
    found = (document for document in documents if document.name == SUMMARY_NAME)
    return next((ProfileSummary.model_validate_json(document.data) for document in found), None)


def print_profile(console: Console, profile: ProfileSummary, run_id: str | None = None) -> None:
    """Print the operators that took most, and how the whole trace is opened; of a run of a service with its id."""
    console.print()
    console.print(Text("Profile", "bold"))
    if profile.absent is not None:
        console.print(Text(f"none: {profile.absent}"))
    else:
        console.print(Text(_heading(profile)))
        columns = ("Operator", "Shapes", "Calls", "Self ms", "Total ms", "Share")
        made = table(*columns, right=columns[2:], whole=("Operator", *columns[2:]))
        for row in profile.operators[:MOST_SHOWN]:
            made.add_row(row.name, row.shapes, str(row.calls), *_times(row), f"{100 * row.share:.1f} %")
        console.print(made)
    if profile.trace is not None:
        fetch = "" if run_id is None else f"`migperf runs artifacts {run_id} {profile.trace} -o {profile.trace}`; "
        console.print(Text(f"whole trace: {fetch}open it at https://ui.perfetto.dev", "dim"))


def _heading(profile: ProfileSummary) -> str:
    where = f"no device: {profile.device_absent}" if profile.device is None else _device(profile.device)
    return f"{profile.steps} steps in {show(profile.span_ms or 0.0).value} ms, slowed down by the profiler; {where}"


def _device(device: DeviceRow) -> str:
    return f"device busy for {100 * device.busy_share:.1f} %, idle for {show(device.idle_ms).value} ms"


def _times(row: OperatorRow) -> tuple[str, str]:
    """Return self and total time, ms: of the device where it was seen, else of the host."""
    if row.self_device_ms is None or row.total_device_ms is None:
        return show(row.self_host_ms).value, show(row.total_host_ms).value
    return show(row.self_device_ms).value, show(row.total_device_ms).value
