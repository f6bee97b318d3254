"""The part of a placement pass that concerns layouts: giving GPUs to changes, and asking for what is to be put back."""

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from migperf.gpus.layout import Layout
from migperf.gpus.plan import LayoutImpossibleError
from migperf.gpus.planning import make_plan
from migperf.jobs.placement import Offer, OfferedGpu
from migperf.store import changes, gpus, leases, nodes
from migperf.store.changes import Origin
from migperf.store.models import LayoutChange

_log = logging.getLogger(__name__)


def place_changes(session: Session, offer: Offer, now: datetime, lease_s: float) -> frozenset[str]:
    """Give each waiting change its GPU as soon as nothing that it destroys is held.

    Returns the UUIDs of the GPUs that nothing may be put on: a change has them, or waits for them to become idle.
    """
    by_uuid = {offered.gpu.uuid: offered for offered in offer.gpus}
    waiting = [change for change in changes.waiting(session) if change.gpu in by_uuid]
    for change in waiting:
        offered = by_uuid[change.gpu]
        if offered.closed:
            _ask_back(session, change, frozenset(), now)
        else:
            _place_change(session, change, offered, now, lease_s)
    return frozenset(change.gpu for change in waiting)


def _place_change(session: Session, change: LayoutChange, offered: OfferedGpu, now: datetime, lease_s: float) -> None:
    try:
        plan = make_plan(offered.gpu, Layout.parse(change.layout), offered.held)
    except LayoutImpossibleError as error:
        changes.refuse(session, change, now, str(error))
        return
    if in_the_way := offered.held.intersection(plan.doomed):
        _ask_back(session, change, in_the_way, now)
        return
    lease = changes.grant(session, change, offered.node, now, lease_s)
    _log.info("layout change %s: %s of node %s to become %s", lease.change_id, change.gpu, offered.node, plan.after)


def _ask_back(session: Session, change: LayoutChange, partitions: frozenset[str], now: datetime) -> None:
    """Have a forced change send back into the queue who holds these partitions, or its GPU whole."""
    if not change.force:
        return
    runs = (
        held.run
        for held in nodes.occupied(session)
        if held.run and (held.partition in partitions or (held.closes_gpu and held.gpu == change.gpu))
    )
    leases.ask_back(session, runs, now)


def queue_restores(session: Session, offer: Offer, now: datetime) -> None:
    """Ask for the earlier layout of each GPU that nobody holds any more; after the runs, which may want it first."""
    restorable = [offered.gpu.uuid for offered in offer.gpus if offered.restore is not None and not offered.closed]
    if not restorable:
        return
    held = {lease.gpu for lease in nodes.occupied(session)}
    waiting = {change.gpu for change in changes.waiting(session)}
    for uuid in restorable:
        layout = gpus.lock(session, uuid).restore_layout
        if uuid not in held | waiting and layout is not None:
            changes.request(session, uuid, Layout.parse(layout), now, origin=Origin.RESTORE)
