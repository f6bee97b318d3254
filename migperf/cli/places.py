"""Where ``migperf run`` leaves what it does not print."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from migperf.cli.output import remark
from migperf.cli.problems import UsageProblem
from migperf.measure.events import Document


@dataclass(frozen=True, slots=True)
class Places:
    """A file for the result with its series, and a folder for documents; None for what is not wanted."""

    save: Path | None = None
    artifacts: Path | None = None

    def prepare(self, *, profile: bool) -> None:
        """Make the folder, and refuse before the run what could not be written after it. Raises UsageProblem."""
        if self.save is not None and not self.save.absolute().parent.is_dir():
            raise UsageProblem(f"{self.save} cannot be saved: there is no folder {self.save.absolute().parent}")
        if self.artifacts is not None:
            self.artifacts.mkdir(parents=True, exist_ok=True)
        elif profile:
            raise UsageProblem("--profile: say with --artifacts DIR where the profile is to be written")

    def write(self, result: str, documents: Iterable[Document]) -> None:
        """Write the result, which is JSON, and the documents, each under its own name."""
        if self.save is not None:
            self.save.write_text(result + "\n")
            remark(f"saved with its series in {self.save}")
        if self.artifacts is not None:
            for document in documents:
                file = self.artifacts / quote(document.name, safe=" ")
                file.write_bytes(document.data)
                remark(f"{len(document.data)} bytes written to {file}")
