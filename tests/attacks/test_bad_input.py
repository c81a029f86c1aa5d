"""Hostile requests at every protocol endpoint: the standard's error, and nothing has changed."""

import base64
from typing import Any
from urllib.parse import urlencode

import httpx2

from tests.attacks.untouched import fault_of, state_of
from tests.requirements import requirement
from tests.support.stage import Stage
from tests.support.world import ACCESS, CHALLENGE, DOCS, EXCHANGE, ISSUER, Party

FORM = "application/x-www-form-urlencoded"
FORMS = ("/token", "/introspect", "/revoke", "/par")
JSONS = ("/access/v1/evaluation", "/access/v1/relations")


async def _send(
    stage: Stage, path: str, content: bytes, *headers: tuple[str, str]
) -> httpx2.Response:
    return await stage.world.http.post(path, content=content, headers=list(headers))


def _basic(party: Party) -> tuple[str, str]:
    return ("Authorization", party.basic["Authorization"])


BODIES: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "no content type": (b"token=x", []),
    "JSON": (b'{"token":"x"}', [("Content-Type", "application/json")]),
    "multipart": (b"--x\r\n\r\n--x--", [("Content-Type", "multipart/form-data; boundary=x")]),
    "two content types": (b"token=x", [("Content-Type", FORM), ("Content-Type", FORM)]),
    "another charset": (b"token=x", [("Content-Type", f"{FORM}; charset=utf-7")]),
    "compressed": (b"token=x", [("Content-Type", FORM), ("Content-Encoding", "gzip")]),
    **{
        name: (content, [("Content-Type", FORM)])
        for name, content in {
            "bytes that are no text": b"token=\xff\xfe",
            "bad UTF-8": b"token=%ff%fe",
            "overlong UTF-8": b"token=%c0%80",
            "a surrogate": b"token=%ed%a0%80",
            "a broken escape": b"token=%zz",
            "half an escape": b"token=%a",
            "NUL": b"token=a%00b",
            "a line break": b"token=a%0d%0ab",
            "a control character": b"token=%c2%85",
            "no name": b"=x",
            "a token twice": b"token=a&token=b",
            "twice, once empty": b"token=&token=b",
            "a client twice": b"client_id=a&client_id=b&token=x",
            "a secret twice": b"client_secret=a&client_secret=b&token=x",
            "a grant twice": b"grant_type=client_credentials&grant_type=client_credentials",
            "a giant body": b"token=" + b"x" * 70_000,
            "a giant value": b"token=" + b"x" * 33_000,
            "a giant name": b"x" * 200 + b"=1",
            "too many": b"&".join(b"p%d=1" % n for n in range(200)),
        }.items()
    },
}


@requirement("mandate:input:no-500", "rfc6749:3.2:no-duplicates")
async def test_a_form_that_two_readers_could_read_differently_is_refused(stage: Stage):
    before = await state_of(stage.world)
    faults = {}
    for path in FORMS:
        for name, (content, headers) in BODIES.items():
            for party in (stage.a, None):
                sent = [*headers, _basic(party)] if party else headers
                answer = await _send(stage, path, content, *sent)
                fault = fault_of(answer, "invalid_request")
                if fault:
                    faults[path, name, party is not None] = fault
    assert faults == {}
    assert await state_of(stage.world) == before


def _encoded(text: bytes | str) -> tuple[str, str]:
    raw = text if isinstance(text, bytes) else text.encode()
    return ("Authorization", "Basic " + base64.b64encode(raw).decode())


@requirement("rfc6749:2.3:one-method", "rfc6749:2.3.1:no-query", "rfc7662:2.3:bad-client-401")
async def test_a_client_that_does_not_prove_itself_is_told_the_same_whatever_was_wrong(
    stage: Stage,
):
    before = await state_of(stage.world)
    a = stage.a.client.id
    good = _basic(stage.a)
    wrong: dict[str, list[tuple[str, str]]] = {
        "nobody": [],
        "no credentials": [("Authorization", "Basic")],
        "blank credentials": [("Authorization", "Basic  ")],
        "no base64": [("Authorization", "Basic !!!")],
        "cut base64": [("Authorization", good[1][:-1] + "*")],
        "no colon": [_encoded(a)],
        "no UTF-8": [_encoded(b"\xff\xfe:\xff")],
        "NUL": [_encoded("a\0:b\0")],
        "an empty secret": [_encoded(f"{a}:")],
        "a wrong secret": [_encoded(f"{a}:wrong")],
        "an unknown client": [_encoded("cli_unknown:wrong")],
        "nothing at all": [_encoded(":")],
        "a giant header": [_encoded("x" * 200_000 + ":y")],
        "another scheme": [("Authorization", "Digest " + good[1][6:])],
        "a bearer token": [("Authorization", f"Bearer {stage.subject}")],
        "a hash for a secret": [_encoded(f"{a}:{stage.a.client.secret_hash}")],
        "the id in other letters": [_encoded(f"{a.upper()}:{stage.a.secret}")],
    }  # fmt: skip
    told: dict[str, set[str]] = {}
    faults = {}
    for path in (*FORMS, *JSONS):
        is_form = path in FORMS
        for name, headers in wrong.items():
            content = b"token=x&response_type=code" if is_form else b"{}"
            kind = ("Content-Type", FORM if is_form else "application/json")
            answer = await _send(stage, path, content, kind, *headers)
            fault = fault_of(answer, "401 invalid_client")
            if fault is None and headers and "WWW-Authenticate" not in answer.headers:
                fault = "no challenge"
            if fault:
                faults[path, name] = fault
            told.setdefault(path, set()).add(answer.text)
        secret = urlencode({"client_id": a, "client_secret": stage.a.secret or ""})
        answer = await _send(stage, f"{path}?{secret}", b"", ("Content-Type", FORM))
        if fault := fault_of(answer, "401 invalid_client"):
            faults[path, "in the query"] = fault
        answer = await _send(stage, path, b"token=x", ("Content-Type", FORM), good, good)
        if fault := fault_of(answer, "invalid_request"):
            faults[path, "two headers"] = fault
        if is_form:
            data = f"token=x&client_id={a}&client_secret={stage.a.secret}".encode()
            answer = await _send(stage, path, data, ("Content-Type", FORM), good)
            if fault := fault_of(answer, "invalid_request"):
                faults[path, "two methods"] = fault
            answer = await _send(
                stage, path, b"token=x&client_id=cli_b", ("Content-Type", FORM), good
            )
            if fault := fault_of(answer, "401 invalid_client"):
                faults[path, "two names"] = fault
    assert faults == {}
    # No hint at which clients there are.
    assert {path: len(texts) for path, texts in told.items()} == dict.fromkeys(told, 1)
    assert await state_of(stage.world) == before


def _token_cases(stage: Stage) -> list[tuple[dict[str, Any], str]]:
    exchange = {
        "grant_type": EXCHANGE,
        "subject_token": stage.subject,
        "subject_token_type": ACCESS,
    }
    exchange["resource"] = DOCS
    credentials = {"grant_type": "client_credentials"}
    code = {"grant_type": "authorization_code", "code": "c" * 43, "code_verifier": "v" * 43}
    return [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type[]": "client_credentials"}, "invalid_request"),
        ({"GRANT_TYPE": "client_credentials"}, "invalid_request"),
        ({"grant_type": "password", "username": "ada", "password": "x"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials "}, "unsupported_grant_type"),
        ({"grant_type": "Client_Credentials"}, "unsupported_grant_type"),
        ({"grant_type": '["client_credentials"]'}, "unsupported_grant_type"),
        ({"grant_type": "\N{FULLWIDTH LATIN SMALL LETTER C}lient_credentials"}, "unsupported_grant_type"),
        ({"grant_type": EXCHANGE.upper()}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        (code, "invalid_grant"),
        (code | {"code": "x" * 30_000}, "invalid_grant"),
        (code | {"code": "' OR 1=1 --"}, "invalid_grant"),
        (code | {"code": "\N{SNOWMAN}"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": stage.subject}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 43}, "invalid_grant"),
        (credentials | {"scope": "docs:read  docs:write"}, "invalid_scope"),
        (credentials | {"scope": " docs:read"}, "invalid_scope"),
        (credentials | {"scope": 'docs:"read"'}, "invalid_scope"),
        (credentials | {"scope": "docs:r\N{LATIN SMALL LETTER E WITH ACUTE}ad"}, "invalid_scope"),
        (credentials | {"scope": " ".join(f"s{n}" for n in range(500))}, "invalid_scope"),
        (credentials | {"resource": DOCS, "scope": "docs:root"}, "invalid_scope"),
        (credentials | {"resource": [DOCS, DOCS]}, "invalid_target"),
        (credentials | {"resource": f"{DOCS}#x"}, "invalid_target"),
        (credentials | {"resource": f"{DOCS}/"}, "invalid_target"),
        (credentials | {"resource": "docs"}, "invalid_target"),
        (credentials | {"resource": "javascript:alert(1)"}, "invalid_target"),
        ({"grant_type": EXCHANGE}, "invalid_request"),
        (exchange | {"subject_token": ""}, "invalid_request"),
        (exchange | {"subject_token_type": "jwt"}, "invalid_request"),
        (exchange | {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        (exchange | {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        (exchange | {"actor_token": "x"}, "invalid_request"),
        (exchange | {"actor_token_type": ACCESS}, "invalid_request"),
        (exchange | {"resource": [DOCS, "https://notes.example/mcp"]}, "invalid_target"),
        (exchange | {"audience": "https://other.example"}, "invalid_target"),
        (exchange | {"scope": "docs:read\tdocs:write"}, "invalid_request"),
        (exchange | {"grant_id": "dlg_' OR 1=1"}, "invalid_request"),
        (exchange | {"act": '{"sub":"agt_x"}', "may_act": "x", "sub": "usr_x"}, "invalid_request"),
    ]  # fmt: skip


@requirement("mandate:input:no-500", "rfc6749:5.2:unsupported-grant")
async def test_wrong_values_at_the_token_endpoint_get_the_standards_error(stage: Stage):
    before = await state_of(stage.world)
    faults = {}
    for data, error in _token_cases(stage):
        answer = await stage.world.post("/token", data, by=stage.a)
        if fault := fault_of(answer, error):
            faults[str(data)] = fault
    assert faults == {}
    assert await state_of(stage.world) == before


async def test_wrong_values_pushed_get_the_standards_error(stage: Stage):
    before = await state_of(stage.world)
    good: dict[str, Any] = {
        "response_type": "code", "redirect_uri": "https://app.example/cb", "scope": "docs:read",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    cases: list[tuple[dict[str, Any], str]] = [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"redirect_uri": "https://app.example/cb/"}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "9" * 400}, "invalid_request"),
        ({"max_age": "\N{SUPERSCRIPT TWO}"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "NONE"}, "invalid_request"),
        ({"state": "x" * 3000}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/r"}, "invalid_request"),
        ({"scope": "docs:read  x"}, "invalid_scope"),
        ({"resource": "https://unknown.example"}, "invalid_target"),
        ({"resource": [f"https://r{n}.example" for n in range(30)]}, "invalid_request"),
        *(
            ({"authorization_details": text}, "invalid_authorization_details")
            for text in (
                "x", "{}", "[]", "[1]", "null", '"x"', "[[[]]]", '[{"type":"x"}]', "[" * 500 + "]" * 500,
                '[{"type":"mandate","type":"mandate"}]', '[{"type":"mandate","resource":1,"scopes":["a"]}]',
                '[{"type":"mandate","resource":"' + DOCS + '","scopes":"docs:read"}]',
                '[{"type":"mandate","resource":"' + DOCS + '","scopes":["docs:read"],"objects":[]}]',
                '[{"type":"mandate","resource":"' + DOCS + '","scopes":["docs:read"],"objects":["user:x"]}]',
                '[{"type":"mandate","resource":"' + DOCS + '","scopes":["docs:read"],"max_depth":true}]',
                '[{"type":"mandate","resource":"\\ud800","scopes":["a"]}]', '[1],"b":[2]', "x" * 20_000,
            )
        ),
    ]  # fmt: skip
    faults = {}
    for changes, error in cases:
        answer = await stage.world.post("/par", {**good, **changes}, by=stage.a)
        if fault := fault_of(answer, error):
            faults[str(changes)[:80]] = fault
    assert faults == {}
    assert await state_of(stage.world) == before
    assert (await stage.world.post("/par", good, by=stage.a)).status_code == 201


@requirement("rfc6749:3.2:post-only")
async def test_another_method_or_another_spelling_of_a_path_is_no_endpoint(stage: Stage):
    before = await state_of(stage.world)
    http = stage.world.http
    data = urlencode({"grant_type": "client_credentials"}).encode()
    headers = {"Content-Type": FORM, **stage.a.basic}
    for path in (*FORMS, *JSONS):
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
            answer = await http.request(method, path, content=data, headers=headers)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), (method, path)
        for other in (f"{path}/", f"{ISSUER}/{path}", f"{path}%2f", f"{path}%00", f"{path};x=1", f"/x/..%2f{path[1:]}",
                      path.upper(), f"/%2e{path}", f"/x/%2e%2e{path}", f"{path}.json", f"{path}%20", f"{path}%ff"):  # fmt: skip
            answer = await http.post(other, content=data, headers=headers)
            assert answer.status_code == 404, (other, answer.status_code, answer.headers)
    assert (await http.post("/token", content=data, headers=headers)).status_code == 200
    after = await state_of(stage.world)
    assert after == {**before, "token ": before["token "] + 1}


async def test_bearer_endpoints_take_one_token_from_one_header(stage: Stage):
    before = await state_of(stage.world)
    http, token = stage.world.http, stage.subject
    wrong: list[list[tuple[str, str]]] = [
        [], [("Authorization", "Bearer")], [("Authorization", "Bearer ")], [("Authorization", token)],
        [("Authorization", "Basic eDp5")], [("Authorization", "Bearer x")],
        [("Authorization", f"Bearer {token}")], [("Authorization", f"Bearer {token} {token}")],
        [("Authorization", "Bearer " + "x" * 100_000)], [("Authorization", "Bearer \xff\xfe")],
        [("Cookie", f"access_token={token}; mandate_session=x")],
    ]  # fmt: skip
    for path in ("/userinfo", "/grants/dlg_x", "/grants/%ff", f"/grants/{'x' * 5000}",
                 f"/userinfo?access_token={token}"):  # fmt: skip
        for headers in wrong:
            answer = await http.get(
                path, headers=[(n.encode(), v.encode("latin-1")) for n, v in headers]
            )
            assert fault_of(answer, "401 invalid_token") is None, (path, headers, answer.text)
            assert answer.headers["www-authenticate"].startswith("Bearer")
        good = ("Authorization", f"Bearer {await stage.world.actor_token(stage.a)}")
        before["token "] += 1
        answer = await http.get(path, headers=[good, good])
        assert fault_of(answer, "invalid_request") is None, answer.text
        if path.startswith("/grants/"):
            answer = await http.get(path, headers=[good])
            assert fault_of(answer, "404 not_found") is None, answer.text
    assert (await http.get("/grants/%00")).status_code == 404
    answer = await http.post("/userinfo", data={"access_token": token})
    assert fault_of(answer, "401 invalid_token") is None, answer.text
    assert await state_of(stage.world) == before


@requirement("rfc6749:3.1.2.4:no-redirect", "rfc9700:2.1:no-open-redirect")
async def test_an_authorization_request_that_cannot_be_read_is_a_page_and_never_a_redirect(
    stage: Stage,
):
    before = await state_of(stage.world)
    http, client = stage.world.http, stage.a.client.id
    for raw in (b"", b"client_id=", b"client_id=x", b"client_id=%ff", b"client_id=%00", b"client_id=a&client_id=b",
                b"client_id=%s&redirect_uri=https://evil.example", b"client_id=%s&redirect_uri=//evil.example",
                b"client_id=%s&redirect_uri=https://app.example/cb%%0d%%0aX:y", b"=1", b"client_id=%s&state=a&state=b",
                b"client_id=" + b"x" * 40_000):  # fmt: skip
        query = raw.replace(b"%s", client.encode()).replace(b"%%", b"%")
        for cookie in (
            "",
            "mandate_browser=x; mandate_browser=y",
            "mandate_session=" + "x" * 9000,
            "\xff=\xfe;;=;",
        ):
            sent = [(b"Cookie", cookie.encode("latin-1"))] if cookie else []
            answers = [
                await http.get(f"{ISSUER}/authorize?{query.decode()}", headers=sent),
                await http.post(
                    "/authorize", content=query, headers=[*sent, (b"Content-Type", FORM.encode())]
                ),
            ]
            for answer in answers:
                assert answer.status_code in {400, 413}, (query[:60], answer.status_code)
                assert answer.headers["content-type"].startswith("text/html")
                assert "location" not in answer.headers
                assert "evil" not in answer.text
    assert await state_of(stage.world) == before
