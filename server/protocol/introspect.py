"""RFC 7662 introspection by rule X10: alive through and through, shown to whom it concerns."""

from collections.abc import Mapping

from authz.decision import Denied
from server.delegation.standing import Standing, standing
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.refusal import ClientFault, Refused
from server.domain.registry import Client
from server.domain.tokens import TokenKind
from server.protocol.client_auth import ClientKeys, authenticate, tell
from server.protocol.grants.token_exchange import granted_details
from server.protocol.issue import detail_json
from server.protocol.parameters import Parameters
from server.protocol.presented import TokenReader
from server.protocol.scopes import scope_in_force
from server.signals.telemetry import Telemetry

INACTIVE: Mapping[str, object] = {"active": False}


class Introspection:
    """Tells a confidential caller about a token that concerns it."""

    def __init__(
        self, core: Core, reader: TokenReader, client_keys: ClientKeys, telemetry: Telemetry
    ) -> None:
        """Read presented tokens with `reader`."""
        self._core = core
        self._reader = reader
        self._client_keys = client_keys
        self._telemetry = telemetry

    async def answer(
        self, form: Parameters, authorization: str | None
    ) -> Mapping[str, object] | Refused:
        """Return the introspection answer, for a token that is alive and concerns the caller."""
        core = self._core
        await core.snapshot.refresh()
        caller = await authenticate(core, self._client_keys, self._telemetry, form, authorization)
        if isinstance(caller, Refused):
            return caller
        # RFC 7662 §2.1: the endpoint MUST require authorization; a public client proves nothing.
        if not caller.confidential:
            refused = Refused(
                error="invalid_client",
                reason="public_client",
                description="Client authentication failed.",
                status=401,
                client_fault=ClientFault.PUBLIC_CLIENT,
            )
            tell(self._telemetry, refused, caller)
            return refused
        token = form.get("token")
        if token is None:
            return Refused(
                error="invalid_request", reason="token_missing", description="Send a token."
            )
        if token.count(".") != 2:
            return await self._refresh_token(caller, token)
        presented = await self._reader.read(token)
        if isinstance(presented, Denied):
            return INACTIVE
        record = presented.record
        # X10: the audience's own server, the client it was issued to, or an admin-set right.
        own = record.client_id == caller.id
        resource = caller.resource_id is not None and record.audience == caller.resource_id
        if not (own or resource or caller.may_introspect) or record.kind is TokenKind.ID:
            return INACTIVE
        alive = await standing(core, record, core.clock.now())
        return INACTIVE if isinstance(alive, Denied) else await _describe(core, alive)

    async def _refresh_token(self, caller: Client, token: str) -> Mapping[str, object]:
        core, now = self._core, self._core.clock.now()
        hashed = hash_secret(token)
        found = await core.store.read(lambda tx: core.rows.refresh.get(tx, hashed))
        if found is None or found.used_at is not None:
            return INACTIVE
        family_id = found.family_id
        family = await core.store.read(lambda tx: core.rows.refresh.family(tx, family_id))
        if (
            family is None
            or family.granted.client_id != caller.id
            or family.revoked_at is not None
            or now >= family.expires_at
        ):
            return INACTIVE
        granted = family.granted
        answer: dict[str, object] = {
            "active": True,
            "iss": core.policy.issuer,
            "client_id": caller.id,
            "sub": granted.user_id,
            "scope": granted.scope,
            "exp": family.expires_at // 1000,
            "iat": found.created_at // 1000,
        }
        if granted.grant_id is not None:
            answer["grant_id"] = granted.grant_id
        return answer


async def _describe(core: Core, alive: Standing) -> Mapping[str, object]:
    record, scope = alive.record, await scope_in_force(core, alive)
    answer: dict[str, object] = {
        "active": True,
        "iss": core.policy.issuer,
        "sub": record.sub,
        "aud": record.audience,
        "client_id": record.client_id,
        # X9: what is in force now, not what was when it was minted.
        "scope": " ".join(sorted(scope)),
        "token_type": "Bearer",
        "iat": record.issued_at // 1000,
        "exp": record.expires_at // 1000,
        "jti": record.jti,
    }
    if record.kind is TokenKind.DELEGATED:
        answer["act"] = alive.act()
    if record.kind is TokenKind.HANDOVER:
        answer["may_act"] = {"sub": alive.path[-1].agent_id}
    if record.grant_id is not None:
        answer["grant_id"] = record.grant_id
        details = granted_details(alive.path[-1], record.audience, scope)
        if details:
            answer["authorization_details"] = [detail_json(d) for d in details]
    if record.sid is not None:
        answer["sid"] = record.sid
    return answer
