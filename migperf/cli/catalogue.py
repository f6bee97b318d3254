"""The commands that tell what can be measured, and where: ``migperf workloads`` and ``migperf partitions``."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from migperf.cli.options import AsJson, OptionalWorkload, ServiceOptions, grouped

if TYPE_CHECKING:
    from rich.text import Text

    from migperf.client import EngineOfferView, PartitionView, WorkloadDetail, WorkloadView
    from migperf.gpus.partition import Partition
    from workloads.base import Card

AskService = Annotated[bool, typer.Option("--service", help="Ask the service instead of looking at this host.")]


@grouped
def workloads(
    name: OptionalWorkload = None,
    *,
    ask_service: AskService = False,
    service: ServiceOptions,
    as_json: AsJson = False,
) -> None:
    """List the workloads, or describe one with its parameters."""
    from migperf.cli.output import as_data, emit_json

    if name is None:
        listed = _listed(service.url) if ask_service else _installed()
        return emit_json(as_data(listed)) if as_json else _print_workloads(listed)
    one = _asked(service.url, name) if ask_service else _detail(name)
    return emit_json(as_data(one)) if as_json else _print_workload(one)


@grouped
def partitions(ask_service: AskService = False, *, service: ServiceOptions, as_json: AsJson = False) -> None:
    """List the partitions of this host, or with --service those of all nodes."""
    from migperf.cli.output import as_data, emit_json

    if ask_service:
        known = _known_partitions(service.url)
        return emit_json(as_data(known)) if as_json else _print_known(known)
    from migperf.gpus.drivers import host_inventory
    from migperf.settings import load_settings

    here = host_inventory(load_settings()).partitions
    return emit_json(as_data(here)) if as_json else _print_here(here)


def _listed(url: str | None) -> "Iterable[WorkloadView]":
    from migperf.client import Client

    with Client(url) as client:
        return client.workloads()


def _asked(url: str | None, name: str) -> "WorkloadDetail":
    from migperf.client import Client

    with Client(url) as client:
        return client.workload(name)


def _known_partitions(url: str | None) -> "tuple[PartitionView, ...]":
    from migperf.client import Client

    with Client(url) as client:
        return client.partitions()


def _installed() -> "list[WorkloadView]":
    from migperf.client import WorkloadView
    from workloads.registry import catalogue

    return [WorkloadView.model_validate(_detail_of(card).model_dump()) for card in catalogue().values()]


def _detail(name: str) -> "WorkloadDetail":
    from migperf.cli.problems import UsageProblem
    from workloads.registry import UnknownWorkloadError, card

    try:
        return _detail_of(card(name))
    except UnknownWorkloadError as error:
        raise UsageProblem(str(error)) from error


def _detail_of(card: "Card") -> "WorkloadDetail":
    """Return a card of this installation as the service would describe it."""
    from migperf.client import EngineOfferView, WorkloadDetail
    from migperf.measure.benchmark import Scenario
    from migperf.measure.engines.offer import refusals

    return WorkloadDetail(
        name=card.name,
        title=card.title,
        summary=card.summary,
        tasks=tuple(sorted(card.tasks)),
        scenarios=tuple(scenario for scenario in Scenario if scenario.task in card.tasks),
        paper=card.paper,
        facts=dict(card.facts),
        engines=EngineOfferView(
            runtimes=card.engines.runtimes,
            precisions=card.engines.precisions,
            channels_last=card.engines.channels_last,
            refused=refusals(card.engines),
        ),
        parameters=card.parameters.model_json_schema(),
    )


def _print_workloads(listed: "Iterable[WorkloadView]") -> None:
    from migperf.cli.output import out, remark, table

    made = table("Workload", "Tasks", "Title", whole=("Workload", "Tasks"))
    for one in sorted(listed, key=lambda one: _natural(one.name)):
        made.add_row(one.name, ", ".join(one.tasks), one.title)
    out().print(made)
    remark("`migperf workloads NAME` shows the parameters of one.")


def _print_workload(one: "WorkloadDetail") -> None:
    from rich.text import Text

    from migperf.cli.output import facts_table, out, table
    from migperf.cli.parameters import parameter_rows

    console = out()
    console.print(Text.assemble((one.title, "bold"), f" ({one.name})"))
    console.print(Text(one.summary))
    known = {"scenarios": ", ".join(one.scenarios), **_engine_facts(one.engines), "paper": one.paper, **one.facts}
    console.print(facts_table((name, value) for name, value in known.items() if value))
    console.print()
    made = table("Parameter", "Type", "Range", "Default", "Meaning", whole=("Parameter",))
    for row in parameter_rows(one.parameters):
        made.add_row(row.name, row.type, row.range, row.default, row.description)
    console.print(made)


def _engine_facts(offered: "EngineOfferView") -> dict[str, str]:
    """Return what executes the workload, and why the rest does not."""
    layouts = ", channels last" if offered.channels_last else ""
    reasons: dict[str, list[str]] = {}
    for name, reason in offered.refused.items():
        reasons.setdefault(reason, []).append(name)
    return {
        "engines": ", ".join(offered.runtimes),
        "precisions": ", ".join(offered.precisions) + layouts,
        "not offered": "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items()),
    }


def _print_here(here: "Iterable[Partition]") -> None:
    from migperf.cli.output import out, table

    made = table("Partition", "Memory", "Size", right=("Memory",), whole=("Memory", "Size"))
    for partition in here:
        made.add_row(_what(partition), *_sizes(partition))
    out().print(made)


def _print_known(known: "Iterable[PartitionView]") -> None:
    from rich.text import Text

    from migperf.cli.output import WIDE, out, remark, table

    console = out()
    wide = console.width >= WIDE
    more = ("Memory", "Size", "Run") if wide else ("Use",)
    made = table("Partition", "Node", *more, right=("Memory",), whole=("Memory", "Size", "Use"))
    for partition in known:
        node = Text.assemble(partition.node, "" if partition.node_alive else (" (silent)", "red"))
        use = (*_sizes(partition), partition.run or "–") if wide else ("busy" if partition.run else "free",)
        made.add_row(_what(partition), node, *use)
    if made.row_count:
        console.print(made)
    else:
        remark("the service knows no partitions: no worker has started yet (`migperf worker`)")


def _what(partition: "Partition | PartitionView") -> "Text":
    """Return the partition's UUID, which is too long to stand beside much, and below it what it is."""
    from rich.text import Text

    simulated = (" simulated", "yellow") if partition.simulated else ""
    about = " ".join(filter(None, (partition.kind, partition.profile, partition.model)))
    return Text.assemble(partition.uuid, ("\n  " + about, "dim"), simulated)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts resnet18 before resnet101."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _sizes(partition: "Partition | PartitionView") -> tuple[str, str]:
    """Return memory and size as text; a dash for what the node could not tell."""
    memory = "–" if partition.memory_mib is None else f"{partition.memory_mib / 1024:.1f} GiB"
    if partition.cpus is not None:
        return memory, f"{len(partition.cpus)} CPUs"
    return memory, "–" if partition.sm_count is None else f"{partition.sm_count} SMs"
