"""Where messages may go, against server-side request forgery.

Whoever can make a channel must not reach, through this service, what only this service's network can reach. A host is
looked up once, every address that it has is judged, and the connection is made to an address that was judged. So it is
of no use to give another answer to a second look-up (DNS rebinding).
"""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

from migperf.alerts.addresses import METADATA, Address, Network, faces, forbidden
from migperf.alerts.errors import DeliveryError, ForbiddenTargetError
from migperf.errors import ConfigurationError

Resolver = Callable[[str], Sequence[str]]
"""Gives the addresses of a host, as text. Raises OSError."""
_NEVER_BY_NAME = (METADATA, "is link-local", "is multicast", "is unspecified")
"""A host that is allowed by its name may be inside this network, but these must be allowed as addresses."""


def look_up(host: str) -> Sequence[str]:
    """Return the addresses of a host by the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Allowed:
    """What of one's own network messages may go to."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Allowed":
        """Read names, addresses and networks, separated by commas. Raises ConfigurationError."""
        entries = [entry.strip() for entry in text.split(",") if entry.strip()]
        networks = {entry: _network(entry) for entry in entries}
        return cls(
            frozenset(_plain(entry) for entry, network in networks.items() if network is None),
            tuple(network for network in networks.values() if network is not None),
        )

    def permits(self, host: str, address: Address, reason: str) -> bool:
        """Tell whether a message may go to an address in spite of the reason against it."""
        if any(face in network for network in self.networks for face in faces(address)):
            return True
        return _plain(host) in self.hosts and not any(reason.endswith(each) for each in _NEVER_BY_NAME)


@dataclass(frozen=True, slots=True)
class Guard:
    """Opens connections to hosts that messages may go to, and to no others."""

    allowed: Allowed = Allowed()
    resolver: Resolver = field(default=look_up)

    def connect(self, host: str, port: int, deadline: float) -> socket.socket:
        """Connect to a host before ``deadline`` (of time.monotonic). Raises ForbiddenTargetError and DeliveryError.

        If one of its addresses is forbidden the host is, since nothing good has both kinds. Of several, they are
        tried in turn.
        """
        addresses = self.addresses_of(host, deadline)
        last: OSError | None = None
        for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return socket.create_connection((str(address), port), timeout=_left_s(deadline, host) / untried)
            except OSError as error:
                last = error
        raise DeliveryError(f"{host} cannot be reached on port {port}: {_reason(last)}") from last

    def addresses_of(self, host: str, deadline: float) -> Sequence[Address]:
        """Look a host up and return its addresses, all of which messages may go to.

        Raises ForbiddenTargetError and DeliveryError.
        """
        addresses = [ip_address(text) for text in self._resolved(host, deadline)]
        for address in addresses:
            self.check(host, address)
        return addresses

    def check(self, host: str, address: Address) -> None:
        """Raise ForbiddenTargetError if no message may go to this address of the host."""
        reason = forbidden(address)
        if reason is not None and not self.allowed.permits(host, address, reason):
            shown = reason if host == str(address) else f"has the address {address}, which {reason}"
            raise ForbiddenTargetError(host, shown)

    def check_literal(self, host: str) -> None:
        """Raise ForbiddenTargetError if the host is written as an address that no message may go to. Looks up nothing.

        The system's own reading of numbers counts, too: ``127.1`` and ``2130706433`` are loopback.
        """
        address = literal(host)
        if address is not None:
            self.check(host, address)

    def _resolved(self, host: str, deadline: float) -> Sequence[str]:
        written = literal(host)
        if written is not None:
            return [str(written)]
        found: list[Sequence[str]] = []
        failed: list[Exception] = []

        def resolve() -> None:
            try:
                found.append(self.resolver(host))
            except (OSError, UnicodeError) as error:
                failed.append(error)

        # In a thread, as nothing else ends a look-up that nobody answers.
        thread = threading.Thread(target=resolve, daemon=True, name=f"look up {host}")
        thread.start()
        thread.join(_left_s(deadline, host))
        if not found or not found[0]:
            raise DeliveryError(f"{host} cannot be looked up: {_reason(failed[0]) if failed else 'no answer in time'}")
        return found[0]


def literal(host: str) -> Address | None:
    """Return the address that a host is written as, by any spelling that the system takes; None for a name."""
    text = host.strip("[]")
    try:
        address = ip_address(text)
    except ValueError:
        try:
            return ip_address(socket.inet_aton(text))
        except OSError:
            return None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return IPv6Address(int(address))
    return address


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry)
    except ValueError as error:
        if "/" in entry or literal(entry) is not None:
            raise ConfigurationError(f"MIGPERF_ALERT_ALLOWED_HOSTS: {error}") from error
        if not entry.isascii() or any(character in entry for character in " :*[]"):
            raise ConfigurationError(
                f"MIGPERF_ALERT_ALLOWED_HOSTS: {entry!r} is neither a host's name nor an address nor a network; "
                "examples are alerts.example, 10.1.2.3 and 10.1.0.0/16"
            ) from error
        return None


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _left_s(deadline: float, host: str) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeliveryError(f"{host} did not answer in time")
    return left


def _reason(error: Exception | None) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or "it has no address"
