"""Whether the version that was good is still at hand: a software environment that is as that of the last good point."""

from collections.abc import Mapping
from typing import Any

from migperf.measure.software import OfferedEnvironment, Software

_VERSIONS = ("python", "torch", "migperf_version")
_PAYLOAD = "payload"
"""Of a point's environment: the distributions that the workload came from, with their versions."""


def last_good_environment(
    good: Mapping[str, Any], bad: Mapping[str, Any], offered: Mapping[str, OfferedEnvironment]
) -> str | None:
    """Return the name of an environment that has the versions of the good point, which are not those of the bad one.

    ``good`` and ``bad`` are the facts of the environments of two points. None where no such environment is offered, or
    the versions do not differ: then running by turns could show nothing.
    """
    if _versions(good) == _versions(bad):
        return None
    usable = (name for name, one in offered.items() if one.problem is None and one.software is not None)
    return next((name for name in usable if _has(offered[name].software, good)), None)


def _versions(facts: Mapping[str, Any]) -> list[Any]:
    return [facts.get(name) for name in (*_VERSIONS, _PAYLOAD)]


def _has(software: Software | None, facts: Mapping[str, Any]) -> bool:
    if software is None or any(getattr(software, name) != facts.get(name) for name in _VERSIONS):
        return False
    return all(software.payloads.get(name) == version for name, version in (facts.get(_PAYLOAD) or {}).items())
