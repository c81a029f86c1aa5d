"""RFC 6749 §4.1.3 with RFC 7636: one redemption wins; a replay revokes what the first got."""

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.refusal import Refused, invalid_grant, invalid_request
from server.domain.registry import Client, GrantType
from server.domain.tokens import AuthorizationCode, RefreshFamily, RefreshToken
from server.domain.unit import Unit
from server.protocol.grants.base import GrantContext, TokenRequest, proves
from server.protocol.grants.granted import yield_of
from server.protocol.minting import Authorization
from server.protocol.pkce import verifier_fits
from server.protocol.redirect_uri import is_registered
from server.protocol.scopes import parse_scope

_NO_GOOD = "The authorization code is not valid."


class AuthorizationCodeGrant:
    """Redeem a code for what the user granted."""

    grant_type = GrantType.AUTHORIZATION_CODE

    async def authorize(
        self, context: GrantContext, request: TokenRequest
    ) -> Authorization | Refused:
        """Check client, redirect URI, verifier and age; then everything that the grant rests on."""
        core, form = context.core, request.form
        presented = form.get("code")
        if presented is None:
            return invalid_request("code_missing", "Send the code.")
        code = await core.store.read(lambda tx: core.rows.codes.get(tx, hash_secret(presented)))
        if code is None or code.granted.client_id != request.client.id:
            return invalid_grant("code_unknown", _NO_GOOD)
        request.concerns.user_id = code.granted.user_id
        request.concerns.grant_id = code.granted.grant_id
        if not _redirect_fits(form.get("redirect_uri"), code) or _given_up(request.client, code):
            return invalid_grant("redirect_mismatch", _NO_GOOD)
        if not verifier_fits(form.get("code_verifier"), code.code_challenge):
            return invalid_grant("verifier_mismatch", _NO_GOOD)
        # RFC 9449 §10: whoever else got hold of it, verifier included, does not hold the key.
        if code.dpop_jkt is not None and not proves(request, code.dpop_jkt):
            return invalid_grant("proof_key", _NO_GOOD)
        if code.used_at is not None:
            return await core.store.write(lambda tx: _replayed(core, tx, code, request))
        if request.now >= code.expires_at:
            return invalid_grant("code_expired", _NO_GOOD)
        wanted = parse_scope(form.get("scope"))
        if isinstance(wanted, Refused):
            return wanted
        yields = await yield_of(core, request, code.granted, wanted, issued_at=code.created_at)
        if isinstance(yields, Refused):
            return yields
        refresh, family = _refresh(core, request, code)
        granted = code.granted

        def consume(tx: Unit) -> Refused | None:
            if core.rows.codes.consume(tx, code.hash, request.now):
                return None
            return _replayed(core, tx, code, request)

        return Authorization(
            kind=yields.kind,
            client=request.client,
            sub=granted.user_id,
            audience=yields.audience,
            scope=yields.scope,
            ttl=yields.ttl,
            not_after=yields.not_after,
            grant_id=granted.grant_id,
            chain=yields.chain,
            details=yields.details,
            sid=granted.sid if not granted.offline else None,
            auth_time=granted.auth_time,
            acr=granted.acr,
            family_id=code.family_id,
            alg=yields.alg,
            id_token=yields.id_token,
            refresh_token=refresh,
            depends=yields.depends,
            consume=consume,
            inserts=() if family is None else (family,),
            audit=AuditRecord(
                tag=AuditTag.CODE_TOKEN,
                outcome=Outcome.DONE,
                at=request.now,
                user_id=granted.user_id,
                agents=yields.chain,
                client_id=request.client.id,
                grant_id=granted.grant_id,
                resource=yields.audience,
                request_id=request.request_id,
            ),
        )


def _redirect_fits(sent: str | None, code: AuthorizationCode) -> bool:
    # RFC 6749 §4.1.3: REQUIRED and identical if it was in the authorization request. OAuth 2.1
    # dropped the parameter, so a client that left it out there may leave it out here.
    if sent is None:
        return not code.redirect_uri_sent
    return sent == code.redirect_uri


def _given_up(client: Client, code: AuthorizationCode) -> bool:
    """Tell whether a client that says its own metadata answers at that address no more."""
    return client.by_itself is not None and not is_registered(
        code.redirect_uri, client.redirect_uris, by_itself=True
    )


def _replayed(core: Core, tx: Unit, code: AuthorizationCode, request: TokenRequest) -> Refused:
    """RFC 6749 §4.1.2: revoke all tokens issued on a code that comes twice."""
    now = request.now
    core.rows.refresh.revoke_family(tx, code.family_id, now)
    killed = core.rows.tokens.revoke_family(tx, code.family_id, now)
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.CODE_REPLAYED,
            outcome=Outcome.REFUSED,
            reason="code_replayed",
            at=now,
            user_id=code.granted.user_id,
            client_id=request.client.id,
            grant_id=code.granted.grant_id,
            request_id=request.request_id,
            detail={"revoked": str(len(killed))},
        ),
    )
    return invalid_grant("code_replayed", _NO_GOOD)


def _refresh(
    core: Core, request: TokenRequest, code: AuthorizationCode
) -> "tuple[str | None, _NewFamily | None]":
    if GrantType.REFRESH_TOKEN not in request.client.grant_types:
        return None, None
    secret = core.entropy.token()
    family = RefreshFamily(
        id=code.family_id,
        granted=code.granted,
        created_at=request.now,
        expires_at=request.now + core.policy.refresh_ttl * 1000,
        jkt=None if request.proof is None else request.proof.jkt,
    )
    first = RefreshToken(
        hash=hash_secret(secret), family_id=family.id, generation=0, created_at=request.now
    )
    return secret, _NewFamily(core, family, first)


class _NewFamily:
    """Insert a refresh family with its first token when the unit runs."""

    def __init__(self, core: Core, family: RefreshFamily, first: RefreshToken) -> None:
        self._core = core
        self._family = family
        self._first = first

    def __call__(self, tx: Unit) -> None:
        self._core.rows.refresh.add_family(tx, self._family)
        self._core.rows.refresh.add(tx, self._first)
