"""Which framework works on which partition, by the runs of an experiment that probed it. Pure."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from migperf.analysis.compatibility import Column, CompatibilityMatrix, ProbeRun, compatibility_matrix
from migperf.analysis.experiments.axes import label
from migperf.analysis.experiments.results import ExperimentResults, RunRow
from migperf.experiments.group import GroupSpec
from migperf.measure.benchmark import Benchmark
from workloads.frameworks.cards import NAMED_BY, SERVING
from workloads.frameworks.facts import FRAMEWORK

SERVER_AXIS = "server"
"""The axis by which an experiment says which server is asked, such as the one on 1g.10gb: its values are columns."""


def compatibility(results: ExperimentResults) -> CompatibilityMatrix:
    """Return the matrix of the probes among the runs that count, in the order of the experiment's file.

    Taints spoil timings, not whether something works, so tainted runs count. Without probes the matrix is empty.
    """
    probes = tuple(_probes(results))
    columns = _columns(probes)
    by_file = [probe.as_run(column) for probe, column in zip(probes, columns, strict=True)]
    oldest_first = sorted(zip(probes, by_file, strict=True), key=lambda one: one[0].age)
    return compatibility_matrix((run for _, run in oldest_first), order=(run.probed for run in by_file))


def has_only_probes(results: ExperimentResults) -> bool:
    """Tell whether every run of the experiment is a probe, and there are some."""
    return bool(results.runs) and len(tuple(_probes(results))) == len(results.runs)


@dataclass(frozen=True, slots=True)
class _Probe:
    """A run that probes something, with what its group was asked for."""

    run: RunRow
    spec: GroupSpec

    @property
    def benchmark(self) -> Benchmark:
        return self.spec.members[self.run.member].benchmark

    @property
    def is_one(self) -> bool:
        return FRAMEWORK in self.run.environment or self.benchmark.workload in NAMED_BY

    @property
    def age(self) -> tuple[bool, float, str]:
        """What sorts the oldest first; what has not ended comes last."""
        ended = self.run.finished_at
        return ended is None, (ended or self.run.created_at).timestamp(), self.run.id

    @property
    def wanted(self) -> Hashable:
        """Where it was to be put: equal for all runs that get a partition of the same name."""
        where = self.benchmark.where
        return where.kind, where.profile, self.spec.layout, self.spec.sharing, self.spec.share_count, self._server

    @property
    def column(self) -> Column:
        """Where it was; where it was never put anywhere, what it waits or waited for."""
        where, place = self.benchmark.where, self.run.place
        if place is not None:
            return Column(self._named(place.name), self.run.is_simulated)
        return Column(self._named(where.profile or str(where.kind or "any partition")))

    def as_run(self, column: Column) -> ProbeRun:
        named_by = NAMED_BY.get(self.benchmark.workload)
        asked_for = None if named_by is None else self.benchmark.parameters[named_by]
        return ProbeRun(
            framework=str(self.run.environment.get(FRAMEWORK, asked_for)),
            task=str(self.benchmark.scenario.task),
            partition=column.partition,
            simulated=column.simulated,
            state=str(self.run.state),
            reason=self.run.reason,
            environment=self.run.environment,
        )

    @property
    def _server(self) -> str | None:
        """Which server is asked, as the experiment says it; None where nothing is said, or no server is asked."""
        said = self.run.coordinates.get(SERVER_AXIS)
        return None if said is None or self.benchmark.workload != SERVING else label(said)

    def _named(self, partition: str) -> str:
        """Return the column's name; a server's device is not the partition that the probe is on."""
        if self.benchmark.workload != SERVING:
            return partition
        return self._server or f"asked from {partition}"


def _probes(results: ExperimentResults) -> Iterator[_Probe]:
    """Yield the probes, cell by cell. Neighbours are none: they are there to load the device."""
    for cell in results.cells:
        if cell.spec is not None:
            found = (_Probe(run, cell.spec) for repeat in results.repeats_of(cell.number) for run in repeat.clients)
            yield from (probe for probe in found if probe.is_one)


def _columns(probes: Sequence[_Probe]) -> Sequence[Column]:
    """Return each probe's column; one that was put nowhere has that of a probe that was to be put there, and was."""
    placed: Mapping[Hashable, Column] = {probe.wanted: probe.column for probe in probes if probe.run.place is not None}
    return [probe.column if probe.run.place is not None else placed.get(probe.wanted, probe.column) for probe in probes]
