"""Where the state of a simulated host lives: in memory, or in a file that the processes of a host share."""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Literal, Protocol, TypeVar

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from migperf.errors import ConfigurationError
from migperf.gpus.nvml_errors import NvmlTimeoutError
from migperf.gpus.simulation.boards import board_named
from migperf.gpus.simulation.state import Host, fresh_host, refitted

_log = logging.getLogger(__name__)

LOCK_TIMEOUT_S = 30.0
_LOCK_POLL_S = 0.01

Answer = TypeVar("Answer")
Step = Callable[[Host], tuple[Host, Answer]]
"""A change: from the state to the next state and an answer. One that raises changes nothing."""


class Store(Protocol):
    """Keeps the state of one simulated host."""

    def read(self) -> Host:
        """Return the state as it is now."""
        ...

    def change(self, step: Step[Answer]) -> Answer:
        """Apply a change while nobody else applies one, and return its answer."""
        ...


class MemoryStore:
    """State that ends with the process: for tests, and for planning."""

    def __init__(self, boards: Sequence[str], identity: str = "memory") -> None:
        """Keep a host with these boards (keys). Raises ConfigurationError for an unknown one."""
        self._host = fresh_host(identity, _checked(boards))
        self._lock = Lock()

    def read(self) -> Host:
        """Return the state as it is now."""
        return self._host

    def change(self, step: Step[Answer]) -> Answer:
        """Apply a change."""
        with self._lock:
            self._host, answer = step(self._host)
            return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What the file holds. ``format`` changes when older code could not read it."""

    format: Literal[1] = 1
    host: Host


class FileStore:
    """State in a JSON file, shared by processes: changed under a lock beside it, replaced as a whole.

    A GPU keeps its state while the board at its place is the same; boards that were added, exchanged or taken away
    since the file was written are fitted or removed when the store is opened, and a warning says so. The last one to
    open the file decides for all. Deleting the file is harmless: it is made anew, with the UUIDs of a first start.
    """

    def __init__(self, path: Path, boards: Sequence[str], identity: str) -> None:
        """Open or create the file for these boards (keys); ``identity`` names the host and goes into its UUIDs.

        Raises ConfigurationError for an unknown board, and for a file that cannot be understood.
        """
        self._path = path
        self._fresh = fresh_host(identity, _checked(boards))
        self._last: tuple[bytes, Host] | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self.change(self._refit)

    def read(self) -> Host:
        """Return the state as it is now. Raises ConfigurationError for a damaged file."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return self._fresh
        last = self._last
        if last is None or last[0] != content:
            self._last = last = content, self._parse(content)
        return last[1]

    def change(self, step: Step[Answer]) -> Answer:
        """Apply a change. Raises ConfigurationError for a damaged file, NvmlTimeoutError if others hold the lock."""
        try:
            with FileLock(self._path.with_name(f"{self._path.name}.lock"), LOCK_TIMEOUT_S, poll_interval=_LOCK_POLL_S):
                before = self.read()
                after, answer = step(before)
                if after != before or not self._path.exists():
                    self._replace(after)
                return answer
        except Timeout as error:
            raise NvmlTimeoutError("lock of the simulated GPUs", str(self._path)) from error

    def _refit(self, host: Host) -> tuple[Host, None]:
        if host.identity != self._fresh.identity:
            _log.warning(
                "%s holds the simulated GPUs of host %s: beginning anew for %s",
                self._path,
                host.identity,
                self._fresh.identity,
            )
            return self._fresh, None
        wanted = [gpu.board for gpu in self._fresh.gpus]
        if wanted != [gpu.board for gpu in host.gpus]:
            before = ", ".join(gpu.board for gpu in host.gpus)
            _log.warning("%s held the boards %s, now: %s", self._path, before, ", ".join(wanted))
        return refitted(host, wanted), None

    def _parse(self, content: bytes) -> Host:
        try:
            return _format().validate_json(content).host
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the whole"
            raise ConfigurationError(
                f"{self._path} does not describe simulated GPUs ({place}: {first['msg']}); "
                "delete it to begin anew: only simulated layouts are lost"
            ) from error

    def _replace(self, host: Host) -> None:
        """Readers see the old file or the new one, whenever this process dies."""
        draft = self._path.with_name(f"{self._path.name}.new")
        draft.write_bytes(_format().dump_json(_File(host=host), indent=1))
        os.replace(draft, self._path)


@cache
def _format() -> TypeAdapter[_File]:
    return TypeAdapter(_File)


def _checked(boards: Sequence[str]) -> list[str]:
    return [board_named(key).key for key in boards]
