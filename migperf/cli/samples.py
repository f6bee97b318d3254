"""Series as CSV, as JSON, and as a list of what there is."""

import csv
import math
import sys
from typing import Any

from rich.text import Text

from migperf.cli.output import as_data, out, remark, table
from migperf.client import SeriesData, SeriesList


def print_list(listed: SeriesList) -> None:
    """Print which series a run has."""
    if not listed.items:
        remark("the run has no series (yet)")
        return
    console = out()
    made = table("Series", "Unit", "Scope", "Source", "Samples", "", right=("Samples",), whole=("Series",))
    for item in listed.items:
        made.add_row(item.name, item.unit, item.scope, item.source, str(item.samples), Text(item.absent or "", "dim"))
    console.print(made)
    if listed.window:
        span = f"measured from {listed.window.start_s:.3f} s to {listed.window.end_s:.3f} s after the run's start"
        console.print(Text(span, "dim"))


def print_csv(series: SeriesData) -> None:
    """Print the samples of a series: seconds since the run's start, and the value, its unit in the heading."""
    if series.absent:
        remark(f"{series.name}: {series.absent}")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("time_s", series.name if series.unit == "1" else f"{series.name} [{series.unit}]"))
    writer.writerows(zip(series.time_s.tolist(), series.value.tolist(), strict=True))


def series_document(series: SeriesData) -> dict[str, Any]:
    """Return a series as the service writes it, whole; what is no number is null."""
    return {
        "name": series.name,
        "unit": series.unit,
        "scope": series.scope,
        "source": series.source,
        "absent": series.absent,
        "window": as_data(series.window) if series.window else None,
        "time_s": series.time_s.tolist(),
        "value": [None if math.isnan(value) else value for value in series.value.tolist()],
    }
