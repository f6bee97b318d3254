"""What is wrong with a file that is to be imported."""

from migperf.errors import DocumentError


class ImportingError(DocumentError):
    """The file cannot be understood, or says what no history can have: each problem with its place in the file."""
