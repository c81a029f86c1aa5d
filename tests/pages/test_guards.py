"""Cookies, CSRF, redirect origins and static files."""

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from server.web.cookies import cookies_for
from server.web.csrf import Csrf, CsrfFault
from server.web.origin import form_target, site_of
from server.web.static_files import StaticFiles

HTTPS = "https://id.example.org"
LOOPBACK = "http://127.0.0.1:9000/t/acme"
KEY = b"k" * 32


def with_cookies(*headers: str) -> Request:
    raw = [(b"cookie", header.encode()) for header in headers]
    return Request({"type": "http", "headers": raw})


def test_an_https_issuer_gets_host_cookies():
    response = Response()
    cookies_for(HTTPS).write(response, "session", "abc", max_age=60)
    assert response.headers["set-cookie"] == (
        "__Host-mandate_session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    )


def test_a_loopback_issuer_gets_the_same_name_without_the_prefix():
    response = Response()
    cookies_for("http://localhost:9000").write(response, "session", "abc")
    assert response.headers["set-cookie"] == ("mandate_session=abc; Path=/; HttpOnly; SameSite=Lax")


def test_issuers_under_different_paths_of_one_host_use_different_cookies():
    names = {cookies_for(f"{HTTPS}{path}").name("session") for path in ("", "/t/a", "/t/b", "/")}
    assert len(names) == 3


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example.org",
        "http://127.0.0.1.example.org",
        "http://10.0.0.1",
        "ftp://localhost",
        "https://user@id.example.org",
        "https://id.example.org?x",
        "https://",
        "id.example.org",
    ],
)
def test_an_unsafe_issuer_is_refused(issuer: str):
    with pytest.raises(ValueError, match="issuer"):
        cookies_for(issuer)


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        (["__Host-mandate_session=abc"], "abc"),
        (["a=b; __Host-mandate_session=abc ; c=d"], "abc"),
        (["__Host-mandate_session=abc; __Host-mandate_session=planted"], None),
        (["__Host-mandate_session=abc", "__Host-mandate_session=abc"], None),
        (["__host-mandate_session=abc"], None),
        (["mandate_session=abc"], None),
        (["__Host-mandate_session=a,b"], None),
        (['__Host-mandate_session="abc"'], None),
        (["__Host-mandate_session="], None),
        (["__Host-mandate_session"], None),
        (["__Host-mandate_session=" + "x" * 600], None),
        ([], None),
    ],
)
def test_a_cookie_is_believed_only_if_it_came_once_and_clean(headers: list[str], value: str | None):
    assert cookies_for(HTTPS).read(with_cookies(*headers), "session") == value


def test_a_cookie_is_cleared_with_the_attributes_it_was_set_with():
    response = Response()
    cookies_for(HTTPS).clear(response, "session")
    assert response.headers["set-cookie"] == (
        "__Host-mandate_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
    )
    with pytest.raises(ValueError, match="URL-safe"):
        cookies_for(HTTPS).write(response, "session", "a; Domain=example.org")


def check(headers: dict[str, str], token: str | None = None, binding: str = "cookie"):
    csrf = Csrf(key=KEY, issuer=LOOPBACK)
    return csrf.check(
        Headers(headers), binding=binding, token=csrf.token("cookie") if token is None else token
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:9000"},
        {"origin": "http://127.0.0.1:9000", "sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_a_post_of_our_own_page_passes(headers: dict[str, str]):
    assert check(headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:9001"},
        {"origin": "http://127.0.0.1:9000.evil.example"},
        {"origin": "http://127.0.0.1:9000", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": ""},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
def test_a_post_from_elsewhere_is_refused_even_with_the_right_token(headers: dict[str, str]):
    assert check(headers) is CsrfFault.CROSS_SITE


def test_the_token_is_bound_to_the_session_and_the_key():
    own = Csrf(key=KEY, issuer=LOOPBACK).token("cookie")
    other_key = Csrf(key=b"o" * 32, issuer=LOOPBACK).token("cookie")
    assert check({}, token="") is CsrfFault.TOKEN_MISSING
    assert check({}, token=other_key) is CsrfFault.TOKEN_WRONG
    assert check({}, token=own, binding="another") is CsrfFault.TOKEN_WRONG
    assert check({}, token=own + "é") is CsrfFault.TOKEN_WRONG
    with pytest.raises(ValueError, match="32 bytes"):
        Csrf(key=b"short", issuer=LOOPBACK)


@pytest.mark.parametrize(
    ("redirect_uri", "source"),
    [
        ("https://chat.acme.example/cb?x=1", "https://chat.acme.example"),
        ("https://Chat.Acme.example:443/cb", "https://chat.acme.example"),
        ("https://chat.acme.example:8443/cb", "https://chat.acme.example:8443"),
        ("http://127.0.0.1:53112/cb", "http://127.0.0.1:53112"),
        ("http://[::1]:53112/cb", "http:"),
        ("com.acme.app:/cb", "com.acme.app:"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("https://a;script-src *", None),
        ("https://a.example, *", None),
        ("https:///cb", None),
        ("https://a.example:99999/", None),
        ("https://[broken/", None),
        ("/relative", None),
        ("", None),
    ],
)
def test_only_a_clean_origin_becomes_a_form_target(redirect_uri: str, source: str | None):
    assert form_target(redirect_uri) == source


def test_the_site_is_the_issuer_taken_apart():
    site = site_of("https://id.example.org:443/t/acme/")
    assert (site.origin, site.path, site.secure) == ("https://id.example.org", "/t/acme", True)
    assert site_of("http://[::1]:9000").origin == "http://[::1]:9000"


def test_a_static_file_is_served_under_its_hash_only():
    files = StaticFiles(base_path="/t/acme")
    url = files.url("style.css")
    assert url.startswith("/t/acme/static/style.")
    answer = files.answer(url.rsplit("/", 1)[1])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("style.css", "style.0000000000000000.css", "../views/frame.py", "", "%2e%2e"):
        assert files.answer(name).status_code == 404
