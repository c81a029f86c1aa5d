"""RFC 6749 §6 by rule X13: public clients rotate, a lost answer is repeated, reuse is theft."""

import base64
import hashlib
import hmac
from dataclasses import replace

from authz.decision import Reason
from authz.dpop import ProofFault
from authz.tx import Tx
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.refusal import Refused, invalid_grant, invalid_request
from server.domain.registry import Client, GrantType
from server.domain.tokens import RefreshFamily, RefreshToken
from server.domain.unit import Unit
from server.protocol.dpop import refused_proof
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.grants.granted import yield_of
from server.protocol.minting import Authorization
from server.protocol.scopes import parse_scope

_NO_GOOD = "The refresh token is not valid."


def successor(secret_key: bytes, token_hash: str, generation: int) -> str:
    """Derive the next refresh token: the same one for everyone who races for it (X13)."""
    message = b"refresh\0%s\0%d" % (token_hash.encode(), generation)
    digest = hmac.digest(secret_key, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def rotates(client: Client) -> bool:
    """Tell whether a client's refresh tokens are used once."""
    return not client.confidential or client.rotate_refresh


class RefreshTokenGrant:
    """Refresh what a user granted, as far as it is still in force."""

    grant_type = GrantType.REFRESH_TOKEN

    async def authorize(
        self, context: GrantContext, request: TokenRequest
    ) -> Authorization | Refused:
        """Check token, family and everything that the grant rests on."""
        core, form = context.core, request.form
        presented = form.get("refresh_token")
        if presented is None:
            return invalid_request("refresh_token_missing", "Send the refresh_token.")
        found = await core.store.read(lambda tx: _find(core, tx, hash_secret(presented)))
        if found is None or found[1].granted.client_id != request.client.id:
            return invalid_grant("refresh_unknown", _NO_GOOD)
        token, family = found
        request.concerns.user_id = family.granted.user_id
        request.concerns.grant_id = family.granted.grant_id
        if family.revoked_at is not None:
            return invalid_grant("refresh_revoked", _NO_GOOD)
        if request.now >= family.expires_at:
            return invalid_grant("refresh_expired", _NO_GOOD)
        unproven = _unproven(request, family)
        if unproven is not None:
            return unproven
        wanted = parse_scope(form.get("scope"))
        if isinstance(wanted, Refused):
            return wanted
        yields = await yield_of(core, request, family.granted, wanted, issued_at=token.created_at)
        if isinstance(yields, Refused):
            return yields
        granted = family.granted
        rotating = rotates(request.client)
        following = successor(context.secret_key, token.hash, token.generation + 1)

        def consume(tx: Unit) -> Refused | None:
            # A family revoked since it was read must not yield (the code may have come twice).
            refresh = core.rows.refresh
            living = refresh.hold_family if rotating else refresh.keep_family
            if not living(tx, family.id):
                return invalid_grant("refresh_revoked", _NO_GOOD)
            if not rotating:
                return None
            if not _bound(core, tx, request, family):
                return invalid_grant("proof_key", _NO_GOOD)
            return _rotate(core, tx, request, token, family, following)

        return Authorization(
            kind=yields.kind,
            client=request.client,
            sub=granted.user_id,
            audience=yields.audience,
            scope=yields.scope,
            ttl=yields.ttl,
            not_after=min(yields.not_after or family.expires_at, family.expires_at),
            grant_id=granted.grant_id,
            chain=yields.chain,
            details=yields.details,
            sid=granted.sid if not granted.offline else None,
            auth_time=granted.auth_time,
            acr=granted.acr,
            family_id=family.id,
            alg=yields.alg,
            id_token=yields.id_token,
            refresh_token=following if rotating else None,
            depends=yields.depends,
            consume=consume,
            audit=AuditRecord(
                tag=AuditTag.REFRESH_TOKEN,
                outcome=Outcome.DONE,
                at=request.now,
                user_id=granted.user_id,
                agents=yields.chain,
                client_id=request.client.id,
                grant_id=granted.grant_id,
                resource=yields.audience,
                request_id=request.request_id,
                detail={"generation": str(token.generation)},
            ),
        )


def _find(core: Core, tx: Tx, token_hash: str) -> tuple[RefreshToken, RefreshFamily] | None:
    token = core.rows.refresh.get(tx, token_hash)
    family = core.rows.refresh.family(tx, token.family_id) if token else None
    return (token, family) if token is not None and family is not None else None


def _unproven(request: TokenRequest, family: RefreshFamily) -> Refused | None:
    """What began with a proof does not go on without: else who keeps proofs away downgrades it."""
    if family.jkt is not None and request.proof is None:
        return replace(refused_proof(ProofFault.MISSING), reason=Reason.PROOF_REQUIRED.value)
    return None


def _bound(core: Core, tx: Unit, request: TokenRequest, family: RefreshFamily) -> bool:
    """Bind a public client's refresh tokens to the key of its first proof; false for another key.

    RFC 9449 §5: a confidential client may change its key, since it authenticates.
    """
    if request.proof is None or request.client.confidential:
        return True
    return core.rows.refresh.bind_family(tx, family.id, request.proof.jkt)


def _rotate(
    core: Core,
    tx: Unit,
    request: TokenRequest,
    token: RefreshToken,
    family: RefreshFamily,
    following: str,
) -> Refused | None:
    now = request.now
    if not core.rows.refresh.consume(tx, token.hash, now):
        used = core.rows.refresh.get(tx, token.hash)
        overlap = core.policy.refresh_overlap * 1000
        if used is None or used.used_at is None or now - used.used_at > overlap:
            return _reused(core, tx, request, family)
    core.rows.refresh.add(
        tx,
        RefreshToken(
            hash=hash_secret(following),
            family_id=family.id,
            generation=token.generation + 1,
            created_at=now,
        ),
    )
    return None


def _reused(core: Core, tx: Unit, request: TokenRequest, family: RefreshFamily) -> Refused:
    """OAuth 2.1 §4.3.1: a used token that comes back late is theft; end the family."""
    now = request.now
    core.rows.refresh.revoke_family(tx, family.id, now)
    killed = core.rows.tokens.revoke_family(tx, family.id, now)
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.REFRESH_REPLAYED,
            outcome=Outcome.REFUSED,
            reason="refresh_reused",
            at=now,
            user_id=family.granted.user_id,
            client_id=request.client.id,
            grant_id=family.granted.grant_id,
            request_id=request.request_id,
            detail={"revoked": str(len(killed))},
        ),
    )
    return invalid_grant("refresh_reused", _NO_GOOD)
