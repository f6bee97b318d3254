"""What a real driver says: every call of migperf's that only reads, on every GPU of this host, beside the tables.

Records what each call answered or how it failed and how long it takes, then how migperf reads the host from that, then
where the GPUs agree with the tables that boards are simulated from and where they differ. Changes nothing on a GPU.
Other people's processes are counted, not named. Prints a report for people; ``--out`` also writes it as
``inventory.txt``, with everything in ``inventory.json``.

    python benchmarks/gpu_inventory.py --out FOLDER
"""

import argparse
import platform
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from statistics import median

from gpu_calls import Answer, Call, Recorder
from gpu_tables import Comparison, compare
from gpu_walk import walk
from pydantic import JsonValue, TypeAdapter

from migperf.gpus.driver import Driver
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import Inventory, discover
from migperf.gpus.nvml.backend import NvmlLibrary
from migperf.gpus.nvml_errors import NvmlError
from migperf.gpus.simulation.board import Board
from migperf.gpus.simulation.boards import BOARDS

PACKAGES = ("nvidia-ml-py", "torch")
USUAL = ("NvmlNotSupportedError (3)", "NvmlInvalidArgumentError (2)", "NvmlNotFoundError (6)")
"""Failures by which a driver says that there is no such thing."""
READINGS = {
    "memory": "memory, bytes",
    "power_mw": "power, mW",
    "power_limit_mw": "power limit, mW",
    "energy_mj": "energy, mJ",
    "clock_mhz": "clock, MHz",
    "clocks_event_reasons": "why clocks are not higher",
    "temperature_c": "temperature, °C",
    "ecc_errors": "ECC errors",
    "utilization": "utilisation",
    "compute_processes": "processes",
    "field_values": "fields",
    "gpm_metrics": "GPM metrics by number",
}
"""Methods whose answers stand in the report for people, and what they are called there."""
SEVERAL = ("clock_mhz", "ecc_errors")
"""Those that are called with several arguments, which are told as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that was read. ``calls`` are in the order in which they were made; times in ms."""

    read_at: datetime
    versions: dict[str, str | None]
    """Of Python and packages; None for what is not installed."""
    comparisons: tuple[Comparison, ...]
    inventory: Inventory | None
    """How migperf reads the host; None where it could not, and the call ``discover`` says why."""
    calls: tuple[Call, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read, print and write; exit status 1 if there is no driver to ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write inventory.json and inventory.txt there")
    out: Path | None = parser.parse_args(arguments).out
    try:
        driver = NvmlLibrary.open()
    except NvmlError as error:
        sys.exit(f"there is no driver to ask: {error}")
    with driver:
        report = read(driver, BOARDS.values())
        text = "\n".join((*as_lines(report), ""))
        if out is not None:
            write(report, text, out)
    print(text, end="")


def read(driver: Driver, boards: Collection[Board], recorder: Recorder | None = None) -> Report:
    """Ask a driver for everything and compare its GPUs with these boards."""
    recorder = recorder or Recorder()
    read_at = datetime.now(UTC)
    told = walk(recorder, driver)
    inventory: Answer[Inventory] = recorder.ask("host", discover, driver, show=lambda _: "see inventory")
    return Report(
        read_at=read_at,
        versions={"python": platform.python_version(), **{package: _version(package) for package in PACKAGES}},
        comparisons=tuple(compare(gpu, boards) for gpu in told),
        inventory=inventory.value,
        calls=tuple(recorder.calls),
    )


def write(report: Report, text: str, folder: Path) -> None:
    """Write both files; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "inventory.json").write_bytes(TypeAdapter(Report).dump_json(report, indent=1) + b"\n")
    (folder / "inventory.txt").write_text(text)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def as_lines(report: Report) -> Iterator[str]:
    """Return the report for people."""
    versions = ", ".join(f"{name} {number or 'not installed'}" for name, number in report.versions.items())
    yield f"GPUs of this host as their driver tells, {report.read_at:%Y-%m-%d %H:%M} UTC; {versions}"
    for gpu in report.inventory.gpus if report.inventory else ():
        yield from ("", *_gpu_lines(gpu))
    for comparison in report.comparisons:
        yield from ("", *_comparison_lines(comparison))
    yield from ("", *_reading_lines(report.calls), "", *_failure_lines(report.calls))
    yield from ("", *_time_lines(report.calls))


def _gpu_lines(gpu: Gpu) -> Iterator[str]:
    memory, sms = _or_unknown(gpu.memory_mib), _or_unknown(gpu.sm_count)
    yield f"{gpu.model} ({gpu.architecture}, {gpu.compute_capability}): {memory} MiB, {sms} SMs"
    yield f"  driver {gpu.driver_version}, CUDA {gpu.cuda_version}, layout {gpu.layout}"
    if gpu.problem is not None:
        yield f"  cannot be used: {gpu.problem}"
    for profile in gpu.geometry.profiles if gpu.geometry else ():
        figures = f"{_or_unknown(profile.sm_count):>4} SMs  {_or_unknown(profile.memory_mib):>7} MiB"
        places = " ".join(map(str, profile.placements))
        yield f"  {profile.name:16} id {profile.id:3}  at most {profile.max_count}  {figures}  at {places}"


def _or_unknown(figure: int | None) -> str:
    return "unknown" if figure is None else str(figure)


def _comparison_lines(comparison: Comparison) -> Iterator[str]:
    if comparison.board is None:
        yield f"{comparison.gpu} is in no table: {comparison.recognised_by}"
        return
    yield (
        f"{comparison.gpu} beside the table of {comparison.board} (recognised by {comparison.recognised_by}): "
        f"{len(comparison.agreements)} agree, {len(comparison.differences)} differ, {len(comparison.untold)} not told"
    )
    for found in comparison.differences:
        yield f"  differs   {found.what}: table {_or_none(found.table)}, driver {_or_none(found.driver)}"
    for missing in comparison.untold:
        yield f"  not told  {missing.what} (table {missing.table}): {missing.why}"
    if comparison.notes:
        yield f"  of the table itself: {comparison.notes}"


def _or_none(figure: int | str | None) -> str:
    return "has none" if figure is None else str(figure)


def _reading_lines(calls: Sequence[Call]) -> Iterator[str]:
    for call in calls:
        if call.method in READINGS and call.answered:
            which = f" ({call.arguments})" if call.method in SEVERAL else ""
            yield f"{call.on}: {READINGS[call.method]}{which}: {_in_words(call.value)}"


def _in_words(value: JsonValue) -> str:
    """Return a value of several parts in one line."""
    if isinstance(value, list):
        return ", ".join(map(_one_of_many, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {figure}" for name, figure in value.items())
    return str(value)


def _one_of_many(answer: JsonValue) -> str:
    """Return one answer of a call that has many: what it is of, and its value or its error."""
    if not isinstance(answer, dict):
        return str(answer)
    what, value, error = answer.values()
    return f"{what} {error if value is None else value}"


def _failure_lines(calls: Sequence[Call]) -> Iterator[str]:
    """Return the calls that failed: each one that should not have, the usual ones of a method together."""
    failed = [call for call in calls if call.failure is not None]
    yield f"{len(failed)} of {len(calls)} calls failed"
    for call in failed:
        if str(call.failure) not in USUAL or call.answered:
            yield f"  {call.on}: {call.method}({call.arguments}): {call.failure}, {call.failed} of {_made(call)} times"
    usual = sorted((call.method, str(call.failure)) for call in failed if str(call.failure) in USUAL)
    for (method, failure), group in groupby(usual):
        yield f"  {method}: {failure}, {len(list(group))} times"


def _made(call: Call) -> int:
    return call.answered + call.failed


def _time_lines(calls: Sequence[Call]) -> Iterator[str]:
    """Return how long each method takes, the slowest first."""
    by_method: dict[str, list[Call]] = {}
    for call in calls:
        by_method.setdefault(call.method, []).append(call)
    yield f"{'ms, median of the medians':>40}  longest  calls"
    for method, made in sorted(by_method.items(), key=lambda item: -max(call.median_ms for call in item[1])):
        times_ms = [call.median_ms for call in made]
        yield f"  {method:30} {median(times_ms):7.3f}  {max(times_ms):7.3f}  {len(made):5}"


if __name__ == "__main__":
    main()
