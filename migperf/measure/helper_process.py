"""One warm helper as its worker sees it: the process, the socket to it, what it says of itself, and its last words."""

import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import wait
from tempfile import TemporaryFile

from pydantic import ValidationError

import migperf
from migperf.errors import MigperfError
from migperf.measure.software import Software
from migperf.software_environment import SoftwareEnvironment

CLOSE_TIMEOUT_S = 5.0
MAX_ANNOUNCEMENT = 1 << 16
MAX_LAST_WORDS = 8192


class HelperDiedError(MigperfError):
    """The warm helper ended before it forked, or while it had a child of ours, which is then dead as well."""


class UnfitHelperError(MigperfError):
    """The helper of a software environment cannot be started, or is of another version of migperf than its worker."""


class HelperProcess:
    """A helper that was started. Raises UnfitHelperError where its interpreter cannot be."""

    def __init__(self, environment: SoftwareEnvironment) -> None:
        self._saying = threading.Lock()
        self._software: Software | None = None
        self._words = TemporaryFile()  # noqa: SIM115 - open as long as the helper lives
        self._last_words = ""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        python = str(environment.python or sys.executable)
        command = [python, "-P", "-m", "migperf.measure.helper", str(theirs.fileno())]
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    command,
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stderr=self._words,
                    env=helper_variables(environment),
                )
        except OSError as error:
            self._control.close()
            self._words.close()
            raise UnfitHelperError(f"{python} cannot be started: {error.strerror}") from error

    @property
    def ended(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    def fork(self, descriptors: tuple[int, int, int]) -> None:
        """Ask for a child with this log, event pipe and fate socket. Raises OSError if nobody is there to ask."""
        socket.send_fds(self._control, [b"fork"], descriptors)

    def software(self, within_s: float | None = None) -> Software:
        """Wait until the helper is warm, and return what it says of itself.

        Raises HelperDiedError if it ends instead, and UnfitHelperError if it is of another version, or says nothing
        within ``within_s`` seconds.
        """
        with self._saying:
            if self._software is None:
                if not wait([self._control], timeout=within_s):
                    raise UnfitHelperError("its helper is not ready in time: importing torch or a payload hangs there")
                self._software = self._read()
            return self._software

    def last_words(self) -> str:
        """Return the last line that it has written, such as the error that ended it; empty if there is none."""
        if self._words.closed:
            return self._last_words
        size = self._words.seek(0, os.SEEK_END)
        self._words.seek(max(0, size - MAX_LAST_WORDS))
        lines = self._words.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def close(self) -> None:
        """Close the socket, upon which it kills its children and ends; kill it where it does not."""
        self._control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_TIMEOUT_S)
        self.kill()

    def kill(self) -> None:
        """Kill it, and with it its children."""
        self._control.close()
        self._process.kill()
        self._process.wait()
        self._last_words = self.last_words()
        self._words.close()

    def _read(self) -> Software:
        try:
            said = self._control.recv(MAX_ANNOUNCEMENT)
        except OSError:
            said = b""
        if not said:
            raise HelperDiedError(f"the warm helper does not start: {self._why()}")
        try:
            software = Software.model_validate_json(said)
        except ValidationError as error:
            raise UnfitHelperError(f"{_OTHER_VERSION}; install {_HERE} there") from error
        if software.migperf_version != migperf.__version__:
            raise UnfitHelperError(
                f"{_OTHER_VERSION}, {software.migperf_version}, and runs are only compared if one version has measured "
                f"them; install {_HERE} there"
            )
        return software

    def _why(self) -> str:
        try:
            status = f"exit status {self._process.wait(CLOSE_TIMEOUT_S)}"
        except subprocess.TimeoutExpired:
            status = "it closed its socket"
        return self.last_words() or status


_OTHER_VERSION = "another version of migperf is installed there"
_OF_OUR_INTERPRETER = ("PYTHONPATH", "PYTHONHOME")
_HERE = f"migperf {migperf.__version__}"


def helper_variables(environment: SoftwareEnvironment) -> dict[str, str]:
    """Return the helper's variables: ours, its own, and torch's count of devices by NVML, which leaves CUDA alone.

    Where our modules lie is not for another interpreter: it would find our packages before its own.
    """
    ours = dict(os.environ)
    if environment.python is not None:
        for name in _OF_OUR_INTERPRETER:
            ours.pop(name, None)
    return {**ours, **environment.variables, "PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
