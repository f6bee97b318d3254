"""Which addresses messages may go to: by property, over all of them and all ways of writing one inside another."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.alerts.addresses import embedded, forbidden

INSIDE_4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",
    )
]
INSIDE_6 = [
    IPv6Network(text)
    for text in ("::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:db8::/32", "2001::/32")
]


def within(networks: list[IPv4Network] | list[IPv6Network]) -> st.SearchStrategy[int]:
    return st.one_of([st.integers(int(each[0]), int(each[-1])) for each in networks])


inside_4 = within(INSIDE_4).map(IPv4Address)
any_4 = st.integers(0, 2**32 - 1).map(IPv4Address)
any_6 = st.integers(0, 2**128 - 1).map(IPv6Address)
PREFIXES = ("::ffff:0:0", "::ffff:0:0:0", "::", "64:ff9b::")


def ways_to_write(address: IPv4Address) -> list[IPv6Address]:
    """Return every IPv6 address that leads there."""
    number = int(address)
    ending = [IPv6Address(int(IPv6Address(prefix)) | number) for prefix in PREFIXES]
    isatap = IPv6Address(int(IPv6Address("2400:cb00::5efe:0:0")) | number)
    return [*ending, IPv6Address(0x2002 << 112 | number << 80 | 7), isatap]


@given(inside_4)
def test_nothing_inside_is_reached_by_any_way_of_writing_it(address: IPv4Address) -> None:
    assert forbidden(address)
    for written in ways_to_write(address):
        assert forbidden(written), written


@given(within(INSIDE_6).map(IPv6Address))
def test_nothing_of_ipv6_inside_is_reached(address: IPv6Address) -> None:
    assert forbidden(address)


@given(any_4 | any_6)
def test_what_python_does_not_take_for_global_is_forbidden(address: IPv4Address | IPv6Address) -> None:
    """The other way round they differ: Python takes multicast, 6to4 and NAT64 for global."""
    if not address.is_global and embedded(address) is None:
        assert forbidden(address)


@given(any_4)
def test_an_address_that_leads_to_another_is_judged_by_it(address: IPv4Address) -> None:
    for written in ways_to_write(address)[:4]:
        if int(written) > 1:
            assert embedded(written) == address
            assert (forbidden(written) is None) == (forbidden(address) is None)


@pytest.mark.parametrize(
    "public", ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450::1", "2002:0808:0808::1"]
)
def test_public_addresses_are_allowed(public: str) -> None:
    assert forbidden(ip_address(public)) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("169.254.169.254", "clouds"),
        ("fd00:ec2::254", "clouds"),
        ("100.100.100.200", "clouds"),
        ("127.0.0.1", "loopback"),
        ("::ffff:10.1.2.3", "leads to 10.1.2.3, which is private"),
        ("fe80::1%eth0", "link-local"),
        ("::", "unspecified"),
        ("5f00::1", "reserved"),
    ],
)
def test_a_reason_is_given(address: str, reason: str) -> None:
    assert reason in str(forbidden(ip_address(address)))


def test_every_network_is_written_whole() -> None:
    assert forbidden(ip_network("172.16.0.0/12")[-1])
    assert forbidden(IPv4Address("172.32.0.0")) is None
    assert forbidden(IPv4Address("100.127.255.255"))
    assert forbidden(IPv4Address("100.128.0.0")) is None
