"""What is kept of a child's log: its beginning and its end, which is where the reasons are."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class KeptLog:
    """The kept bytes, and how many there were."""

    kept: bytes
    total_bytes: int

    def tail(self, lines: int) -> str:
        """Return the last lines as text, for a reason that people read."""
        return "\n".join(self.kept.decode(errors="replace").splitlines()[-lines:])


def read_log(path: Path, keep_bytes: int) -> KeptLog:
    """Return at most ``keep_bytes`` of the file: all of it, or its two ends and a line that says what is missing."""
    total = path.stat().st_size if path.is_file() else 0
    if total <= keep_bytes:
        return KeptLog(path.read_bytes() if total else b"", total)
    half = keep_bytes // 2
    with path.open("rb") as file:
        head = file.read(half)
        file.seek(total - half)
        tail = file.read(half)
    gap = f"\n[{total - 2 * half} bytes left out]\n".encode()
    return KeptLog(head + gap + tail, total)
