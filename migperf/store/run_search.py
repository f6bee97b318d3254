"""Finding runs by words: what of a run is searched, and the condition that a search comes to.

A search reads the text of every run from one index, in the order of the listing, until a page is full.
"""

import re
from collections.abc import Mapping

from sqlalchemy import ColumnElement, or_

from migperf.store.models import Run

MOST_BYTES = 1_500
"""Of a run's text in UTF-8: an entry of an index of PostgreSQL has room for 2,704 bytes, other columns included."""
_BEGINS_AN_ID = re.compile(r"[0-9a-f-]{1,36}")
ESCAPE = "\\"
"""Before what a pattern of LIKE is to take as it is."""


def search_text(workload: str, labels: Mapping[str, str]) -> str:
    """Return what of a run is searched, in lower case: its workload and its labels by name, as far as there is room."""
    words = (workload, *(f"{key}={value}" for key, value in sorted(labels.items())))
    return " ".join(words).lower().encode()[:MOST_BYTES].decode(errors="ignore")


def has_words(text: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a run has each word of ``text`` in what is searched, or an id that begins with it."""
    return [_has_word(word) for word in text.lower().split()]


def _has_word(word: str) -> ColumnElement[bool]:
    """Return the condition; ids are looked at only for what one can begin with: that is a quarter of the time."""
    among_words = Run.search_text.like(f"%{_literal(word)}%", escape=ESCAPE)
    return or_(among_words, _id_begins_with(word)) if _BEGINS_AN_ID.fullmatch(word) else among_words


def pattern_of(glob: str) -> str:
    """Return the pattern of LIKE, escaped by a backslash, for lower-case text that ``*`` and ``?`` stand in."""
    return _literal(glob.lower()).replace("*", "%").replace("?", "_")


def _id_begins_with(word: str) -> ColumnElement[bool]:
    return Run.id.like(f"{_literal(word)}%", escape=ESCAPE)


def _literal(word: str) -> str:
    for special in (ESCAPE, "%", "_"):
        word = word.replace(special, ESCAPE + special)
    return word
