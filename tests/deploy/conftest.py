"""The two pages for Prometheus, read once for all tests here."""

from pathlib import Path

import pytest

from tests.deploy.exposed import Exposed, Pages, pages


@pytest.fixture(scope="session")
def both_pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The pages of a service and of a node."""
    folder: Path = tmp_path_factory.mktemp("exposed")
    return pages(folder)


@pytest.fixture(scope="session")
def exposed(both_pages: Pages) -> Exposed:
    """What is on them."""
    return both_pages.exposed()
