"""The page that a worker shows to Prometheus (docs/how-to/monitoring.md), served from a thread of its own.

A scrape reads each GPU and partition once, a moment's work of some ten NVML calls each, in this process: whoever
scrapes every second adds about what a sampler at 1 Hz does. Nothing is read and nothing is open before the first one.
"""

import logging
import threading
from collections.abc import Callable
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from migperf.errors import ConfigurationError
from migperf.gpus.driver import Driver
from migperf.gpus.inventory import Inventory
from migperf.jobs.node_page import NodeCollector, Work
from migperf.jobs.node_readings import NodeReadings
from migperf.settings import Settings

_log = logging.getLogger(__name__)


class NodeMetrics:
    """The page of one node, if ``MIGPERF_METRICS_PORT`` says where it is to be."""

    def __init__(
        self, settings: Settings, driver: Driver | None, inventory: Callable[[], Inventory], work: Work | None = None
    ) -> None:
        """``inventory`` and ``work`` are asked at each scrape: the last known inventory is better than a new walk."""
        self._settings = settings
        self._readings = NodeReadings(driver, inventory)
        self._registry = CollectorRegistry()
        self._registry.register(NodeCollector(settings.node_name, self._readings, work))
        ProcessCollector(registry=self._registry)
        self._server: tuple[WSGIServer, threading.Thread] | None = None

    @property
    def port(self) -> int | None:
        """Where the page is; None if there is none."""
        return None if self._server is None else int(self._server[0].server_port)

    def start(self) -> None:
        """Serve the page from now on, if there is to be one. Raises ConfigurationError where it cannot be."""
        host, port = self._settings.metrics_host, self._settings.metrics_port
        if port is None:
            return
        try:
            self._server = start_http_server(port, host, self._registry)
        except OSError as error:
            raise ConfigurationError(
                f"MIGPERF_METRICS_PORT, MIGPERF_METRICS_HOST: metrics cannot be served on {host}:{port}: "
                f"{error.strerror or error}; choose another port, or unset it to have no such page"
            ) from error
        _log.info("metrics for Prometheus on http://%s:%s/metrics", host, self.port)

    def close(self) -> None:
        """Stop serving, and let go of what was opened for reading. Closing again does nothing."""
        if self._server is not None:
            server, thread = self._server
            self._server = None
            server.shutdown()
            server.server_close()
            thread.join()
        self._readings.close()
