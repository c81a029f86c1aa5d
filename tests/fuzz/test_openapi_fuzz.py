"""What schemathesis makes up from the OpenAPI document never breaks the server or the document."""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi import checks

from server.web.openapi import document
from tests.requirements import requirement
from tests.support.live import CALLBACK, Live, live
from tests.support.stage import Stage, set_stage
from tests.support.world import ACCESS, CHALLENGE, DOCS, VERIFIER, World

GATE = 20
NIGHTLY = int(os.environ.get("MANDATE_FUZZ", "20000")) // 10
"""Of each operation and caller; each is a request over the wire, not a call in this process."""
NOWHERE = "http://127.0.0.1:9000"

SCHEMA = schemathesis.openapi.from_dict(
    document(NOWHERE, registration=True, mcp=True),
    config=schemathesis.Config.from_dict(
        # Who asks is the test's choice, not the generator's.
        {"generation": {"with-security-parameters": False, "database": "none"}}
    ),
)
CALLERS = ("nobody", "somebody")
"""Without credentials; with those that the operation is for."""


@dataclass(frozen=True)
class Callers:
    headers: dict[str, dict[str, str]]
    """Of who may call the operations whose path begins so."""
    known: dict[str, Any]

    def of(self, path: str) -> dict[str, str]:
        return next((h for begin, h in self.headers.items() if path.startswith(begin)), {})


async def _register(w: World) -> Callers:
    stage: Stage = await set_stage(w)
    plain = await w.client("plain", redirect_uris=(CALLBACK,))
    session = await w.session(stage.ada)
    answer = await w.redeem(
        plain, await w.code(plain, stage.ada, scope="openid email", session=session)
    )
    user = answer.json()
    actor = await w.actor_token(stage.a)
    delegated = (await w.exchange(stage.a, stage.subject, resource=DOCS)).json()["access_token"]
    own = (await w.http.post("/register", json={"redirect_uris": ["https://app.example"]})).json()
    return Callers(
        headers={
            "/register/": {"Authorization": f"Bearer {own['registration_access_token']}"},
            "/access/": stage.docs.basic,
            "/introspect": stage.docs.basic,
            "/userinfo": {"Authorization": f"Bearer {user['access_token']}"},
            "/grants/": {"Authorization": f"Bearer {actor}"},
            "/token": stage.a.basic,
            "/revoke": plain.basic,
            "/par": plain.basic,
        },
        known={
            "client_id": plain.client.id, "redirect_uri": CALLBACK, "scope": "docs:read",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
            "response_type": "code", "subject_token": stage.subject, "subject_token_type": ACCESS,
            "actor_token": actor, "actor_token_type": ACCESS, "resource": [DOCS],
            "refresh_token": user["refresh_token"], "token": delegated, "code_verifier": VERIFIER,
            "id_token_hint": user["id_token"], "id": delegated, "grant_id": stage.grant.id,
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("fuzz")
    settings = {
        "MANDATE_ACCESS_TOKEN_TTL": "900", "MANDATE_CLIENT_REGISTRATION": "open",
        "MANDATE_REGISTERED_PER_SOURCE": "30",
    }  # fmt: skip
    with live(folder, _register, settings=settings) as running:
        yield running


def no_trace_of_the_inside(ctx: Any, response: Any, case: Any) -> None:
    """Fail on a stack trace, a path of ours or the text of a database in an answer."""
    inside = (b"Traceback", b'File "', b"site-packages", b"sqlite3", b"psycopg", b"sqlalchemy")
    found = [word for word in inside if word in response.content]
    if found:
        raise Failure(operation=case.operation.label, title="inside shown", message=str(found))


CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
    no_trace_of_the_inside,
]
STRICT = [checks.negative_data_rejection]
BOUNDED = settings(
    max_examples=GATE,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
# What is not made up at random, the gate has asked.
LONG = settings(
    BOUNDED, max_examples=NIGHTLY, derandomize=False, phases=(Phase.generate, Phase.shrink)
)


def _ask(case: Any, server: Live, caller: str) -> None:
    callers: Callers = server.made
    headers: dict[str, str] = {}
    if caller == "somebody":
        headers = callers.of(case.path)
        _lead_further_in(case, callers)
    case.call_and_validate(
        base_url=server.issuer,
        headers=headers,
        # A form carries text alone and its unknown parameters are ignored; JSON has types.
        checks=[*CHECKS, *STRICT] if case.path.startswith("/access/") else CHECKS,
        allow_redirects=False,
    )


def _lead_further_in(case: Any, callers: Callers) -> None:
    """Make every second value of a parameter that we know one that passes the first checks."""
    for values in (case.body, case.query, case.path_parameters):
        if not isinstance(values, dict):
            continue
        for name in values.keys() & callers.known.keys():
            if zlib.crc32(repr(values[name]).encode()) % 2:
                values[name] = callers.known[name]


@requirement("mandate:input:no-500")
@pytest.mark.parametrize("caller", CALLERS)
@SCHEMA.parametrize()
@BOUNDED
def test_no_request_of_the_gate_breaks_anything(case: Any, server: Live, caller: str) -> None:
    _ask(case, server, caller)


@pytest.mark.nightly
@pytest.mark.parametrize("caller", CALLERS)
@SCHEMA.parametrize()
@LONG
def test_no_request_of_the_night_breaks_anything(case: Any, server: Live, caller: str) -> None:
    _ask(case, server, caller)
