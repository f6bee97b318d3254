"""What stands in the way of a report, and what to do about it."""

from migperf.errors import MigperfError


class MissingPackageError(MigperfError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; install it with `pip install 'migperf[{extra}]'`")
        self.package = package
