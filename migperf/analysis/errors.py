"""What cannot be compared, and what to do about it."""

from migperf.errors import MigperfError


class IncomparableError(MigperfError):
    """Runs that were named cannot be compared as asked; ``field`` (a side of the comparison) says where to mend it."""

    def __init__(self, field: str, given: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.given = given
