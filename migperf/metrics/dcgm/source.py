"""Metrics of a GPU or of a GPU instance from a dcgm-exporter's page."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from migperf.gpus.partition import Partition, PartitionKind
from migperf.gpus.profile import ProfileName
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.catalogue import POWER_AVERAGE
from migperf.metrics.dcgm.exporter import Exporter, Fetch
from migperf.metrics.dcgm.fields import Field, fields_of
from migperf.metrics.dcgm.page import Entity, Page, blank
from migperf.metrics.metric import NS_PER_S, Kind, Metric, Scope
from migperf.metrics.source import Row

OVERDUE_PERIODS = 3
"""After so many periods without news of the page, values count as missing."""
LOOKS_PER_PERIOD = 4
"""Looking for a new page this often lets no page be missed, and none be handed out much later than it came."""
_SENSOR_NS = NS_PER_S


class DcgmSource:
    """What the latest page says of one entity. Each page is handed out once; in between, it is merely too early.

    Activities are averages over the exporter's interval, and all values are up to one interval older than the page.
    ``profile`` is what the instance is cut as: an exporter that was started before the GPU was cut anew still shows
    the instances of then, under ids that now mean others.
    """

    def __init__(
        self, exporter: Exporter, entity: Entity, fields: Sequence[Field], scope: Scope, profile: str | None = None
    ) -> None:
        self._exporter = exporter
        self._entity = entity
        self._fields = tuple(fields)
        self._profile = profile
        self._metrics = tuple(_metric(field, scope, exporter.period_ns) for field in fields)
        self._row = np.full(len(self._fields), np.nan)
        self._absences: list[Absence | None] = [None] * len(self._fields)
        self._news_ns: int | None = None
        self._seen = exporter.join(entity.gpu_uuid)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """See Source."""
        return self._metrics

    @property
    def period_ns(self) -> int:
        """See Source."""
        return self._exporter.period_ns // LOOKS_PER_PERIOD

    def read(self, now_ns: int) -> Row:
        """See Source."""
        self._row[:] = np.nan
        fetch = self._exporter.latest()
        if fetch is None or not self._is_news(fetch):
            self._wait(now_ns)
            return self._row
        self._seen, self._news_ns = fetch.number, now_ns
        if isinstance(fetch.outcome, Absence):
            self._absences = [fetch.outcome] * len(self._fields)
        else:
            self._take(fetch.outcome)
        return self._row

    def why_not(self, index: int) -> Absence | None:
        """See Source. What the latest page did not have stays absent until there is a newer one."""
        return self._absences[index]

    def close(self) -> None:
        """See Source."""
        self._exporter.leave(self._entity.gpu_uuid)

    def _is_news(self, fetch: Fetch) -> bool:
        """Tell whether an attempt has not been seen yet, and was made when our GPU was wanted already."""
        known = isinstance(fetch.outcome, Absence) or self._entity.gpu_uuid in fetch.outcome.gpus
        return fetch.number > self._seen and known

    def _wait(self, now_ns: int) -> None:
        if self._news_ns is None:
            self._news_ns = now_ns
        period_ns = self._exporter.period_ns
        if (for_ns := now_ns - self._news_ns) > OVERDUE_PERIODS * period_ns:
            reason = (
                f"no page has come from {self._exporter.url} for {for_ns / NS_PER_S:.1f} s; "
                f"one is due every {period_ns / NS_PER_S:g} s"
            )
            self._absences = [Absence(AbsenceState.STALLED, reason)] * len(self._fields)

    def _take(self, page: Page) -> None:
        for index, field in enumerate(self._fields):
            found = self._find(field, page)
            self._absences[index] = found if isinstance(found, Absence) else None
            if not isinstance(found, Absence):
                self._row[index] = found * field.scale

    def _find(self, field: Field, page: Page) -> float | Absence:
        """Return a field's value in DCGM's unit."""
        if page.names.isdisjoint(field.names):
            return _add_to_collectors(field)
        values = page.of_board(self._entity.gpu_uuid) if field.of_board else self._own(page)
        if isinstance(values, Absence):
            return values
        value = next((values[name] for name in field.names if name in values), None)
        if value is None:
            return _no_data(f"the exporter's page has no {field} of {self._entity}: DCGM has no value of it")
        if (word := blank(value)) is not None:
            return _no_data(f"DCGM answers '{word}' for {field} of {self._entity}")
        return value

    def _own(self, page: Page) -> Mapping[str, float] | Absence:
        """Return the rows of the entity itself."""
        values = page.rows.get(self._entity)
        if values is None:
            return _no_data(
                f"the exporter's page has no rows of {self._entity}: it belongs to another node or leaves this GPU "
                "out, or the exporter has not been started again since the GPU was cut"
            )
        shown = page.profiles[self._entity]
        if self._profile is not None and _differ(self._profile, shown):
            return _no_data(
                f"the exporter takes {self._entity} to be a {shown}, not a {self._profile}: it has not been started "
                "again since the GPU was cut"
            )
        return values


def dcgm_sources(
    exporter: Exporter, partition: Partition, gpu_instance_id: int | None, have: Collection[str]
) -> tuple[DcgmSource, ...]:
    """Return sources of what the page can tell of a partition, without the metrics that one has already by name.

    ``gpu_instance_id`` is that of a MIG partition's GPU instance; without it, only the board's metrics are known of
    such a partition. What DCGM measures on the whole board has the scope GPU whatever the partition.
    """
    if partition.gpu_uuid is None:
        return ()
    fields = [field for field in fields_of(partition) if field.quantity.name not in have]
    board = [field for field in fields if field.of_board]
    own = [field for field in fields if not field.of_board]
    whole = Entity(partition.gpu_uuid)
    sources = [DcgmSource(exporter, whole, board, Scope.GPU)] if board else []
    if own and partition.kind is not PartitionKind.MIG:
        sources.append(DcgmSource(exporter, whole, own, Scope.GPU))
    elif own and gpu_instance_id is not None:
        instance = Entity(partition.gpu_uuid, gpu_instance_id)
        sources.append(DcgmSource(exporter, instance, own, Scope.INSTANCE, partition.profile))
    return tuple(sources)


def _metric(field: Field, scope: Scope, period_ns: int) -> Metric:
    """Return the metric of a field. A gauge may have been measured up to an interval before the page was fetched."""
    lookback_ns = 0 if field.quantity.kind is not Kind.GAUGE else period_ns
    sensor_ns = _SENSOR_NS if field.quantity == POWER_AVERAGE else 0
    return Metric.of(field.quantity, scope, "dcgm", period_ns=period_ns, lookback_ns=lookback_ns + sensor_ns)


def _differ(profile: str, shown: str) -> bool:
    """Tell whether two names are of profiles of different size.

    Exporters round memory in their own way (7g.79gb for 7g.80gb), and some show no name at all.
    """
    try:
        return ProfileName.parse(profile).slices != ProfileName.parse(shown).slices
    except ValueError:
        return False


def _no_data(reason: str) -> Absence:
    return Absence(AbsenceState.NO_DATA, reason)


def _add_to_collectors(field: Field) -> Absence:
    reason = (
        f"the exporter's page has no {field}: add {field.names[0]} to its collectors file; if it is there, "
        "this GPU's DCGM does not measure it"
    )
    return Absence(AbsenceState.NOT_SUPPORTED, reason)
