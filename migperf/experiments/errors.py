"""What is wrong with an experiment's file."""

from migperf.errors import DocumentError


class ExperimentError(DocumentError):
    """The file cannot be understood, or a cell of it cannot be: each problem with its place in the file."""
