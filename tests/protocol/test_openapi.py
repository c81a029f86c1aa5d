"""The OpenAPI document says of every JSON and protocol route what the code does, and no more."""

import ast
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from starlette.routing import Mount, Route

from authz.decision import Advice, Reason
from authz.dpop import ProofFault
from server.app import create_app
from server.domain.registry import GrantType
from server.protocol.authorize import REPEATABLE
from server.web.front import make_front
from server.web.openapi import document
from server.web.openapi.reasons import ERRORS, EVERY
from server.web.routes import PEOPLE, consent
from tests.support.clock import FrozenClock
from tests.support.databases import SqliteDatabases
from tests.support.tree import ROOT
from tests.support.world import ISSUER, World, world

# Steps of a browser inside the two protocol endpoints that have pages.
STEPS = {("get", "/interaction/{interaction_id}"), ("post", "/logout/answer")}


@pytest.fixture(
    params=[
        (ISSUER, False, "off"),
        (f"{ISSUER}/t/acme", False, "off"),
        (f"{ISSUER}/t/acme", True, "off"),
        (ISSUER, False, "open"),
    ],
    ids=["root", "path", "graph", "registration"],
)
async def server(
    request: pytest.FixtureRequest, sqlite_databases: SqliteDatabases, clock: FrozenClock
) -> AsyncIterator[World]:
    issuer, graph, registration = request.param
    async with world(
        sqlite_databases, clock, issuer=issuer, authz_api=graph, client_registration=registration
    ) as made:
        yield made


def _document(server: World) -> Any:
    policy = server.core.policy
    return document(
        policy.issuer,
        graph=policy.authz_api,
        mcp=policy.mcp,
        registration=policy.client_registration != "off",
    )


def _methods(route: Route, prefix: str = "") -> set[tuple[str, str]]:
    return {
        (method.lower(), prefix + route.path) for method in route.methods or () if method != "HEAD"
    }


async def test_every_route_but_pages_is_described_and_nothing_else(server: World):
    base = server.server.settings.base_path
    services = server.server.services
    front = make_front(server.core, secret_key=services.secret_key)
    try:
        pages = [route for module in PEOPLE for route in module.routes(front)]
        pages += consent.routes(front, server.server.services.secret_key)
    finally:
        front.passwords.close()
    not_described = {pair for route in pages for pair in _methods(route)} | STEPS
    served: set[tuple[str, str]] = set()
    for route in create_app(server.server)._app.routes:  # type: ignore[attr-defined]
        if isinstance(route, Mount):
            assert route.path == base
            for inner in route.routes:
                assert isinstance(inner, Route)
                served |= {(m, base + p) for m, p in _methods(inner) - not_described}
        else:
            assert isinstance(route, Route)
            served |= _methods(route) - (set() if base else not_described)
    described = _document(server)["paths"]
    assert served == {(method, path) for path, item in described.items() for method in item}


async def test_it_is_served_as_it_stands(server: World):
    answer = await server.http.get(f"{server.core.policy.issuer}/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == _document(server)


def test_each_schema_is_one_and_each_reference_leads_somewhere():
    whole = document(ISSUER, graph=True, mcp=True, registration=True)
    checked = 0
    for node in _nodes(whole):
        if "$ref" in node:
            found: Any = whole
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        if "schema" in node:
            jsonschema_rs.meta.validate(node["schema"])
            checked += 1
    for schema in whole["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    assert checked > 50


def test_each_operation_has_a_name_of_its_own_and_an_answer_for_each_outcome():
    paths = document(ISSUER, graph=True, mcp=True, registration=True)["paths"].values()
    operations = [op for item in paths for op in item.values()]
    assert len({op["operationId"] for op in operations}) == len(operations)
    for op in operations:
        refused = "Always refused" in op["summary"]
        assert any(status < "400" for status in op["responses"]) is not refused


def test_every_value_of_the_closed_lists_is_there():
    whole = document(ISSUER)
    assert {reason.value for reason in Reason} <= set(EVERY)
    error = whole["components"]["schemas"]["Error"]["properties"]
    assert set(error["action"]["enum"]) == {advice.value for advice in Advice}
    context = whole["components"]["schemas"]["Decision"]["properties"]["context"]
    assert set(context["properties"]["reason"]["enum"]) == {reason.value for reason in Reason}
    forms = _form(whole, "/token")["oneOf"]
    named = {form["properties"]["grant_type"]["const"] for form in forms}
    assert named == {grant.value for grant in GrantType}


def test_every_reason_and_error_in_the_sources_is_in_the_closed_list_and_the_reverse():
    reasons, errors = _words_of_refusals()
    # Where the words are made of parts, or end in a redirect or on a page instead of in JSON.
    made = {f"actor_{reason.value}" for reason in Reason} | {reason.value for reason in Reason}
    made |= {
        f"{name}_token{end}"
        for name in ("subject", "actor")
        for end in ("_missing", "_type_unsupported")
    }
    made |= {f"{name}_too_long" for name in ("state", "nonce", "login_hint")}
    made |= {fault.value for fault in ProofFault}
    shown = {
        "form",
        "client_mismatch",
        "id_token_hint",
        "post_logout_redirect_uri",
        "denied",
        "client_asked",
    }
    assert reasons - shown - set(EVERY) == set()
    assert set(EVERY) - reasons - made - {"malformed", "unavailable", "invalid_client"} == set()
    pages = {
        "invalid_request_uri",
        "login_required",
        "consent_required",
        "unmet_authentication_requirements",
    }
    assert errors - pages - set(ERRORS) == set()
    assert set(ERRORS) - errors - {"temporarily_unavailable"} == set()


def test_every_parameter_that_is_read_is_described():
    whole = document(ISSUER)
    every = {p for form in _form(whole, "/token")["oneOf"] for p in form["properties"]}
    assert _read_in("grants/*.py", "token_endpoint.py", "client_auth.py") <= every
    pushed = set(_form(whole, "/par")["properties"])
    read = _read_in("authorize*.py", "par.py", "client_auth.py")
    read |= set(REPEATABLE)
    # What is only read to be refused (OIDC Core §6, RFC 9126 §2.1).
    assert read - {"request", "request_uri", "registration"} <= pushed
    asked = {p["name"] for p in whole["paths"]["/authorize"]["get"]["parameters"]}
    assert asked == set(_form(whole, "/authorize")["properties"])
    assert pushed - asked == {"client_secret", "client_assertion", "client_assertion_type"}
    asked = {p["name"] for p in whole["paths"]["/logout"]["get"]["parameters"]}
    assert asked == _read_in("end_session.py") == set(_form(whole, "/logout")["properties"])


def _form(whole: Any, path: str) -> Any:
    content = whole["paths"][path]["post"]["requestBody"]["content"]
    return content["application/x-www-form-urlencoded"]["schema"]


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from _nodes(each)


def _calls(*folders: str) -> Iterator[ast.Call]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    yield node


_MAKERS = {
    "invalid_request", "invalid_grant", "bad_assertion", "invalid_scope", "invalid_target", "unacceptable",
    "bad_token", "_ended", "_never_redirect", "_unauthorized", "_refused",
}  # fmt: skip


def _words_of_refusals() -> tuple[set[str], set[str]]:
    """Read the literal words out of every place where a refusal is made."""
    reasons: set[str] = set()
    errors: set[str] = set()
    for call in _calls("server/protocol", "server/web", "server/defence"):
        name = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
        if name in _MAKERS and call.args:
            reasons |= _texts(call.args[0])
        if name == "invalid_details" and call.args:
            reasons |= {f"authorization_details_{word}" for word in _texts(call.args[0])}
        if name == "Refused":
            words = {keyword.arg: keyword.value for keyword in call.keywords}
            reasons |= _texts(words["reason"])
            errors |= _texts(words["error"])
    for path in (ROOT / "server/domain/refusal.py",):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "error":
                errors |= _texts(node.value)
    # Names of objects and agents come in a loop.
    reasons |= {f"authorization_details_{name}" for name in ("objects", "agents")}
    return reasons, errors


def _texts(node: ast.expr) -> set[str]:
    if isinstance(node, ast.IfExp):
        return _texts(node.body) | _texts(node.orelse)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    return set()


def _read_in(*patterns: str) -> set[str]:
    """Return the names of parameters that files of server/protocol read from a request."""
    found: set[str] = set()
    for path in (p for pattern in patterns for p in Path(ROOT / "server/protocol").glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            of = ast.unparse(node.func.value)
            if node.func.attr in {"get", "every"} and of.split(".")[-1] in {"form", "sent"}:
                found |= _texts(node.args[0])
    return found
