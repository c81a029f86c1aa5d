"""RFC 3986, narrowed: the URLs that we fetch have one reading only, for us and for any library."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from server.outbound.addresses import IpAddress
from server.outbound.errors import FetchFault, FetchRefused

MAX_URL: Final = 2048
HTTPS_PORT: Final = 443
_LAST_PORT: Final = 65535
_MAX_HOST: Final = 253
_PATH: Final = r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*"
# No userinfo, no fragment, no backslash, no white space, ASCII only (an international name comes
# in its xn-- form): what two parsers could read in two ways does not match.
_URL: Final = re.compile(
    rf"(?i:https)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{{1,5}}))?"
    rf"(?P<path>/{_PATH})?(?P<query>\?(?:{_PATH}|\?)*)?"
)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: `host` is a name in lower case, or an address without brackets."""

    host: str
    address: IpAddress | None
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return the value of the Host header (RFC 9110 §7.2)."""
        name = f"[{self.host}]" if isinstance(self.address, IPv6Address) else self.host
        return name if self.port == HTTPS_PORT else f"{name}:{self.port}"

    def at(self, address: IpAddress) -> str:
        """Return the URL with the checked address in place of the name."""
        host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        return f"https://{host}:{self.port}{self.path}"


def parse_target(url: str) -> Target:
    """Read an https URL; raises `FetchRefused`."""
    found = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if found is None:
        raise FetchRefused(FetchFault.URL_REFUSED)
    port = int(found["port"] or HTTPS_PORT)
    if not 0 < port <= _LAST_PORT:
        raise FetchRefused(FetchFault.URL_REFUSED)
    host = found["host"].lower()
    address = _literal(host)
    if address is not None:
        host = str(address)
    return Target(host, address, port, (found["path"] or "/") + (found["query"] or ""))


def _literal(host: str) -> IpAddress | None:
    """Return the address that `host` spells, None for a name; raises `FetchRefused` for neither."""
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        labels = host.split(".")
        # `127.1`, `2130706433`, `0177.0.0.1`, `0x7f000001`: resolvers read these as addresses.
        if _NUMBER.fullmatch(labels[-1]):
            return IPv4Address(host)
    except AddressValueError:
        raise FetchRefused(FetchFault.URL_REFUSED) from None
    if len(host) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise FetchRefused(FetchFault.URL_REFUSED)
    return None
