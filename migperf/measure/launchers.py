"""The launchers of a node: one for each of its software environments."""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from migperf.errors import MigperfError
from migperf.measure.helper_process import HelperDiedError, UnfitHelperError
from migperf.measure.launcher import Launcher
from migperf.measure.software import OfferedEnvironment
from migperf.software_environment import DEFAULT, SoftwareEnvironment

WARM_WITHIN_S = 120.0
"""Importing a framework from a slow disk takes a minute; what takes longer hangs."""
_log = logging.getLogger(__name__)


class UnknownEnvironmentError(MigperfError):
    """There is no software environment of that name here; the message names those that there are."""


class Launchers:
    """Keeps a warm helper for every environment from its beginning on, the worker's own among them.

    A helper takes memory (some hundred MiB) as long as the worker lives. One that was started when a run first asks for
    it would import its framework beside what is being measured then, and nobody could know before what is in it.
    """

    def __init__(self, further: Mapping[str, SoftwareEnvironment] | None = None, own: Launcher | None = None) -> None:
        """``further`` are the environments beside the worker's own; ``own`` is a launcher that there is already."""
        self._own = own or Launcher()
        self._further = {name: Launcher(environment) for name, environment in (further or {}).items()}

    def __enter__(self) -> Self:
        """Start every helper, without waiting for any."""
        self._own.start()
        for launcher in self._further.values():
            with suppress(UnfitHelperError):  # it is what the environment is then offered with
                launcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_until_warm(self, within_s: float = WARM_WITHIN_S) -> None:
        """Wait for all of them; one of a further environment that is not ready after ``within_s`` is given up.

        Raises HelperDiedError or UnfitHelperError if the worker's own cannot be used. What is wrong with another one is
        logged, and said by ``offers``.
        """
        deadline_s = time.monotonic() + within_s
        self._own.wait_until_warm()
        for name, launcher in self._further.items():
            try:
                launcher.wait_until_warm(max(0.0, deadline_s - time.monotonic()))
            except (HelperDiedError, UnfitHelperError) as error:
                _log.warning("the software environment %s cannot be used: %s", name, error)

    def of(self, name: str | None) -> Launcher:
        """Return the launcher of an environment; None is the worker's own. Raises UnknownEnvironmentError."""
        if name in (None, DEFAULT):
            return self._own
        if name not in self._further:
            known = ", ".join((DEFAULT, *self._further))
            raise UnknownEnvironmentError(f"there is no software environment {name!r} here; there are: {known}")
        return self._further[name]

    def offers(self) -> dict[str, OfferedEnvironment]:
        """Return what is offered now, by name, usable or not; the worker's own first."""
        return {DEFAULT: self._own.offer, **{name: one.offer for name, one in self._further.items()}}

    def close(self) -> None:
        """End every helper."""
        for launcher in (self._own, *self._further.values()):
            launcher.close()
