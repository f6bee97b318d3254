"""Runs that are nobody's once we stop waiting for them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from migperf.client.client import Client
from migperf.client.errors import MigperfClientError


@contextmanager
def cancelling(client: Client, request: Mapping[str, Any], key: str) -> Iterator[None]:
    """Cancel the run of a submission if anything keeps us from waiting for its end.

    Submitting again with the same key tells which it is, also if we were interrupted before its id was known.
    """
    try:
        yield
    except BaseException:
        with suppress(MigperfClientError):
            client.cancel(client.submit(request, idempotency_key=key).id)
        raise
