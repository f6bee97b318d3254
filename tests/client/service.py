"""The service as clients meet it: the real API on a real port, which never places a run by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.app import create_app
from api.dependencies import passes_of
from migperf.settings import Settings
from tests.api.serving import CountingPasses, served


@contextmanager
def running_service(settings: Settings) -> Iterator[str]:
    """Serve the API and yield its URL; the test plays the worker."""
    app = create_app(settings)
    app.dependency_overrides[passes_of] = CountingPasses
    with served(app) as url:
        yield url
