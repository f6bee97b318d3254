"""What became of results that were imported, as the service shows it."""

from migperf.client.view import View


class LeftOutView(View):
    """Something that the file says and no history can have."""

    place: str
    reason: str


class ImportedHistoryView(View):
    """A history of the file, and the history that its points are in now."""

    id: str | None = None
    """None where all of it was left out."""
    title: str
    new_points: int
    known_points: int
    watched: bool
    left_out: tuple[LeftOutView, ...] = ()


class ImportView(View):
    """What became of a file, history by history."""

    items: tuple[ImportedHistoryView, ...]
