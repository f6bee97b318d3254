"""Real brokers for tests: Celery's filesystem transport, or a Redis database that is emptied before and after.

``MIGPERF_TEST_REDIS_URL`` names the Redis database; the default is number 15 of the local server.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.databases import unavailable

BROKERS = ("filesystem", "redis")


@contextmanager
def temporary_broker(kind: str) -> Iterator[str]:
    """Yield the URL of an empty broker; files of the filesystem broker lie in the data folder of the settings."""
    if kind == "filesystem":
        yield "filesystem://"
        return
    url = os.environ.get("MIGPERF_TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
    with redis.Redis.from_url(url) as server:
        try:
            server.flushdb()
        except redis.ConnectionError as error:
            unavailable("Redis", error)
        yield url
        server.flushdb()
