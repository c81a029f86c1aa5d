"""Server-side request forgery and resource exhaustion through URLs that strangers name."""

import asyncio
import gzip
import ssl
from ipaddress import ip_address

import pytest

from server.outbound.addresses import AddressPolicy
from server.outbound.download import tls_context
from server.outbound.errors import FetchFault, FetchRefused
from server.outbound.fetcher import Fetcher
from server.outbound.target import parse_target
from tests.outbound.fixtures import RULES, authority, deadlines, fetcher, names, trust
from tests.outbound.origin import Names, make_authority, reply, serve

__all__ = ["authority", "deadlines", "fetcher", "names", "trust"]

PUBLIC = AddressPolicy.for_issuer("https://as.example.com")


async def refusal(fetcher: Fetcher, url: str) -> FetchFault:
    with pytest.raises(FetchRefused) as refused:
        await fetcher.fetch(url, RULES)
    return refused.value.reason


# ---------------------------------------------------------------------------- urls


@pytest.mark.parametrize(
    "url",
    [
        "http://origin.test/jwks", "ftp://origin.test/", "file:///etc/passwd", "data:,{}",
        "gopher://origin.test/", "//origin.test/", "origin.test", "", "https://", "https:///jwks",
        "https:origin.test", "https:/origin.test", "JaVaScRiPt:alert(1)",
        "https://user@origin.test/", "https://user:pass@origin.test/", "https://@origin.test/",
        "https://origin.test:80@127.0.0.1/", "https://127.0.0.1\\@origin.test/",
        "https://origin.test\\/", "https://origin.test#@127.0.0.1/", "https://origin.test/#x",
        "https://origin.test/a b", "https://origin.test/\r\nX: y", "https://origin.test/\x00",
        "https://origin.test/\u00e9", "https://\u00f6rigin.test/", "https://origin\u3002test/",
        "https://\uff11\uff12\uff17.0.0.1/", "https://origin.test:0/", "https://origin.test:65536/",
        "https://origin.test:99999/", "https://origin.test:/", "https://origin.test:-1/",
        "https://origin.test:4\u0664/", "https://[::1/", "https://::1/", "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/", "https://[::ffff:127.0.0.1.2]/", "https://[1]/",
        "https://origin..test/", "https://.test/", "https://origin.test./", "https://-a.test/",
        "https://a-.test/", "https://a_b.test/", "https://*.test/", f"https://{'a' * 64}.test/",
        f"https://{'a.' * 130}test/", f"https://origin.test/{'a' * 2048}", " https://origin.test/",
        "https://origin.test/\n", "https://%6frigin.test/", "https://origin.test%00.evil/",
        # Numbers that a resolver would read as an address.
        "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/",
        "https://017700000001/", "https://127.1/", "https://127.0.1/", "https://0/", "https://0x/",
        "https://127.0.0.01/", "https://1.1.1.1.1/", "https://256.0.0.1/", "https://example.0x7f/",
    ],
)  # fmt: skip
async def test_a_url_with_two_readings_or_another_scheme_is_refused(fetcher, names, url):
    assert await refusal(fetcher, url) is FetchFault.URL_REFUSED
    assert names.asked == []


@pytest.mark.parametrize(
    ("url", "authority_", "path"),
    [
        ("https://Example.COM", "example.com", "/"),
        ("HTTPS://example.com:443/a?b=c&d=%20", "example.com", "/a?b=c&d=%20"),
        ("https://example.com:8443/?q", "example.com:8443", "/?q"),
        ("https://example.com?q=1?2", "example.com", "/?q=1?2"),
        ("https://xn--mnchen-3ya.example/x", "xn--mnchen-3ya.example", "/x"),
        ("https://93.184.216.34/", "93.184.216.34", "/"),
        ("https://[2606:2800:0220:1::1]:444/", "[2606:2800:220:1::1]:444", "/"),
    ],
)
def test_control_an_ordinary_url_has_one_reading(url, authority_, path):
    target = parse_target(url)
    assert (target.authority, target.path) == (authority_, path)


# ---------------------------------------------------------------------------- addresses

SPECIAL = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "127.255.0.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.0.170", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1",
    "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:93.184.216.34", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:2800::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("address", SPECIAL)
def test_a_special_address_is_never_connected_to(address):
    assert not PUBLIC.allows(ip_address(address))


@pytest.mark.parametrize("address", sorted(set(SPECIAL) - {"127.0.0.1", "127.255.0.1", "::1"}))
def test_a_loopback_issuer_opens_loopback_and_nothing_else(address):
    assert not AddressPolicy.for_issuer("http://localhost:9000").allows(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.0.1", "192.0.1.1",
     "223.255.255.255", "2606:2800:220:1::1", "2a00:1450::1", "2001:4860:4860::8888"],
)  # fmt: skip
def test_control_a_public_address_is_allowed(address):
    assert PUBLIC.allows(ip_address(address))


@pytest.mark.parametrize(
    ("issuer", "loopback"),
    [
        ("http://127.0.0.1:9000/t/acme", True), ("http://127.1.2.3", True),
        ("http://[::1]:9000", True), ("http://localhost:9000", True),
        ("https://as.example.com", False), ("https://localhost.example.com", False),
        ("https://127.0.0.1.example.com", False), ("https://10.0.0.1", False),
        ("http://127.0.0.1@as.example.com", False), ("https://[::ffff:127.0.0.1]", False), ("", False),
    ],
)  # fmt: skip
def test_only_an_issuer_on_loopback_may_fetch_from_loopback(issuer, loopback):
    policy = AddressPolicy.for_issuer(issuer)
    assert policy.allows(ip_address("127.0.0.1")) is loopback
    assert policy.allows(ip_address("::1")) is loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "[::ffff:a9fe:a9fe]",
             "10.0.0.1", "[fd00:ec2::254]", "0.0.0.0", "[::]", "inside.test", "localhost"],
)  # fmt: skip
async def test_an_inner_address_is_refused_in_the_url_and_behind_a_name(
    authority, clock, names, host
):
    async with serve(authority, reply()) as origin:
        inner = Names(inside_test=[("127.0.0.1",)], localhost=[("::1",), ("127.0.0.1",)])
        outward = Fetcher(
            policy=PUBLIC, resolver=inner, tls=tls_context(authority.ca_file), clock=clock
        )
        assert await refusal(outward, origin.url(host=host)) is FetchFault.ADDRESS_REFUSED
        assert origin.connections == 0


@pytest.mark.parametrize(
    "answers",
    [("127.0.0.1", "10.0.0.1"), ("10.0.0.1", "127.0.0.1"), ("127.0.0.1", "::ffff:127.0.0.1"),
     ("127.0.0.1", "169.254.169.254"), ("127.0.0.1", "fe80::1")],
)  # fmt: skip
async def test_one_bad_address_among_good_ones_spoils_the_name(
    authority, clock, deadlines, answers
):
    async with serve(authority, reply()) as origin:
        mixed = Fetcher(
            policy=AddressPolicy.for_issuer("http://127.0.0.1"),
            resolver=Names(origin_test=[answers]),
            tls=tls_context(authority.ca_file),
            clock=clock,
        )
        assert await refusal(mixed, origin.url()) is FetchFault.ADDRESS_REFUSED
        assert origin.connections == 0


async def test_a_name_that_changes_after_the_check_does_not_move_the_connection(authority, clock):
    # DNS rebinding: the second answer would be an inner address; there is no second question.
    rebinding = Names(origin_test=[("127.0.0.1",), ("169.254.169.254",)])
    fetcher = Fetcher(
        policy=AddressPolicy.for_issuer("http://127.0.0.1"),
        resolver=rebinding,
        tls=tls_context(authority.ca_file),
        clock=clock,
    )
    async with serve(authority, reply(b"{}", cache_control="no-store")) as origin:
        assert (await fetcher.fetch(origin.url(), RULES)).body == b"{}"
        assert rebinding.asked == ["origin.test"]
        # And each new request is checked anew.
        assert await refusal(fetcher, origin.url()) is FetchFault.ADDRESS_REFUSED
        assert origin.connections == 1


async def test_a_name_without_an_address_is_refused(fetcher):
    assert await refusal(fetcher, "https://nowhere.test/") is FetchFault.UNRESOLVABLE


async def test_a_proxy_of_the_environment_is_not_used(authority, fetcher, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serve(authority, reply(b"{}")) as origin:
        assert (await fetcher.fetch(origin.url(), RULES)).body == b"{}"


# ---------------------------------------------------------------------------- tls


async def test_a_certificate_of_another_name_is_refused(authority, clock):
    fetcher = Fetcher(
        policy=AddressPolicy.for_issuer("http://127.0.0.1"),
        resolver=Names(other_test=[("127.0.0.1",)]),
        tls=tls_context(authority.ca_file),
        clock=clock,
    )
    async with serve(authority, reply()) as origin:
        assert await refusal(fetcher, origin.url(host="other.test")) is FetchFault.UNREACHABLE
        assert origin.requests == []


async def test_a_certificate_of_an_unknown_authority_is_refused(authority, tmp_path, clock, names):
    strangers = make_authority(tmp_path)
    for context in (tls_context(), tls_context(strangers.ca_file)):
        fetcher = Fetcher(
            policy=AddressPolicy.for_issuer("http://127.0.0.1"),
            resolver=names,
            tls=context,
            clock=clock,
        )
        async with serve(authority, reply()) as origin:
            assert await refusal(fetcher, origin.url()) is FetchFault.UNREACHABLE
            assert origin.requests == []


def test_an_unusable_authority_file_stops_the_start(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        tls_context(tmp_path / "none.pem")
    (tmp_path / "empty.pem").write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        tls_context(tmp_path / "empty.pem")


# ---------------------------------------------------------------------------- answers


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temp", "308 Perm"])
async def test_a_redirect_is_not_followed(authority, fetcher, status):
    async with serve(authority, reply(b"{}", status)) as origin:
        origin.answer = reply(b"{}", status, location=origin.url("/inner"))
        assert await refusal(fetcher, origin.url()) is FetchFault.STATUS
        assert len(origin.requests) == 1


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("201 Created", FetchFault.STATUS), ("204 Empty", FetchFault.STATUS),
        ("206 Part", FetchFault.STATUS), ("500 Oops", FetchFault.STATUS),
        ("404 No", FetchFault.GONE), ("410 Gone", FetchFault.GONE),
    ],
)  # fmt: skip
async def test_only_200_is_an_answer(authority, fetcher, status, fault):
    async with serve(authority, reply(b"", status)) as origin:
        assert await refusal(fetcher, origin.url()) is fault


@pytest.mark.parametrize(
    "kind", ["text/html", "", "application/jsonp", "text/plain", "application/json/x", "*/*"]
)
async def test_another_kind_of_content_is_refused(authority, fetcher, kind):
    async with serve(authority, reply(b"{}", content_type=kind)) as origin:
        assert await refusal(fetcher, origin.url()) is FetchFault.CONTENT_TYPE


async def test_control_a_content_type_may_have_parameters(authority, fetcher):
    async with serve(authority, reply(content_type="Application/JSON; charset=utf-8")) as origin:
        assert await fetcher.fetch(origin.url(), RULES)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x-gzip"])
async def test_a_compressed_bomb_is_not_unfolded(authority, fetcher, encoding):
    bomb = gzip.compress(b"\0" * 400_000)
    assert len(bomb) < RULES.max_bytes
    async with serve(authority, reply(bomb, content_encoding=encoding)) as origin:
        assert await refusal(fetcher, origin.url()) is FetchFault.ENCODING


async def test_a_document_that_says_it_is_too_large_is_not_read(authority, fetcher):
    async def promise(_, writer):
        head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999999999999"
        writer.write(head.encode() + b"\r\n\r\n")

    async with serve(authority, promise) as origin:
        assert await refusal(fetcher, origin.url()) is FetchFault.TOO_LARGE


async def test_a_body_without_an_end_is_cut_at_the_limit(authority, fetcher):
    sent = 0

    async def pour(_, writer):
        nonlocal sent
        head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked"
        writer.write(head.encode() + b"\r\n\r\n")
        while sent < 50_000_000:
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            sent += 1024
            await writer.drain()

    async with serve(authority, pour) as origin:
        assert await refusal(fetcher, origin.url()) is FetchFault.TOO_LARGE
    assert sent < 50_000_000


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
async def test_the_limit_is_the_limit(authority, fetcher, size, fits):
    async with serve(authority, reply(b" " * size)) as origin:
        if fits:
            assert len((await fetcher.fetch(origin.url(), RULES)).body) == size
        else:
            assert await refusal(fetcher, origin.url()) is FetchFault.TOO_LARGE


@pytest.mark.parametrize(
    "before",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n",
     b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"],
)  # fmt: skip
async def test_an_answer_that_never_ends_is_cut_by_the_total_limit(
    authority, fetcher, deadlines, before
):
    async def stall(_, writer):
        writer.write(before)
        await writer.drain()
        deadlines.expire()
        await asyncio.Event().wait()

    async with serve(authority, stall) as origin:
        assert await refusal(fetcher, origin.url()) is FetchFault.TOO_SLOW
        assert deadlines.seconds == [RULES.seconds]


async def test_a_name_service_that_never_answers_is_cut_by_the_same_limit(
    authority, clock, deadlines
):
    class Silent:
        async def resolve(self, host, port):
            deadlines.expire()
            await asyncio.Event().wait()

    fetcher = Fetcher(
        policy=PUBLIC, resolver=Silent(), tls=tls_context(), clock=clock, deadline=deadlines
    )
    assert await refusal(fetcher, "https://slow.test/") is FetchFault.TOO_SLOW


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00\x01\x02", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n" * 9,
     b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{",
     b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: -1\r\n\r\n{}",
     b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
     b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000 + b"\r\n\r\n"],
)  # fmt: skip
async def test_what_is_not_http_is_refused(authority, fetcher, raw):
    async def babble(_, writer):
        writer.write(raw)

    async with serve(authority, babble) as origin:
        assert await refusal(fetcher, origin.url()) is FetchFault.UNREACHABLE


async def test_an_error_shows_neither_path_nor_query(authority, fetcher):
    async with serve(authority, reply(b"", "404 No")) as origin:
        with pytest.raises(FetchRefused) as refused:
            await fetcher.fetch(origin.url("/hidden?token=secret"), RULES)
        assert str(refused.value) == "gone origin.test"
