"""Strict forms: what two readers could understand differently is refused."""

import asyncio
from collections.abc import Iterable
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from server.web.forms import (
    PAGE_LIMITS,
    BadForm,
    Form,
    FormFault,
    FormLimits,
    parse_parameters,
    parse_query,
    read_form,
)

FORM = b"application/x-www-form-urlencoded"


class Body:
    """An ASGI request whose body arrives in chunks; counts what was read of it."""

    def __init__(self, chunks: Iterable[bytes], headers: list[tuple[bytes, bytes]]) -> None:
        self.chunks = list(chunks)
        self.read = 0
        scope = {"type": "http", "method": "POST", "headers": headers, "query_string": b""}
        self.request = Request(scope, self.receive)

    async def receive(self):
        self.read += 1
        chunk = self.chunks[self.read - 1]
        more = self.read < len(self.chunks)
        return {"type": "http.request", "body": chunk, "more_body": more}


async def posted(body: bytes, kind: bytes = FORM, **options) -> Form | BadForm:
    request = Body([body], [(b"content-type", kind)]).request
    return await read_form(request, **options)


def fault(result: Form | BadForm) -> FormFault:
    assert isinstance(result, BadForm), result
    assert result.error == "invalid_request"
    assert result.description.isascii()
    return result.fault


def form(result: Form | BadForm) -> Form:
    assert isinstance(result, Form), result
    return result


async def test_a_plain_form_is_read():
    result = form(await posted(b"a=1&b=two+words&c=%C3%A9&d=x%3Dy=z"))
    assert dict(result) == {"a": "1", "b": "two words", "c": "é", "d": "x=y=z"}
    assert result.every("a") == ()


@pytest.mark.parametrize(
    "kind",
    [
        b"application/x-www-form-urlencoded; charset=utf-8",
        b'Application/X-WWW-Form-Urlencoded;charset="UTF-8"',
        b"application/x-www-form-urlencoded ;",
    ],
)
async def test_utf_8_may_be_named(kind: bytes):
    assert form(await posted(b"a=1", kind))["a"] == "1"


@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"application/json",
        b"multipart/form-data; boundary=x",
        b"application/x-www-form-urlencoded; charset=utf-16",
        b"application/x-www-form-urlencoded; charset=iso-8859-1",
        b"application/x-www-form-urlencoded; charset=utf-8; charset=utf-7",
        b"application/x-www-form-urlencoded, application/json",
        b"application/x-www-form-urlencoded-not",
        b"text/plain",
    ],
)
async def test_any_other_content_type_is_refused(kind: bytes):
    result = await posted(b"a=1", kind)
    assert fault(result) is FormFault.CONTENT_TYPE
    assert isinstance(result, BadForm)
    assert result.status == 415


async def test_no_or_two_content_types_are_refused():
    assert fault(await read_form(Body([b"a=1"], []).request)) is FormFault.CONTENT_TYPE
    twice = [(b"content-type", FORM), (b"content-type", FORM)]
    assert fault(await read_form(Body([b"a=1"], twice).request)) is FormFault.CONTENT_TYPE


async def test_a_compressed_body_is_refused():
    headers = [(b"content-type", FORM), (b"content-encoding", b"gzip")]
    assert fault(await read_form(Body([b"a=1"], headers).request)) is FormFault.CONTENT_ENCODING


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"a=1&a=2", FormFault.DUPLICATE),
        (b"a=1&a=1", FormFault.DUPLICATE),
        (b"a=&a=1", FormFault.DUPLICATE),
        (b"a=1&%61=2", FormFault.DUPLICATE),
        (b"a=1&a", FormFault.DUPLICATE),
        (b"=1", FormFault.NAMELESS),
        (b"a=%", FormFault.NOT_ENCODED),
        (b"a=%4", FormFault.NOT_ENCODED),
        (b"a=%zz", FormFault.NOT_ENCODED),
        (b"a=\xc3\xa9", FormFault.NOT_ENCODED),
        (b"a=%FF", FormFault.NOT_UTF8),
        (b"a=%C0%80", FormFault.NOT_UTF8),
        (b"a=%ED%A0%80", FormFault.NOT_UTF8),
        (b"%FF=a", FormFault.NOT_UTF8),
        (b"a=%00", FormFault.CONTROL_CHARACTER),
        (b"a=x%0d%0aSet-Cookie:y", FormFault.CONTROL_CHARACTER),
        (b"a=x\ty", FormFault.CONTROL_CHARACTER),
        (b"a=%C2%85", FormFault.CONTROL_CHARACTER),
        (b"a%00=1", FormFault.CONTROL_CHARACTER),
        (b"a=" + b"x" * 40_000, FormFault.TOO_LONG),
        (b"a" * 200 + b"=1", FormFault.TOO_LONG),
        (b"&" * 100, FormFault.TOO_MANY),
        (b"&".join(b"p%d=1" % n for n in range(101)), FormFault.TOO_MANY),
    ],
)
async def test_a_hostile_body_is_refused_with_its_reason(body: bytes, expected: FormFault):
    assert fault(await posted(body)) is expected


async def test_an_empty_value_counts_as_omitted():
    assert dict(form(await posted(b"a=&b&c=1&"))) == {"c": "1"}
    assert dict(form(await posted(b""))) == {}


async def test_only_declared_names_may_repeat():
    body = b"scope=a&scope=b&scope=&x=1"
    assert fault(await posted(body)) is FormFault.DUPLICATE
    result = form(await posted(body, repeatable=("scope", "object")))
    assert result.every("scope") == ("a", "b")
    assert result.every("object") == ()
    assert "scope" not in result


async def test_a_body_that_is_declared_too_large_is_not_read():
    body = Body([b"a=1"], [(b"content-type", FORM), (b"content-length", b"65537")])
    assert fault(await read_form(body.request)) is FormFault.TOO_LARGE
    assert body.read == 0
    endless = Body([b"a=1"], [(b"content-type", FORM), (b"content-length", b"9" * 5000)])
    assert fault(await read_form(endless.request)) is FormFault.TOO_LARGE


async def test_a_body_that_grows_too_large_is_dropped_while_it_streams():
    body = Body([b"x" * 1024] * 10_000, [(b"content-type", FORM)])
    result = await read_form(body.request)
    assert fault(result) is FormFault.TOO_LARGE
    assert isinstance(result, BadForm)
    assert result.status == 413
    assert body.read == 65


async def test_a_page_may_carry_many_ticks_but_not_any_number():
    ticks = urlencode([("object", f"document:{n}") for n in range(2000)]).encode()
    result = form(await posted(ticks, repeatable=("object",), limits=PAGE_LIMITS))
    assert len(result.every("object")) == 2000
    assert fault(await posted(ticks, repeatable=("object",))) is FormFault.TOO_MANY


def test_a_query_follows_the_same_rules():
    def query(raw: bytes) -> Form | BadForm:
        return parse_query(Request({"type": "http", "headers": [], "query_string": raw}))

    assert form(query(b"response_type=code"))["response_type"] == "code"
    assert fault(query(b"a=1&a=1")) is FormFault.DUPLICATE
    assert fault(query(b"a=" + b"x" * 70_000)) is FormFault.TOO_LARGE


def test_a_form_is_frozen_and_never_shows_its_values():
    result = form(parse_parameters(b"password=hunter2hunter2"))
    assert "hunter2" not in repr(result)
    assert "hunter2" not in str(result)
    with pytest.raises(TypeError):
        result["password"] = "x"  # type: ignore[index]


@given(st.binary(max_size=400))
def test_no_bytes_make_the_parser_raise(raw: bytes):
    limits = FormLimits(body_bytes=400, parameters=10, name_chars=20, value_chars=50)
    result = parse_parameters(raw, limits=limits)
    if isinstance(result, Form):
        assert all(0 < len(value) <= 50 and "\0" not in value for value in result.values())
    body = Body([raw[:7], raw[7:]], [(b"content-type", FORM)])
    assert asyncio.run(read_form(body.request, limits=limits)) is not None


@given(st.dictionaries(st.text("ab_é😀&=+% ", min_size=1), st.text("xyz/é😀&=+%; ", min_size=1)))
def test_what_a_browser_encodes_comes_back_the_same(fields: dict[str, str]):
    assert dict(form(parse_parameters(urlencode(fields).encode(), limits=PAGE_LIMITS))) == fields
