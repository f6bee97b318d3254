"""GPUs as their nodes describe them, and what is to become of their layouts."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from migperf.errors import NotFoundError
from migperf.gpus.gpu import Gpu
from migperf.gpus.inventory import Inventory
from migperf.gpus.layout import Layout
from migperf.store import changes
from migperf.store.changes import Origin
from migperf.store.models import GpuRow


def describe(row: GpuRow) -> Gpu:
    """Return the GPU as its node last described it."""
    return Gpu.model_validate(row.description)


def get(session: Session, uuid: str) -> GpuRow:
    """Return the GPU, retired or not. Raises NotFoundError."""
    row = session.get(GpuRow, uuid)
    if row is None:
        raise NotFoundError("GPU", uuid)
    return row


def lock(session: Session, uuid: str) -> GpuRow:
    """Return the GPU as it is now, its row locked until the transaction ends. Raises NotFoundError."""
    row = session.get(GpuRow, uuid, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFoundError("GPU", uuid)
    return row


def list_gpus(session: Session) -> Sequence[GpuRow]:
    """Return every GPU that is there now, node by node."""
    query = select(GpuRow).where(GpuRow.retired_at.is_(None))
    return session.scalars(query.order_by(GpuRow.node, GpuRow.uuid)).all()


def remember_layout(session: Session, uuid: str) -> None:
    """Remember how the GPU is cut, to put it back later; what is remembered already is older and stays."""
    row = lock(session, uuid)
    row.restore_layout = row.restore_layout or str(describe(row).layout)


def keep_layout(session: Session, uuid: str, layout: Layout | None) -> None:
    """Have a layout applied again after each boot, or none any more."""
    lock(session, uuid).kept_layout = None if layout is None else str(layout)


def store(session: Session, node: str, inventory: Inventory, now: datetime) -> frozenset[str]:
    """Store the GPUs of a node; return the UUIDs of those whose description here is newer than this one.

    A description is read, then written, and a change of layout may come in between; the later reading wins.
    """
    known = {row.uuid: row for row in session.scalars(select(GpuRow).where(GpuRow.node == node))}
    newer = frozenset(uuid for uuid, row in known.items() if row.read_at > inventory.read_at)
    present = {gpu.uuid: gpu for gpu in inventory.gpus}
    for uuid, row in known.items():
        if uuid not in present and uuid not in newer:
            _note_absent(row, inventory, now)
    for uuid, gpu in present.items():
        if uuid not in newer:
            _store_one(session, node, gpu, inventory, now)
    session.flush()
    return newer


def _note_absent(row: GpuRow, inventory: Inventory, now: datetime) -> None:
    """Retire a GPU that is gone; one that may be among those that cannot be read stays, with that problem."""
    if not inventory.unreadable or row.retired_at is not None:
        row.retired_at = row.retired_at or now
        return
    troubled = describe(row).model_copy(update={"problem": inventory.unreadable[0], "instances": ()})
    row.description, row.read_at = troubled.model_dump(mode="json"), inventory.read_at


def _store_one(session: Session, node: str, gpu: Gpu, inventory: Inventory, now: datetime) -> None:
    row = session.get(GpuRow, gpu.uuid) or GpuRow(uuid=gpu.uuid, boot_id=inventory.boot_id)
    row.node, row.description, row.read_at = node, gpu.model_dump(mode="json"), inventory.read_at
    row.seen_at, row.retired_at = now, None
    session.add(row)
    if row.boot_id != inventory.boot_id and gpu.problem is None:
        session.flush()
        row.boot_id = inventory.boot_id
        _after_boot(session, row, gpu, now)


def _after_boot(session: Session, row: GpuRow, gpu: Gpu, now: datetime) -> None:
    """Ask for the layout that is to be kept; what a run wanted put back was forgotten with everything else."""
    row.restore_layout = None
    if row.kept_layout is not None and Layout.parse(row.kept_layout) != gpu.layout:
        changes.request(session, row.uuid, Layout.parse(row.kept_layout), now, origin=Origin.BOOT)
