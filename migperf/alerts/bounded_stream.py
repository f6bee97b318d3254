"""A network for httpcore that is guarded, and in which everything together ends at one deadline.

The time-outs of an HTTP client are for each read. A receiver that sends a byte now and then would hold it for ever.
"""

import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass

import httpcore

from migperf.alerts.guard import Guard


@dataclass(frozen=True, slots=True)
class BoundedStream(httpcore.NetworkStream):
    """A connection that ends at a deadline (of time.monotonic)."""

    connection: socket.socket
    deadline: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline decides
        """Return what has arrived. Raises TimeoutError and httpcore.ReadError."""
        self._bound()
        try:
            return self.connection.recv(max_bytes)
        except TimeoutError:
            raise
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send all of it. Raises TimeoutError and httpcore.WriteError."""
        self._bound()
        try:
            self.connection.sendall(buffer)
        except TimeoutError:
            raise
        except OSError as error:
            # httpcore then looks whether an answer is there: some receivers refuse before they have read everything.
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Return the encrypted connection; the certificate must be that of the host, not of the address."""
        self._bound()
        try:
            encrypted = ssl_context.wrap_socket(self.connection, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return BoundedStream(encrypted, self.deadline)

    def get_extra_info(self, info: str) -> object:
        """Return what httpcore asks about the connection."""
        return self.connection if info == "socket" else None

    def _bound(self) -> None:
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no answer in time")
        self.connection.settimeout(left_s)


@dataclass(frozen=True, slots=True)
class GuardedNetwork(httpcore.NetworkBackend):
    """Opens connections by a guard, all of which end at the deadline."""

    guard: Guard
    deadline: float

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Connect to a host. Raises ForbiddenTargetError and DeliveryError."""
        return BoundedStream(self.guard.connect(host, port, self.deadline), self.deadline)
