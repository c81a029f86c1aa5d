"""oidc-provider as an oracle: the same bad requests, the same answers, or a reason why not."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import pytest

from tests.interop.scene import Scene
from tests.support.live import CALLBACK, Live
from tests.support.ports import free_port
from tests.support.world import CHALLENGE, VERIFIER

pytestmark = pytest.mark.node
SCRIPT = Path(__file__).parents[1] / "node" / "oracle.mjs"
CODE = {
    "grant_type": "authorization_code",
    "code": "x" * 43,
    "code_verifier": VERIFIER,
    "redirect_uri": CALLBACK,
}
ASK = {
    "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid", "state": "s",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip

FORMS: dict[str, tuple[str, dict[str, Any] | str]] = {
    "no grant": ("token", {}),
    "an unknown grant": ("token", {"grant_type": "x"}),
    "the password grant": ("token", {"grant_type": "password", "username": "a", "password": "b"}),
    "a grant twice": ("token", "grant_type=client_credentials&grant_type=client_credentials"),
    "no code": ("token", {"grant_type": "authorization_code"}),
    "an unknown code": ("token", CODE),
    "no verifier": ("token", {**CODE, "code_verifier": ""}),
    "no refresh token": ("token", {"grant_type": "refresh_token"}),
    "an unknown refresh token": ("token", {"grant_type": "refresh_token", "refresh_token": "x" * 43}),
    "an unknown scope": ("token", {"grant_type": "client_credentials", "scope": "nothing"}),
    "an unknown resource": ("token", {"grant_type": "client_credentials", "resource": "urn:x"}),
    "a resource with a fragment": ("token", {"grant_type": "client_credentials", "resource": "urn:x#y"}),
    "nothing to introspect": ("introspection", {}),
    "an unknown token to introspect": ("introspection", {"token": "x"}),
    "nothing to revoke": ("revocation", {}),
    "an unknown token to revoke": ("revocation", {"token": "x"}),
    "nothing pushed": ("pushed_authorization_request", {}),
    "an implicit request pushed": ("pushed_authorization_request", {**ASK, "response_type": "token"}),
    "no challenge pushed": ("pushed_authorization_request", {**ASK, "code_challenge": ""}),
    "a request_uri pushed": ("pushed_authorization_request", {**ASK, "request_uri": "urn:x"}),
    "JSON": ("token", '{"grant_type":"client_credentials"}'),
}  # fmt: skip
ASKED: dict[str, dict[str, str]] = {
    "no response type": {"response_type": ""},
    "an implicit response": {"response_type": "token"},
    "an unknown response type": {"response_type": "x"},
    "no challenge": {"code_challenge": ""},
    "a plain challenge": {"code_challenge_method": "plain"},
    "a short challenge": {"code_challenge": "x"},
    "an unknown client": {"client_id": "nobody"},
    "no client": {"client_id": ""},
    "a foreign redirect": {"redirect_uri": "https://evil.example/"},
    "no redirect": {"redirect_uri": ""},
    "an unknown prompt": {"prompt": "x"},
    "prompt none and login": {"prompt": "none login"},
    "a negative max_age": {"max_age": "-1"},
    "nobody signed in": {"prompt": "none"},
    "an unknown request_uri": {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
    "a request object": {"request": "e30.e30."},
    "an unknown response mode": {"response_mode": "x"},
    "an unknown resource": {"resource": "urn:x"},
    "a fragment response": {"response_mode": "fragment"},
}
CLIENTS: dict[str, tuple[str, str] | None] = {
    "a wrong secret": ("", "wrong"), "an unknown client": ("nobody", "x"), "no client": None,
}  # fmt: skip

NOBODY = (
    "401 invalid_client",
    "400 invalid_request",
    "RFC 6749 §5.2 names this case: invalid_client.",
)
# (ours, theirs, why ours differs); an answer is a status and an error code.
EXPLAINED: dict[str, tuple[str, str, str]] = {
    "token: an unknown scope": (
        "400 invalid_scope", "200", "RFC 6749 §5.2; they leave an unknown scope out."),
    "pushed_authorization_request: an implicit request pushed": (
        "400 unsupported_response_type", "400 invalid_request", "RFC 6749 §4.1.2.1 has a code for it."),
    "pushed_authorization_request: a request_uri pushed": (
        "400 invalid_request", "400 request_uri_not_supported", "RFC 9126 §2.1: must not be there."),
    "token: no client": NOBODY,
    "introspection: no client": NOBODY,
    "revocation: no client": NOBODY,
    "pushed_authorization_request: no client": NOBODY,
    "authorize: no redirect": (
        "400", "303", "OIDC Core §3.1.2.1: REQUIRED; they take the only registered one."),
    "authorize: an unknown request_uri": (
        "400", "redirect invalid_request_uri",
        "RFC 9126 §4: only what was pushed counts, so the redirect_uri beside it is not believed."),
    "authorize: an unknown response mode": (
        "redirect invalid_request", "redirect unsupported_response_mode",
        "RFC 6749 §4.1.2.1: the registry has no unsupported_response_mode."),
    "authorize: a fragment response": (
        "redirect invalid_request", "303", "Our metadata has query and form_post only."),
}  # fmt: skip


@dataclass(frozen=True)
class Server:
    at: dict[str, str]
    client: tuple[str, str]


def _server(issuer: str, client: tuple[str, str]) -> Server:
    with httpx2.Client(trust_env=False) as http:
        found = http.get(f"{issuer}/.well-known/openid-configuration").json()
    return Server({k.removesuffix("_endpoint"): v for k, v in found.items()}, client)


@pytest.fixture(scope="module")
def oracle(
    mandate: Live, node: Path, node_packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    scene: Scene = mandate.made
    port, client = free_port(), scene.agent.client.id
    given = {
        "port": port, "client_id": client, "client_secret": scene.agent.secret,
        "redirect_uri": CALLBACK, "resource": scene.resource,
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("oracle")
    (folder / "node_modules").symlink_to(node_packages / "node_modules")
    script = folder / SCRIPT.name
    script.write_text(SCRIPT.read_text())
    with subprocess.Popen(
        [node, script],
        env={**os.environ, "ORACLE": json.dumps(given)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as running:
        assert running.stdout
        try:
            assert any(line.strip() == "ready" for line in running.stdout)
            yield _server(f"http://127.0.0.1:{port}", (client, scene.agent.secret or ""))
        finally:
            running.terminate()


def _said(answer: httpx2.Response) -> str:
    """Return status and error code, wherever the answer carries it."""
    code = ""
    if answer.headers.get("content-type", "").startswith("application/json"):
        body = answer.json()
        code = str(body.get("error", "active" if body.get("active") else ""))
    location = answer.headers.get("location", "")
    if location.startswith(CALLBACK):
        parts = urlsplit(location)
        code = dict(parse_qsl(parts.query or parts.fragment)).get("error", "")
        return f"redirect {code}"
    return f"{answer.status_code} {code}".strip()


def _answers(server: Server) -> dict[str, str]:
    told: dict[str, str] = {}
    with httpx2.Client(trust_env=False) as http:
        form = {"content-type": "application/x-www-form-urlencoded"}
        for name, (where, sent) in FORMS.items():
            url = server.at[where]
            if isinstance(sent, dict):
                given = {k: v for k, v in sent.items() if v != ""}
                answer = http.post(url, data=given, auth=server.client, headers=form)
            else:
                kind = {"content-type": "application/json"} if sent.startswith("{") else form
                answer = http.post(url, content=sent, auth=server.client, headers=kind)
            told[f"{where}: {name}"] = _said(answer)
        for name, pair in CLIENTS.items():
            auth = httpx2.BasicAuth(pair[0] or server.client[0], pair[1]) if pair else httpx2.Auth()
            for where in ("token", "introspection", "revocation", "pushed_authorization_request"):
                answer = http.post(
                    server.at[where],
                    data={"grant_type": "client_credentials", "token": "x"}, auth=auth,
                )  # fmt: skip
                told[f"{where}: {name}"] = _said(answer)
        for name, changes in ASKED.items():
            asked = {"client_id": server.client[0], **ASK, **changes}
            answer = http.get(
                server.at["authorization"], params={k: v for k, v in asked.items() if v}
            )
            # prompt=none shows no page: the answer comes at the end of our own redirects.
            while changes.get("prompt") == "none" and answer.headers["location"].startswith("/"):
                answer = http.get(urljoin(server.at["authorization"], answer.headers["location"]))
            told[f"authorize: {name}"] = _said(answer)
    return told


def test_bad_requests_are_answered_as_oidc_provider_answers_them_or_for_a_reason(
    mandate: Live, scene: Scene, oracle: Server
):
    ours = _answers(_server(mandate.issuer, (scene.agent.client.id, scene.agent.secret or "")))
    theirs = _answers(oracle)
    differences = {
        name: (said, theirs[name]) for name, said in ours.items() if said != theirs[name]
    }
    assert differences == {name: why[:2] for name, why in EXPLAINED.items()}
