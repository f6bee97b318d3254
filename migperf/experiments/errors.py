"""What is wrong with an experiment's file."""

from collections.abc import Iterable

from pydantic import ValidationError

from migperf.errors import MigperfError


class ExperimentError(MigperfError):
    """The file cannot be understood, or a cell of it cannot be: each problem with its place in the file."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        """Place in the file, such as ``matrix.benchmark.parameters.batch_size``, and what is wrong there."""
        super().__init__("; ".join(f"{place}: {problem}" if place else problem for place, problem in self.problems))

    @classmethod
    def of(cls, error: ValidationError, place: str = "") -> "ExperimentError":
        """Return the error with the places that a validation found."""
        return cls((".".join(filter(None, (place, *map(str, e["loc"])))), e["msg"]) for e in error.errors())
