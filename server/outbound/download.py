"""One GET to one checked address: TLS for the name, no redirect, every byte counted."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx2

from server.outbound.addresses import AddressPolicy, IpAddress
from server.outbound.errors import FetchFault, FetchRefused
from server.outbound.resolver import Resolver
from server.outbound.target import Target

USER_AGENT: Final = "mandate"
_ATTEMPTS: Final = 2
"""Addresses of one name that are tried."""
_NO_REUSE: Final = httpx2.Limits(max_connections=1, max_keepalive_connections=0)


@dataclass(frozen=True, slots=True)
class FetchRules:
    """What one kind of document may be. `seconds` is for all of it, name look-up included."""

    accept: tuple[str, ...]
    max_bytes: int
    seconds: float
    longest_fresh: int
    kept: bool = True
    """Whether the fetcher's own cache has it; else the caller keeps it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200 with its body, or a 304 without (`body` None)."""

    headers: Mapping[str, str]
    body: bytes | None


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Trust the system's authorities, and those of `MANDATE_OUTBOUND_CA_FILE` as well.

    Raises `OSError` or `ssl.SSLError` if the file cannot be used: a server must not start then.
    """
    if ca_file is None:
        return _of_the_system()
    context = _fresh()
    context.load_verify_locations(cafile=ca_file)
    return context


@cache
def _of_the_system() -> ssl.SSLContext:
    """Read some 150 certificates once a process; nobody adds to this context."""
    return _fresh()


def _fresh() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def checked_addresses(
    target: Target, resolver: Resolver, policy: AddressPolicy
) -> tuple[IpAddress, ...]:
    """Resolve a target and refuse it if any of its addresses is out of bounds.

    One special address among public ones is a trap for whoever picks the other.
    """
    if target.address is not None:
        found: tuple[IpAddress, ...] = (target.address,)
    else:
        try:
            found = await resolver.resolve(target.host, target.port)
        except (OSError, ValueError, UnicodeError):
            raise FetchRefused(FetchFault.UNRESOLVABLE, target.host) from None
    if not found:
        raise FetchRefused(FetchFault.UNRESOLVABLE, target.host)
    if not all(policy.allows(address) for address in found):
        raise FetchRefused(FetchFault.ADDRESS_REFUSED, target.host)
    return found[:_ATTEMPTS]


async def download(
    target: Target,
    addresses: tuple[IpAddress, ...],
    rules: FetchRules,
    context: ssl.SSLContext,
    *,
    etag: str | None = None,
) -> Answer:
    """Ask each checked address in turn until one answers; raises `FetchRefused`."""
    for address in addresses:
        try:
            return await _ask(target, address, rules, context, etag)
        except httpx2.ConnectError:
            continue
        except httpx2.TimeoutException:
            raise FetchRefused(FetchFault.TOO_SLOW, target.host) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError):
            raise FetchRefused(FetchFault.UNREACHABLE, target.host) from None
    raise FetchRefused(FetchFault.UNREACHABLE, target.host)


async def _ask(
    target: Target,
    address: IpAddress,
    rules: FetchRules,
    context: ssl.SSLContext,
    etag: str | None,
) -> Answer:
    headers = {
        "host": target.authority,
        "accept": ", ".join(rules.accept),
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
    }
    if etag is not None:
        headers["if-none-match"] = etag
    # A client of its own for each request: pools are keyed by address here, so a reused connection
    # could carry the certificate of another name. No proxy, .netrc or cookie of the environment.
    async with httpx2.AsyncClient(
        verify=context,
        trust_env=False,
        follow_redirects=False,
        limits=_NO_REUSE,
        timeout=httpx2.Timeout(rules.seconds),
    ) as client:
        request = client.build_request(
            "GET",
            # The address that was checked is the one connected to: a second look-up, and with it
            # DNS rebinding, does not happen.
            target.at(address),
            headers=headers,
            extensions={"sni_hostname": target.host},
        )
        response = await client.send(request, stream=True)
        try:
            _check_peer(response, address, target)
            return await _read(response, rules, target)
        finally:
            await response.aclose()


def _check_peer(response: httpx2.Response, address: IpAddress, target: Target) -> None:
    """Compare the socket's far end with what was checked; no library may have known better."""
    stream = response.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    if not peer or ip_address(str(peer[0])) != address:
        raise FetchRefused(FetchFault.ADDRESS_REFUSED, target.host)


async def _read(response: httpx2.Response, rules: FetchRules, target: Target) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if response.status_code == httpx2.codes.NOT_MODIFIED:
        return Answer(headers, None)
    # A redirect is an answer that we do not take, like any other but 200.
    if response.status_code in (httpx2.codes.NOT_FOUND, httpx2.codes.GONE):
        raise FetchRefused(FetchFault.GONE, target.host)
    if response.status_code != httpx2.codes.OK:
        raise FetchRefused(FetchFault.STATUS, target.host)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in rules.accept:
        raise FetchRefused(FetchFault.CONTENT_TYPE, target.host)
    # We asked for identity, and we decompress nothing: a bomb stays folded.
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise FetchRefused(FetchFault.ENCODING, target.host)
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > rules.max_bytes:
        raise FetchRefused(FetchFault.TOO_LARGE, target.host)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > rules.max_bytes:
            raise FetchRefused(FetchFault.TOO_LARGE, target.host)
    return Answer(headers, bytes(body))
