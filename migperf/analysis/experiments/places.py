"""Where a run was: its partition, how many such its device takes, and whether it is all of it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from migperf.gpus.geometry import Geometry
from migperf.gpus.partition import Partition, PartitionKind
from migperf.store import gpus
from migperf.store.models import PartitionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The partition that a run was on.

    ``fitting`` is how many such partitions its device takes, itself included; None where that is not known.
    ``is_whole`` says that there is nothing beside it: an uncut GPU, an instance of all slices, or a whole CPU.
    """

    partition: Partition
    node: str
    fitting: int | None
    is_whole: bool

    @property
    def name(self) -> str:
        """What it is called in tables: its profile, or its kind where it is not cut."""
        return self.partition.profile or str(self.partition.kind)


class Places:
    """Reads where runs were; remembers the grids of the GPUs that it has looked up."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._geometries: dict[str, Geometry | None] = {}
        self._capacities: dict[tuple[str | None, str | None], int | None] = {}

    def of(self, row: PartitionRow | None) -> Place | None:
        """Return where that partition is; None for a run that has not been put anywhere."""
        if row is None:
            return None
        partition = Partition.model_validate(row.description)
        geometry = None if partition.gpu_uuid is None else self._geometry(partition.gpu_uuid)
        return Place(
            partition=partition,
            node=row.node,
            fitting=self._fitting(partition, geometry),
            is_whole=_is_whole(partition, geometry),
        )

    def _geometry(self, gpu: str) -> Geometry | None:
        if gpu not in self._geometries:
            self._geometries[gpu] = gpus.describe(gpus.get(self._session, gpu)).geometry
        return self._geometries[gpu]

    def _fitting(self, partition: Partition, geometry: Geometry | None) -> int | None:
        if partition.share is not None:
            return partition.share.count
        if partition.kind is not PartitionKind.MIG:
            return 1
        # Trying out every place on the grid takes a while, and every run has an instance of its own.
        where = partition.gpu_uuid, partition.profile
        if where not in self._capacities:
            self._capacities[where] = _capacity(partition, geometry)
        return self._capacities[where]


def _capacity(partition: Partition, geometry: Geometry | None) -> int | None:
    if geometry is None or partition.profile not in geometry.by_name:
        return None
    return geometry.capacity(partition.profile, ())


def _is_whole(partition: Partition, geometry: Geometry | None) -> bool:
    if partition.kind is not PartitionKind.MIG:
        return partition.kind in {PartitionKind.CPU, PartitionKind.GPU}
    return geometry is not None and geometry.slices_of(partition.profile or "") == geometry.slices
