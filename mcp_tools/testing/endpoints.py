"""The endpoints of the throw-away issuer: Mandate's wire contract, decided by a table."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from authz.decision import Reason, advice
from authz.dpop import InvalidProof, NonceWanted, verify_proof
from authz.jose import InvalidToken, split
from mcp_tools.client.token_endpoint import EXCHANGE
from mcp_tools.testing.approvals import ApprovalTable
from mcp_tools.testing.minting import Minter
from mcp_tools.testing.rules import RuleTable, node

_UNAVAILABLE = {"error": "temporarily_unavailable", "reason": "checker_unavailable"}


class Endpoints:
    """One issuer's endpoints. `asked` keeps every question, for assertions."""

    def __init__(self, minter: Minter, rules: RuleTable) -> None:
        self._minter = minter
        self._rules = rules
        self.approvals = ApprovalTable()
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.jwks_headers = {"cache-control": "max-age=300"}
        self.refusals: list[dict[str, str]] = []
        """Error bodies that the next token requests get, in order."""
        self.nonce: str | None = None
        """What proofs at the token endpoint have to hold (RFC 9449 §8), if anything."""

    def app(self) -> Starlette:
        """Build the ASGI application."""
        return Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self._metadata),
                Route("/jwks", self._jwks),
                Route("/token", self._token, methods=["POST"]),
                Route("/introspect", self._introspect, methods=["POST"]),
                Route("/access/v1/evaluation", self._evaluation, methods=["POST"]),
                Route("/access/v1/evaluations", self._evaluations, methods=["POST"]),
                Route("/access/v1/approvals/{approval_id}", self._approval),
                Route("/access/v1/relations", self._relations, methods=["POST"]),
            ]
        )

    async def _metadata(self, request: Request) -> Response:
        url = self._minter.issuer
        self.asked.append(("metadata", {}))
        return JSONResponse(
            {
                "issuer": url,
                "jwks_uri": f"{url}/jwks",
                "token_endpoint": f"{url}/token",
                "introspection_endpoint": f"{url}/introspect",
                "authorization_endpoint": f"{url}/authorize",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _jwks(self, request: Request) -> Response:
        self.asked.append(("jwks", {}))
        if self._rules.unavailable:
            return JSONResponse(_UNAVAILABLE, 503)
        return JSONResponse(self._minter.jwks(), headers=self.jwks_headers)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        self.asked.append(("token", form))
        if self._rules.unavailable:
            return JSONResponse({**_UNAVAILABLE, "action": "retry"}, 503)
        if self.refusals:
            return JSONResponse(self.refusals.pop(0), 400)
        if "authorization" not in request.headers and "client_assertion" not in form:
            return _refused("invalid_client", "client_unknown", "stop", 401)
        try:
            jkt = self._proven(request.headers.getlist("dpop"))
        except InvalidProof as error:
            return _refused("invalid_dpop_proof", error.fault.value, "stop")
        except NonceWanted:
            answer = _refused("use_dpop_nonce", "proof_nonce", "stop")
            answer.headers["dpop-nonce"] = str(self.nonce)
            return answer
        agent = f"agt_{_client(request, form)}"
        if form["grant_type"] == "client_credentials":
            return self._issued(
                jkt, sub=agent, audience=self._minter.issuer, client_id=_client(request, form)
            )
        if form["grant_type"] != EXCHANGE or "actor_token" not in form:
            return _refused("invalid_request", "actor_token_missing", "stop")
        return self._exchanged(form, agent, _client(request, form), jkt)

    def _proven(self, sent: list[str]) -> str | None:
        """Return the key of the proof of a token request, None if none was sent."""
        if not sent:
            return None
        proof = verify_proof(
            sent,
            method="POST",
            address=f"{self._minter.issuer}/token",
            now=self._minter.clock.now(),
            nonce_fits=None if self.nonce is None else lambda nonce: nonce == self.nonce,
        )
        return proof.jkt

    def _exchanged(
        self, form: Mapping[str, str], agent: str, client_id: str, jkt: str | None
    ) -> Response:
        try:
            subject = split(form["subject_token"]).unverified_payload()
            self._minter.read(form["subject_token"], str(subject.get("aud")))
            actor = self._minter.read(form["actor_token"], self._minter.issuer)
        except InvalidToken:
            return _refused("invalid_request", "token_invalid", "retry")
        grant_id = str(subject.get("grant_id") or f"dlg_{subject['sub']}_{agent}")
        if actor["sub"] != agent:
            return _refused("invalid_request", "token_invalid", "stop")
        if (reason := self._rules.why_ended(grant_id, agent, str(subject["sub"]))) is not None:
            return _refused("invalid_request", reason, _advice(reason))
        held, wanted = str(subject.get("scope", "")).split(), form.get("scope", "").split()
        missing = [scope for scope in wanted if scope not in held]
        if missing:
            return _refused("invalid_scope", "consent_scope", "consent")
        handover = "audience" in form
        return self._issued(
            None if handover else jkt,
            sub=str(subject["sub"]),
            agents=[agent, *(each for each in _agents(subject) if each != agent)],
            audience=form.get("resource") or form["audience"],
            client_id=client_id,
            scopes=wanted or held,
            grant_id=grant_id,
            claims={"may_act": {"sub": form["audience"].rpartition("/")[2]}} if handover else None,
        )

    def _issued(self, jkt: str | None, **claims: Any) -> Response:
        if jkt is not None:
            claims["claims"] = {**(claims.get("claims") or {}), "cnf": {"jkt": jkt}}
        body = {
            "access_token": self._minter.mint(**claims),
            "token_type": "Bearer" if jkt is None else "DPoP",
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "expires_in": 300,
            "scope": " ".join(claims.get("scopes", ())),
        }
        if claims.get("grant_id"):
            body["grant_id"] = claims["grant_id"]
        return JSONResponse(body, headers={"cache-control": "no-store"})

    async def _introspect(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        self.asked.append(("introspect", form))
        refused = self._not_asked(request)
        if refused is not None:
            return refused
        inactive = JSONResponse({"active": False})
        try:
            audience = str(split(form["token"]).unverified_payload()["aud"])
            claims = self._minter.read(form["token"], audience)
        except InvalidToken:
            return inactive
        names = (str(claims["sub"]), str(claims.get("grant_id")), str(claims.get("jti")))
        if self._rules.why_ended(*names, *_agents(claims)) is not None:
            return inactive
        return JSONResponse({"active": True, **claims})

    async def _evaluation(self, request: Request) -> Response:
        question = json.loads(await request.body())
        refused = self._not_asked(request)
        if refused is None:
            return JSONResponse(self._decide(question))
        self.asked.append(("evaluation", question))
        return refused

    async def _evaluations(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.asked.append(("evaluations", body))
        refused = self._not_asked(request)
        if refused is not None:
            return refused
        common = {"subject": body["subject"]}
        decided = [self._decide({**common, **each}) for each in body["evaluations"]]
        return JSONResponse({"evaluations": decided})

    def _not_asked(self, request: Request) -> Response | None:
        if "authorization" not in request.headers:
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse(_UNAVAILABLE, 503) if self._rules.unavailable else None

    def _decide(self, question: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(("evaluation", question))
        unverified = split(question["subject"]["id"]).unverified_payload()
        agents = _agents(unverified)
        sub, grant_id = str(unverified["sub"]), unverified.get("grant_id")
        names = (sub, str(grant_id), str(unverified.get("jti")), *agents)
        needed = question["action"]["name"].split()
        objects = question.get("resources") or [question.get("resource")]
        relation = question["action"]["properties"].get("relation")
        decided = [
            {**each, "decision": self._holds(sub, relation, each)} for each in objects if each
        ]
        context: dict[str, Any] = {
            "sub": sub,
            "client_id": unverified["client_id"],
            "act": agents,
            "grant_id": grant_id,
            "exp": unverified["exp"],
            "objects": decided,
            "evaluation_id": f"aud_{len(self.asked)}",
        }
        reason = self._rules.why_ended(*names)
        if reason is None and not set(needed) <= set(str(unverified.get("scope", "")).split()):
            reason = "insufficient_scope"
        if reason is None and not all(each["decision"] for each in decided):
            reason = "user_relation"
        wanted = question.get("context", {}).get("approval")
        if reason is None and wanted is not None:
            call = (grant_id, sub, *agents, unverified["client_id"], *needed, str(objects))
            reason, context["approval"] = self.approvals.decide(call, wanted, self._minter.issuer)
        if reason is not None:
            context |= {"reason": reason, "action": _advice(reason)}
        return {"decision": reason is None, "context": context}

    async def _approval(self, request: Request) -> Response:
        approval_id = request.path_params["approval_id"]
        self.asked.append(("approval", {"id": approval_id}))
        if self._rules.unavailable:
            return JSONResponse(_UNAVAILABLE, 503)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            self._minter.read(token, self._minter.issuer)
        except InvalidToken:
            return JSONResponse({"error": "invalid_token"}, 401)
        if approval_id not in self.approvals.status:
            return JSONResponse({"error": "not_found", "reason": "approval_unknown"}, 404)
        told = self.approvals.told(approval_id, self._minter.issuer)
        return JSONResponse({**told, "kind": "call"})

    def _holds(self, sub: str, relation: str | None, each: Mapping[str, str]) -> bool:
        return (node(sub), relation, f"{each['type']}:{each['id']}") in self._rules.tuples

    async def _relations(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.asked.append(("relations", body))
        if "authorization" not in request.headers:
            return JSONResponse({"error": "invalid_client"}, 401)
        if self._rules.unavailable:
            return JSONResponse(_UNAVAILABLE, 503)
        writes = {(each["user"], each["relation"], each["object"]) for each in body["writes"]}
        deletes = {(each["user"], each["relation"], each["object"]) for each in body["deletes"]}
        if "token" in body and not self._rules.sharing:
            unverified = split(body["token"]).unverified_payload()
            own = node(str(unverified["sub"]))
            shared = {user for user, _, _ in writes if user.startswith("user:")} - {own}
            if shared and "act" in unverified:
                return JSONResponse({"error": "sharing_not_consented"}, 403)
        self._rules.tuples -= deletes
        self._rules.tuples |= writes
        self._rules.labels |= body.get("labels", {})
        return JSONResponse({"revision": str(len(self.asked))})


def _client(request: Request, form: Mapping[str, str]) -> str:
    if "client_id" in form:
        return form["client_id"]
    encoded = request.headers["authorization"].partition(" ")[2]
    return b64decode(encoded).decode().partition(":")[0]


def _agents(claims: Mapping[str, Any]) -> list[str]:
    agents: list[str] = []
    actor = claims.get("act")
    while isinstance(actor, dict):
        agents.append(str(actor["sub"]))
        actor = actor.get("act")
    return agents


def _advice(reason: str) -> str:
    return advice(Reason(reason)).value


def _refused(error: str, reason: str, action: str, status: int = 400) -> Response:
    return JSONResponse({"error": error, "reason": reason, "action": action}, status)
