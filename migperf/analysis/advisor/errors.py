"""What the advisor cannot answer, and what to do about it."""

from migperf.errors import MigperfError


class AdviceError(MigperfError):
    """A demand that cannot be answered as it was put; ``where`` is the path of the field that has to change."""

    def __init__(self, where: tuple[str | int, ...], given: object, message: str) -> None:
        super().__init__(message)
        self.where = where
        self.given = given
