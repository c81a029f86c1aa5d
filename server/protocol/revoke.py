"""RFC 7009: a client gives a token back; what was minted from it dies with it (X9)."""

from authz.decision import Denied
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.refusal import Refused
from server.domain.registry import Client
from server.domain.unit import Unit
from server.protocol.client_auth import ClientKeys, authenticate
from server.protocol.parameters import Parameters
from server.protocol.presented import TokenReader
from server.signals.telemetry import Telemetry


class Revocation:
    """Revokes tokens of the client that asks."""

    def __init__(
        self, core: Core, reader: TokenReader, client_keys: ClientKeys, telemetry: Telemetry
    ) -> None:
        """Read presented tokens with `reader`."""
        self._core = core
        self._reader = reader
        self._client_keys = client_keys
        self._telemetry = telemetry

    async def answer(
        self, form: Parameters, authorization: str | None, request_id: str | None
    ) -> Refused | None:
        """Revoke, or do nothing for a token that is not the client's: both are 200 (§2.2)."""
        core = self._core
        await core.snapshot.refresh()
        client = await authenticate(core, self._client_keys, self._telemetry, form, authorization)
        if isinstance(client, Refused):
            return client
        token = form.get("token")
        if token is None:
            return Refused(
                error="invalid_request", reason="token_missing", description="Send a token."
            )
        if token.count(".") == 2:
            presented = await self._reader.read_unproven(token)
            # RFC 7009 §2.1: only the client that the token was issued to may revoke it.
            if not isinstance(presented, Denied) and presented.record.client_id == client.id:
                jti = presented.record.jti
                await core.store.write(lambda tx: self._token(tx, client, jti, request_id))
            return None
        hashed = hash_secret(token)
        await core.store.write(lambda tx: self._refresh(tx, client, hashed, request_id))
        return None

    def _token(self, tx: Unit, client: Client, jti: str, request_id: str | None) -> None:
        now = self._core.clock.now()
        killed = self._core.rows.tokens.revoke(tx, [jti], now)
        if killed:
            self._audit(tx, client, now, request_id, {"jti": jti, "revoked": str(len(killed))})

    def _refresh(self, tx: Unit, client: Client, hashed: str, request_id: str | None) -> None:
        rows, now = self._core.rows, self._core.clock.now()
        found = rows.refresh.get(tx, hashed)
        family = rows.refresh.family(tx, found.family_id) if found is not None else None
        if family is None or family.granted.client_id != client.id:
            return
        if rows.refresh.revoke_family(tx, family.id, now):
            killed = rows.tokens.revoke_family(tx, family.id, now)
            self._audit(
                tx, client, now, request_id, {"family": family.id, "revoked": str(len(killed))}
            )

    def _audit(
        self, tx: Unit, client: Client, now: int, request_id: str | None, detail: dict[str, str]
    ) -> None:
        self._core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.TOKEN_REVOKED,
                outcome=Outcome.DONE,
                at=now,
                agents=(client.agent_id,) if client.agent_id else (),
                client_id=client.id,
                request_id=request_id,
                detail=detail,
            ),
        )
