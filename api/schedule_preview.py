"""What storing a schedule would come to, without storing it: when it would fire, and what is wrong with it."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue, ValidationError

from api.schemas.schedules import DocumentProblem, SchedulePreview
from migperf.errors import remedy
from migperf.schedules.document import VERSION, Schedule
from migperf.schedules.errors import ScheduleError
from migperf.schedules.firing import next_times
from migperf.store.scheduled import checked

_TIMING = ("cron", "time_zone")
_SUBJECT = ("benchmark", "experiment")
_SOUND: Mapping[str, JsonValue] = {"migperf": VERSION, "name": "preview", "cron": "* * * * *"}
"""What stands for the rest of a document where one part is looked at by itself."""


def preview(document: Mapping[str, JsonValue], now: datetime) -> SchedulePreview:
    """Return when a schedule would fire after ``now``, whatever else may be wrong with it, and all that is."""
    return SchedulePreview(next_times=list(_times(document, now)), problems=_problems(document))


def _times(document: Mapping[str, JsonValue], now: datetime) -> tuple[datetime, ...]:
    timing = {name: document.get(name) for name in _TIMING if name == "cron" or name in document}
    try:
        return next_times(Schedule.model_validate({**_SOUND, "benchmark": {}, **timing}), "", now)
    except ValidationError:
        return ()  # told as a problem


def _problems(document: Mapping[str, JsonValue]) -> list[DocumentProblem]:
    """Return what is wrong; of what it submits also where that would be looked at only once all else is right."""
    found = _refusals(document)
    if found:
        told = {problem.field for problem in found}
        subject = {name: document[name] for name in _SUBJECT if name in document}
        found += [problem for problem in _refusals({**_SOUND, **subject}) if problem.field not in told]
    return found


def _refusals(document: Mapping[str, JsonValue]) -> list[DocumentProblem]:
    try:
        checked(Schedule.model_validate(document))
    except ValidationError as error:
        return [DocumentProblem(field=".".join(map(str, e["loc"])), detail=remedy(e)) for e in error.errors()]
    except ScheduleError as error:
        return [DocumentProblem(field=place, detail=problem) for place, problem in error.problems]
    return []
