"""Talking to ``nvidia-cuda-mps-control``: its version, its commands, and the folders that it and its clients share.

Sources: NVIDIA's Multi-Process Service documentation, chapters on the interface of version 2 and environment variables.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from migperf.errors import MigperfError

ANSWER_S = 5.0
"""A daemon that takes longer to answer a command does not answer."""
LONGEST_PIPE_PATH = 80
"""Characters. Sockets in the folder have names of up to 25, and a socket's path fits 107 (unix(7))."""
NO_DAEMON = "Cannot find MPS control daemon"
INSTALL = (
    "install the NVIDIA driver's compute utilities, or name the program by MIGPERF_MPS_CONTROL; in a container the "
    "driver must offer the capability 'compute' and 'utility'"
)


class MpsError(MigperfError):
    """The Multi-Process Service cannot be had on a device, or has ended."""


@dataclass(frozen=True, slots=True)
class MpsFolders:
    """The folders of one daemon. Only its owner may enter them, so nobody else's processes become its clients."""

    root: Path

    @classmethod
    def of(cls, base: Path, device: str) -> "MpsFolders":
        """Return the folders of a device's daemon, always the same: below ``base``, or where that is too long, /tmp."""
        root = base / _short(device)
        if len(str(root / "pipe")) <= LONGEST_PIPE_PATH:
            return cls(root)
        return cls(Path(tempfile.gettempdir()) / f"migperf-mps-{os.getuid()}" / _short(f"{base}\0{device}"))

    @property
    def pipe(self) -> Path:
        """What ``CUDA_MPS_PIPE_DIRECTORY`` names."""
        return self.root / "pipe"

    @property
    def log(self) -> Path:
        """What ``CUDA_MPS_LOG_DIRECTORY`` names."""
        return self.root / "log"

    @property
    def lock(self) -> Path:
        """File whose lock the keeper of the daemon holds."""
        return self.root.with_suffix(".lock")

    @property
    def console(self) -> Path:
        """File that takes what the daemon prints."""
        return self.log / "console.log"

    def make(self) -> None:
        """Make them, for their owner alone. Raises MpsError if they are somebody else's, or cannot be made."""
        try:
            for folder in (self.root.parent, self.root, self.pipe, self.log):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.root, self.pipe, self.log):
                folder.chmod(0o700)
            owners = {folder.lstat().st_uid for folder in (self.root.parent, self.root)}
        except OSError as error:
            raise MpsError(f"the folders of an MPS daemon cannot be made: {error}; set MIGPERF_DATA_DIR") from error
        if owners != {os.getuid()}:
            raise MpsError(f"{self.root} belongs to another user; remove it, or set MIGPERF_DATA_DIR")

    def environment(self) -> dict[str, str]:
        """Return the variables by which daemon and clients find each other."""
        return {"CUDA_MPS_PIPE_DIRECTORY": str(self.pipe), "CUDA_MPS_LOG_DIRECTORY": str(self.log)}

    def last_words(self, lines: int = 5) -> str:
        """Return the ends of the daemon's logs, for an error message; empty where there are none."""
        told = []
        for path in sorted(self.log.glob("*.log")):
            tail = path.read_text(errors="replace").strip().splitlines()[-lines:]
            told += [f"{path.name}: {line}" for line in tail]
        return "\n".join(told)


@dataclass(frozen=True, slots=True)
class MpsControl:
    """The control program, as a client of the daemon that lives in these folders."""

    program: str
    folders: MpsFolders
    device: str

    def environment(self) -> dict[str, str]:
        """Return the environment of daemon and commands: ours, without what was set for another daemon."""
        return {**without_mps(os.environ), "CUDA_VISIBLE_DEVICES": self.device, **self.folders.environment()}

    def version(self) -> int | None:
        """Return the program's version, such as 13010 for CUDA 13.1; None where it does not tell.

        Raises MpsError where there is no such program.
        """
        told = self._run(["-v"], "")
        found = re.search(r"version\D*(\d{4,6})\b", told.stdout + told.stderr, re.IGNORECASE)
        return int(found[1]) if found and told.returncode == 0 else None

    def ask(self, command: str, timeout_s: float = ANSWER_S) -> str:
        """Give the daemon a command and return its answer, without the line's end. Raises MpsError."""
        told = self._run([], f"{command}\n", timeout_s)
        text = (told.stdout + told.stderr).strip()
        if told.returncode != 0 or NO_DAEMON in text:
            raise MpsError(f"the MPS daemon of {self.device} refuses {command!r}: {text or 'without a word'}")
        return text

    def _run(self, arguments: list[str], stdin: str, timeout_s: float = ANSWER_S) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(  # noqa: S603 - the program that the settings name
                [self.program, *arguments],
                input=stdin,
                env=self.environment(),
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except OSError as error:
            raise MpsError(f"{self.program} cannot be run: {error.strerror}; {INSTALL}") from error
        except subprocess.TimeoutExpired as error:
            asked = stdin.strip() or " ".join(arguments)
            raise MpsError(
                f"the MPS daemon of {self.device} did not answer {asked!r} within {timeout_s:g} s"
            ) from error


def without_mps(environment: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    """Return the environment without any variable of the Multi-Process Service."""
    return {name: value for name, value in environment.items() if not name.startswith("CUDA_MPS_")}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
