"""The files that the pages about imports show are files that can be imported."""

import json
import re
from pathlib import Path

import pytest

from api.schemas.history_import_examples import FILE, TABLE
from migperf.histories.importing.reading import FileFormat, read

DOCS = Path(__file__).parents[2] / "docs"


def shown(page: str, language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return str(block)


def test_the_table_of_the_page_has_the_points_that_it_says() -> None:
    (history,) = read(shown("how-to/import.md", "csv"))
    assert [sorted(point.figures) for point in history.points] == [["latency", "requests"], ["latency"]]


def test_the_document_of_the_reference_can_be_imported() -> None:
    (history,) = read(shown("reference/import.md", "json"))
    assert history.title == "checkout (users=100) on c7i.4xlarge"


@pytest.mark.parametrize("text", [json.dumps(FILE), TABLE])
def test_the_examples_of_the_openapi_document_can_be_imported(text: str) -> None:
    (history,) = read(text)
    assert len(history.points) == 2


def test_the_reference_names_every_format() -> None:
    page = (DOCS / "how-to/import.md").read_text()
    assert [name for name in FileFormat if f"| `{name}` |" not in page] == []
