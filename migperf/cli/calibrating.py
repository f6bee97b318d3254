"""Calibrating the partitions of a service: submitting the runs that it takes, one after the other."""

from collections.abc import Iterator, Mapping
from typing import Any

from migperf.analysis.calibration import METHOD, CalibrationRun, calibration_of
from migperf.cli.output import as_data, emit_json, remark
from migperf.cli.problems import UsageProblem
from migperf.cli.remote import letting_go
from migperf.cli.roofline_tables import print_attained
from migperf.client import Client, PartitionView, RooflineView, RunView
from migperf.gpus.partition import Partition
from migperf.gpus.selector import Selector
from migperf.store.states import RunState


def calibrate_partitions(client: Client, where: str | None, method: Mapping[str, Any], *, as_json: bool) -> int:
    """Calibrate every partition that the conditions leave, print what each attains, and return the exit status.

    Runs are never side by side, so that none disturbs another.
    """
    found: list[tuple[str, RooflineView]] = []
    failures = 0
    for partition in _chosen(client, where):
        ended = [_measured(client, partition, one, method) for one in calibration_of(_described(partition))]
        failures += sum(run.state is not RunState.SUCCEEDED for run in ended)
        found.append((_name(partition), client.roofline(ended[-1].id)))
    if as_json:
        emit_json(as_data(roofline for _, roofline in found))
    else:
        print_attained(found)
    return 1 if failures else 0


def _chosen(client: Client, where: str | None) -> Iterator[PartitionView]:
    """Yield the partitions to calibrate. Raises UsageProblem when there is none."""
    from pydantic import ValidationError

    try:
        selector = Selector.parse(where or "")
    except ValidationError as error:
        raise UsageProblem(f"--where: {error.errors()[0]['msg']}") from error
    known = [one for one in client.partitions() if one.node_alive]
    chosen = [one for one in known if selector.matches(_described(one), one.node)]
    if not chosen:
        raise UsageProblem("no partition of a living node is meant; `migperf partitions --service` lists them")
    yield from chosen


def _described(partition: PartitionView) -> Partition:
    return Partition.model_validate(partition.model_dump(include=set(Partition.model_fields)))


def _measured(client: Client, partition: PartitionView, one: CalibrationRun, method: Mapping[str, Any]) -> RunView:
    """Submit one run, wait for its end and say how it ended."""
    request = {
        "workload": one.workload,
        "scenario": one.scenario,
        "parameters": one.parameters,
        "method": {**METHOD, **method},
        "where": {"partition": partition.uuid},
    }
    run = client.submit(request)
    with letting_go(run.id):
        ended = client.wait(run.id)
    about = one.parameters.get("precision") or one.parameters.get("mode")
    reason = f": {ended.reason}" if ended.reason else ""
    remark(f"{one.workload} {about} on {_name(partition)}: {ended.state}{reason}")
    return ended


def _name(partition: PartitionView) -> str:
    return f"{partition.profile or partition.kind} {partition.uuid}"
