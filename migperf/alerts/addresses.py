"""Which addresses a message may go to: those of the public Internet, by the IANA registries of special ones.

Written out instead of asking ``ipaddress.is_global``, whose answer differs between versions of Python, and which takes
an IPv6 address that leads to a private IPv4 one for public.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 3056 (6to4), RFC 4291 (mapped and compatible
addresses), RFC 6052 and 8215 (NAT64), RFC 5214 (ISATAP), RFC 4380 (Teredo).
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA = "is where clouds tell machines their credentials"
_IPV4 = {
    IPv4Network(network): reason
    for network, reason in (
        ("169.254.169.254/32", METADATA),
        ("168.63.129.16/32", METADATA),
        ("100.100.100.200/32", METADATA),
        ("192.0.0.192/32", METADATA),
        ("0.0.0.0/8", "is unspecified"),
        ("127.0.0.0/8", "is loopback"),
        ("10.0.0.0/8", "is private"),
        ("172.16.0.0/12", "is private"),
        ("192.168.0.0/16", "is private"),
        ("100.64.0.0/10", "is shared address space"),
        ("169.254.0.0/16", "is link-local"),
        ("192.0.0.0/24", "is reserved"),
        ("192.0.2.0/24", "is for documentation"),
        ("198.51.100.0/24", "is for documentation"),
        ("203.0.113.0/24", "is for documentation"),
        ("192.88.99.0/24", "is a relay of 6to4"),
        ("198.18.0.0/15", "is for benchmarks of networks"),
        ("224.0.0.0/4", "is multicast"),
        ("240.0.0.0/4", "is reserved"),
    )
}
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_IPV6 = {
    IPv6Network(network): reason
    for network, reason in (
        ("fd00:ec2::254/128", METADATA),
        ("fd20:ce::254/128", METADATA),
        ("::/128", "is unspecified"),
        ("::1/128", "is loopback"),
        ("fe80::/10", "is link-local"),
        ("fec0::/10", "is site-local"),
        ("fc00::/7", "is private"),
        ("ff00::/8", "is multicast"),
        ("64:ff9b:1::/48", "is a translation of this network"),
        ("2001::/32", "is a tunnel (Teredo)"),
        ("2001::/23", "is reserved"),
        ("2001:db8::/32", "is for documentation"),
        ("3fff::/20", "is for documentation"),
    )
}
_LAST_32_BITS = (1 << 32) - 1
_LEADING = (
    # Networks whose addresses stand for an IPv4 address, and how far that is from the right end.
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def forbidden(address: Address) -> str | None:
    """Return why no message may go to an address, such as "is loopback"; None where it may.

    An IPv6 address that stands for an IPv4 one is judged by that.
    """
    if isinstance(address, IPv4Address):
        return next((reason for network, reason in _IPV4.items() if address in network), None)
    own = next((reason for network, reason in _IPV6.items() if address in network), None)
    if own is not None:
        return own
    leads_to = embedded(address)
    if leads_to is not None:
        reason = forbidden(leads_to)
        return None if reason is None else f"leads to {leads_to}, which {reason}"
    return None if address in _PUBLIC_IPV6 else "is reserved"


def embedded(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one leads to, if it is of a kind that does."""
    if isinstance(address, IPv4Address):
        return None
    number = int(address)
    for network, shift in _LEADING:
        if address in network:
            return IPv4Address(number >> shift & _LAST_32_BITS)
    if number >> 32 & _LAST_32_BITS in _ISATAP:
        return IPv4Address(number & _LAST_32_BITS)
    return None


def faces(address: Address) -> Iterator[Address]:
    """Yield an address and the one that it leads to, if any."""
    yield address
    leads_to = embedded(address)
    if leads_to is not None:
        yield leads_to
