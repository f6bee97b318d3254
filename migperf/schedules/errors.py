"""What is wrong with a schedule."""

from migperf.errors import DocumentError


class ScheduleError(DocumentError):
    """The document cannot be understood, or what it wants done cannot be: each problem with its place in it."""
