"""A simulated host with one GPU, as the tests of whatever cuts GPUs need it."""

from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from migperf.gpus.controller import Change, Controller
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import find_gpu
from migperf.gpus.layout import Layout
from migperf.gpus.simulation.driver import open_in_memory


class Host:
    """A simulated host with one GPU and a controller for it."""

    def __init__(self, board: str, folder: Path) -> None:
        self.driver = open_in_memory([board])
        self.uuid = self.driver.uuid(self.driver.device_by_index(0))
        self.lock = FileLock(folder / "lock")
        self.held: dict[str, str] = {}

    def controller(self, driver: object | None = None) -> Controller:
        return Controller(driver=driver or self.driver, lock=self.lock, holders=self.holders)

    def holders(self, _gpu: Gpu) -> Mapping[str, str]:
        return self.held

    def apply(self, layout: str, **options: bool) -> Change:
        return self.controller().apply(self.uuid, Layout.parse(layout), **options)

    @property
    def gpu(self) -> Gpu:
        return find_gpu(self.driver, self.uuid)

    @property
    def layout(self) -> str:
        return str(self.gpu.layout)

    @property
    def partitions(self) -> dict[str, str]:
        """UUIDs of the compute instances, by profile and start."""
        return {
            f"{compute.profile}@{instance.placement.start}": compute.uuid
            for instance in self.gpu.instances
            for compute in instance.compute_instances
        }
