"""Which addresses a stranger may make us connect to: global unicast ones, and no other.

The lists are our own, after the IANA special-purpose registries: `ipaddress.is_global` changed its
answers between Python releases (CVE-2024-4032), and a guard must not.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

IpAddress = IPv4Address | IPv6Address

_V4_SPECIAL: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # shared by carriers (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122)
        "169.254.0.0/16",  # link-local, clouds' metadata services (RFC 3927)
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.31.196.0/24",  # AS112 (RFC 7535)
        "192.52.193.0/24",  # AMT (RFC 7450)
        "192.88.99.0/24",  # 6to4 relay (RFC 7526)
        "192.168.0.0/16",  # private (RFC 1918)
        "192.175.48.0/24",  # AS112 (RFC 7534)
        "198.18.0.0/15",  # benchmarking (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved, and broadcast (RFC 1112, RFC 919)
    )
)
# Only 2000::/3 is global unicast, so mapped, compatible, NAT64, unique-local, link-local,
# site-local and multicast addresses are out already.
_V6_GLOBAL: Final = IPv6Network("2000::/3")
_V6_SPECIAL: Final = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments, Teredo, ORCHID (RFC 2928, RFC 4380, RFC 7343)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4, carries any IPv4 address (RFC 3056)
        "2620:4f:8000::/48",  # AS112 (RFC 7534)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_LOOPBACK_V4: Final = IPv4Network("127.0.0.0/8")
_LOOPBACK_V6: Final = IPv6Address("::1")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where we may connect. Loopback counts only on a developer's machine (`for_issuer`)."""

    loopback: bool

    @classmethod
    def for_issuer(cls, issuer: str) -> "AddressPolicy":
        """Allow loopback targets exactly if our own issuer is one; there is no other switch."""
        host = urlsplit(issuer).hostname or ""
        if host == "localhost":
            return cls(loopback=True)
        try:
            return cls(loopback=_is_loopback(ip_address(host)))
        except ValueError:
            return cls(loopback=False)

    def allows(self, address: IpAddress) -> bool:
        """Tell whether a connection to this address may be opened."""
        return _is_public(address) or (self.loopback and _is_loopback(address))


def _is_loopback(address: IpAddress) -> bool:
    if isinstance(address, IPv4Address):
        return address in _LOOPBACK_V4
    return address == _LOOPBACK_V6


def _is_public(address: IpAddress) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _V4_SPECIAL)
    if address.scope_id is not None or address not in _V6_GLOBAL:
        return False
    return not any(address in block for block in _V6_SPECIAL)
