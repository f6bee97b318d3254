"""Thinning the series of runs that ended long ago, one run at a time, between other work."""

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta

from migperf.settings import Settings
from migperf.store.database import Database, now
from migperf.store.retention import thin

LOOK_EVERY_S = 600.0
"""While nothing is old enough, so long passes until the next look."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Retention:
    """What a deployment keeps of old series. Results, summaries, timings and logs are never touched."""

    database: Database
    settings: Settings
    _look_at_s: float = field(default=0.0)

    def step(self) -> int:
        """Thin the series of one run that is old enough, if it is time to look; return how many that were."""
        if not self.settings.series_full_days or time.monotonic() < self._look_at_s:
            return 0
        thinned = self.thin_one(timedelta(days=self.settings.series_full_days))
        if not thinned:
            self._look_at_s = time.monotonic() + LOOK_EVERY_S
        return thinned

    def thin_one(self, age: timedelta) -> int:
        """Thin the series of one run that ended longer ago than ``age``; 0 when there is none left."""
        with self.database.write() as session:
            points = self.settings.series_thinned_points
            thinned = thin(session, now(session) - age, points, limit=1)
        if thinned:
            _log.info("thinned the series of a run that ended more than %g days ago", age / timedelta(days=1))
        return thinned
