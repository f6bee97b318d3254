"""``migperf gpus``: the GPUs of this host, how each is cut, and who uses it."""

from typing import TYPE_CHECKING, Any

from migperf.cli.options import AsJson, StorageOptions, grouped, settings_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from migperf.cli.host_gpus import HostGpu
    from migperf.gpus.driver import Driver
    from migperf.gpus.gpu import Gpu, GpuInstance
    from migperf.gpus.partition import Partition
    from migperf.gpus.processes import GpuUser


@grouped
def gpus(storage: StorageOptions, as_json: AsJson = False) -> None:
    """Show this host's GPUs, how each is cut, and the processes on it."""
    settings = settings_with(storage)
    from contextlib import closing

    from migperf.cli.host_gpus import no_gpus
    from migperf.cli.output import emit_json, remark
    from migperf.gpus.drivers import open_driver

    driver = open_driver(settings)
    if driver is None:
        remark(no_gpus(settings))
        return emit_json([]) if as_json else None
    with closing(driver):
        return _show(driver, as_json=as_json)


def _show(driver: "Driver", *, as_json: bool) -> None:
    from migperf.cli.host_gpus import host_gpus
    from migperf.cli.output import emit_json, out, remark

    found = host_gpus(driver)
    if as_json:
        return emit_json([_as_data(driver, one) for one in found])
    if not found:
        remark("the driver lists no GPU that could be read")
    for number, one in enumerate(found):
        if number:
            out().print()
        _print(driver, one)
    return None


def _as_data(driver: "Driver", one: "HostGpu") -> dict[str, Any]:
    from migperf.gpus.inventory import partitions_of

    users, why_not = _users(driver, one)
    document = {"index": one.index, **one.gpu.model_dump(mode="json"), "layout": str(one.gpu.layout)}
    if one.gpu.problem is not None:
        document["layout"] = None
    document["partitions"] = [partition.model_dump(mode="json") for partition in partitions_of(one.gpu)]
    document["processes"] = None if users is None else [_process_data(user) for user in users]
    document["processes_unknown"] = why_not
    return document


def _process_data(user: "GpuUser") -> dict[str, Any]:
    return {"partition": user.partition, "pid": user.pid, "name": user.name, "used_bytes": user.used_bytes}


def _users(driver: "Driver", one: "HostGpu") -> "tuple[Sequence[GpuUser] | None, str | None]":
    """Return the processes on a GPU; None and why where the driver does not say."""
    from migperf.gpus.nvml_errors import NvmlError
    from migperf.gpus.processes import users_of

    if one.gpu.problem is not None:
        return None, one.gpu.problem
    try:
        return users_of(driver, one.gpu), None
    except NvmlError as error:
        return None, str(error)


def _print(driver: "Driver", one: "HostGpu") -> None:
    from rich.text import Text

    from migperf.cli.host_gpus import heading
    from migperf.cli.output import out, remark
    from migperf.cli.slices import Pen, draw_gpu

    console, gpu = out(), one.gpu
    console.print(heading(one), soft_wrap=True)
    if gpu.problem is not None:
        console.print(Text(f"cannot be used: {gpu.problem}", "red"), soft_wrap=True)
        return
    console.print(Text(" · ".join(_facts(gpu)), "dim"))
    for line in draw_gpu(gpu, Pen.of(console)):
        console.print(line)
    users, why_not = _users(driver, one)
    if (made := _partition_table(one, users or ())).row_count:
        console.print(made)
    if why_not is not None:
        remark(f"processes on {gpu.uuid} are not known: {why_not}")


def _facts(gpu: "Gpu") -> "Iterator[str]":
    from migperf.cli.host_gpus import memory_text, mode_text

    yield gpu.architecture
    yield memory_text(gpu.memory_mib)
    if gpu.sm_count is not None:
        yield f"{gpu.sm_count} SMs"
    if gpu.driver_version is not None:
        yield f"driver {gpu.driver_version}"
    yield mode_text(gpu)


def _partition_table(one: "HostGpu", users: "Sequence[GpuUser]") -> "Table":
    from migperf.cli.host_gpus import count_text, memory_text
    from migperf.cli.output import table
    from migperf.gpus.inventory import partitions_of

    whole = ("Partition", "Units", "SMs", "Memory")
    made = table("Partition", "Units", "SMs", "Memory", "UUID, processes", right=("SMs", "Memory"), whole=whole)
    for partition in partitions_of(one.gpu):
        row = (_units(partition), count_text(partition.sm_count), memory_text(partition.memory_mib))
        made.add_row(partition.profile or "whole GPU", *row, partition.uuid)
        _add_users(made, [user for user in users if user.partition == partition.uuid])
    for instance in one.gpu.instances:
        if not instance.compute_instances:
            made.add_row(instance.profile, _units(instance), "–", "–", "no compute instance: nothing can use it")
    known = {partition.uuid for partition in partitions_of(one.gpu)}
    _add_users(made, [user for user in users if user.partition not in known])
    return made


def _add_users(made: "Table", users: "Sequence[GpuUser]") -> None:
    for user in users:
        name = f" ({user.name})" if user.name else ""
        memory = "" if user.used_bytes is None else f", {user.used_bytes / (1 << 20):.0f} MiB"
        made.add_row("", "", "", "", f"process {user.pid}{name}{memory}")


def _units(thing: "Partition | GpuInstance") -> str:
    """Return the memory units that something occupies, the last one included."""
    place = thing.placement
    if place is None:
        return "–"
    return str(place.start) if place.size == 1 else f"{place.start}–{place.end - 1}"
