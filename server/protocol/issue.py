"""The only code that mints (DESIGN 3.2): signs against the snapshot, then submits one unit."""

from collections.abc import Mapping
from typing import Protocol

from authz.dpop import Proof
from server.delegation.standing import act_claim
from server.domain.core import Core
from server.domain.delegation import Detail
from server.domain.refusal import Refused
from server.domain.tokens import (
    ACCESS_TOKEN_TYP,
    ID_JAG_TYP,
    ID_TOKEN_TYP,
    TokenKind,
    TokenRecord,
)
from server.domain.unit import Unit
from server.protocol.dpop import use
from server.protocol.id_jag import NOT_A_TOKEN
from server.protocol.minting import Authorization, IdToken


class TokenSigner(Protocol):
    """Signs claims with the active key of an algorithm."""

    def sign(self, claims: Mapping[str, object], *, typ: str, alg: str | None = None) -> str:
        """Return the compact JWS of `claims`."""
        ...


async def issue(
    core: Core,
    signer: TokenSigner,
    authorization: Authorization,
    proof: Proof | None,
    revision: int,
) -> Mapping[str, object] | Refused:
    """Mint what was authorized and return the token answer (RFC 6749 §5.1), once it is durable.

    `proof` says whose key the token is bound to; it is used up with it.
    Raises `StaleSnapshotError` if something believed has changed: the caller decides again.
    """
    a = authorization
    now = core.clock.now()
    _assert_delegate(a)
    jkt = a.bound_to(proof)
    record, token = _access_token(core, signer, a, jkt, now)
    records = [record]
    answer: dict[str, object] = {
        "access_token": token,
        # RFC 9449 §5: DPoP if it is bound, so that a client never takes one for the other.
        "token_type": "Bearer" if jkt is None else "DPoP",
        "expires_in": max(0, (record.expires_at - now) // 1000),
        "scope": record.scope,
    }
    if a.id_jag is not None:
        answer |= NOT_A_TOKEN
    if a.issued_token_type is not None:
        answer["issued_token_type"] = a.issued_token_type
    if a.id_token is not None:
        id_record, id_token = _id_token(core, signer, a, a.id_token, now)
        records.append(id_record)
        answer["id_token"] = id_token
    if a.refresh_token is not None:
        answer["refresh_token"] = a.refresh_token
    if a.grant_id is not None:
        answer["grant_id"] = a.grant_id
    if a.details:
        answer["authorization_details"] = [detail_json(d) for d in a.details]
    answer.update(a.answer)
    parents = [jti for jti in (a.parent_jti, a.actor_jti) if jti is not None]
    minted = {"jti": record.jti, "kind": a.kind.value, "scope": record.scope}
    if jkt is not None:
        minted["jkt"] = jkt

    def unit(tx: Unit) -> Refused | None:
        tx.guard(revision, a.depends)
        if parents and not core.rows.tokens.hold(tx, *parents):
            return _parent_revoked()
        # First: a proof that was used before must not use up a code.
        if proof is not None and (replayed := use(core, tx, proof)) is not None:
            return replayed
        lost = a.consume(tx)
        if lost is not None:
            return lost
        for insert in a.inserts:
            insert(tx)
        for each in records:
            core.rows.tokens.add(tx, each)
        core.rows.audit.record(tx, a.audit, minted)
        return None

    lost = await core.store.write(unit)
    return answer if lost is None else lost


def _assert_delegate(a: Authorization) -> None:
    """X4: `delegated` only with an actor, `handover` only with a ticket holder."""
    delegated = a.kind is TokenKind.DELEGATED
    handover = a.kind is TokenKind.HANDOVER
    right = (
        bool(a.chain) == delegated
        and (a.may_act is not None) == handover
        and (a.grant_id is not None or not (delegated or handover))
        and (a.id_jag is not None) == (a.kind is TokenKind.ID_JAG)
    )
    if not right:
        message = "issue: the kind of token contradicts its actors"
        raise AssertionError(message)


def _parent_revoked() -> Refused:
    return Refused(
        error="invalid_request",
        reason="token_revoked",
        description="A token that this one would rest on was revoked.",
    )


def _access_token(
    core: Core, signer: TokenSigner, a: Authorization, jkt: str | None, now: int
) -> tuple[TokenRecord, str]:
    """Sign the access token (RFC 9068) and write its record."""
    expires_at = now + a.ttl * 1000
    if a.not_after is not None:
        expires_at = min(expires_at, a.not_after)
    # JWT times are whole seconds; the record must not outlive the token.
    expires = expires_at // 1000
    jti = core.entropy.dated_id("tok", now)
    scope = " ".join(sorted(a.scope))
    grant_id = a.grant_id if a.kind is not TokenKind.USER else None
    claims: dict[str, object] = {
        "iss": core.policy.issuer,
        "sub": a.sub,
        "aud": a.audience,
        "client_id": a.client.id,
        "iat": now // 1000,
        "exp": expires,
        "jti": jti,
        "scope": scope,
    }
    if grant_id is not None:
        claims["grant_id"] = grant_id
    if a.chain:
        claims["act"] = act_claim(a.chain)
    if a.may_act is not None:
        claims["may_act"] = {"sub": a.may_act}
    if jkt is not None:
        claims["cnf"] = {"jkt": jkt}
    if a.sid is not None and a.id_jag is None:
        claims["sid"] = a.sid
    if a.auth_time is not None:
        claims["auth_time"] = a.auth_time // 1000
    if a.acr is not None:
        claims["acr"] = a.acr
    if a.id_jag is not None:
        claims |= a.id_jag.claims()
    typ = ACCESS_TOKEN_TYP if a.id_jag is None else ID_JAG_TYP
    token = signer.sign(claims, typ=typ, alg=a.alg)
    record = TokenRecord(
        jti=jti,
        kind=a.kind,
        client_id=a.client.id,
        sub=a.sub,
        audience=a.audience,
        scope=scope,
        grant_id=grant_id,
        parent_jti=a.parent_jti,
        actor_jti=a.actor_jti,
        sid=a.sid,
        family_id=a.family_id,
        issued_at=now,
        expires_at=expires * 1000,
        mark=core.marks.of(token),
        jkt=jkt,
    )
    return record, token


def _id_token(
    core: Core, signer: TokenSigner, a: Authorization, wanted: IdToken, now: int
) -> tuple[TokenRecord, str]:
    """Make the ID token; it never shows `act` (X10)."""
    jti = core.entropy.dated_id("tok", now)
    expires = (now + core.policy.id_token_ttl * 1000) // 1000
    claims: dict[str, object] = {
        "iss": core.policy.issuer,
        "sub": a.sub,
        "aud": a.client.id,
        "iat": now // 1000,
        "exp": expires,
        "jti": jti,
        "auth_time": wanted.auth_time // 1000,
        "acr": wanted.acr,
        "amr": list(wanted.amr),
        **wanted.claims,
    }
    if a.sid is not None:
        claims["sid"] = a.sid
    if wanted.nonce is not None:
        claims["nonce"] = wanted.nonce
    token = signer.sign(claims, typ=ID_TOKEN_TYP, alg=a.client.id_token_alg)
    record = TokenRecord(
        jti=jti,
        kind=TokenKind.ID,
        client_id=a.client.id,
        sub=a.sub,
        audience=a.client.id,
        scope="",
        sid=a.sid,
        family_id=a.family_id,
        issued_at=now,
        expires_at=expires * 1000,
        mark=core.marks.of(token),
    )
    return record, token


def detail_json(detail: Detail) -> dict[str, object]:
    """Write a detail as an `authorization_details` element of type `mandate` (RFC 9396 §2)."""
    return {
        "type": "mandate",
        "resource": detail.resource,
        "scopes": sorted(detail.scopes),
        "objects": list(detail.objects),
    }
