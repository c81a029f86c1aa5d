"""RFC 6749 §4.1.2: ends an interaction, by a code or by an error; once, and the same once again.

The code is derived from the interaction with a key of the server. So a second click, whose first
answer the browser threw away, gets the same answer again for a moment, and never a second code.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from server.delegation.lifecycle import close_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation
from server.domain.entropy import hash_secret
from server.domain.interactions import Interaction
from server.domain.people import Session, UserStatus
from server.domain.refusal import Refused
from server.domain.tokens import AuthorizationCode, Granted
from server.domain.unit import Unit
from server.protocol.authorization_response import Answer, code_answer, error_answer
from server.protocol.authorize_targets import agent_id_of
from server.protocol.scopes import OIDC_SCOPES

AGAIN_MS: Final = 10_000
"""How long the same answer may be fetched again (a double click, a page reloaded at once)."""
_LABEL: Final = b"mandate authorization code v1\x00"


@dataclass(frozen=True, slots=True)
class AlreadyFinished:
    """The interaction has ended before; its answer is not given again."""


async def give_code(
    core: Core,
    secret_key: bytes,
    interaction: Interaction,
    session: Session,
    grant_id: str | None,
) -> Answer | AlreadyFinished | Refused:
    """End an interaction with a code for what was granted."""
    code = _code(secret_key, interaction)
    code_hash = hash_secret(code)
    request = interaction.request
    now = core.clock.now()
    answer = code_answer(
        core.policy.issuer, request.redirect_uri, request.response_mode,
        code=code, state=request.state,
    )  # fmt: skip
    family_id = core.entropy.id("fam")

    def unit(tx: Unit) -> Answer | AlreadyFinished | Refused:
        delegation = core.rows.delegations.get(tx, grant_id) if grant_id is not None else None
        if not _stands(core, tx, session, grant_id, delegation, now):
            return _lost()
        remembered = core.rows.consents.scopes(tx, session.user_id, request.client_id)
        granted = _granted(core.policy.issuer, interaction, session, delegation, remembered)
        if not core.rows.interactions.finish(tx, interaction.id, now):
            return answer if _again(core.rows.codes.get(tx, code_hash), now) else AlreadyFinished()
        core.rows.codes.add(
            tx,
            AuthorizationCode(
                hash=code_hash,
                granted=granted,
                redirect_uri=request.redirect_uri,
                redirect_uri_sent=request.redirect_uri_sent,
                code_challenge=request.code_challenge,
                family_id=family_id,
                created_at=now,
                expires_at=now + core.policy.code_ttl * 1000,
                dpop_jkt=request.dpop_jkt,
            ),
        )
        core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.CODE_ISSUED, outcome=Outcome.DONE, at=now,
                user_id=session.user_id, client_id=request.client_id, grant_id=grant_id,
                agents=(delegation.agent_id,) if delegation is not None else (),
                detail={"scope": granted.scope},
            ),
        )  # fmt: skip
        return answer

    return await core.store.write(unit)


async def give_error(
    core: Core,
    secret_key: bytes,
    interaction: Interaction,
    refused: Refused,
    *,
    user_id: str | None = None,
) -> Answer | AlreadyFinished:
    """End an interaction with an error for the client."""
    now = core.clock.now()

    def unit(tx: Unit) -> Answer | AlreadyFinished:
        answer = _error(core, interaction, refused)
        if not core.rows.interactions.finish(tx, interaction.id, now, by_nobody=user_id is None):
            return _ended_before(core, tx, secret_key, interaction, answer, now)
        if user_id is not None:
            _tell(core, tx, interaction, refused, AuditTag.CODE_ISSUED, user_id, now)
        # Else nobody has signed in: strangers could fill the audit with such refusals.
        return answer

    return await core.store.write(unit)


async def give_denial(
    core: Core, secret_key: bytes, interaction: Interaction, user_id: str
) -> Answer | AlreadyFinished:
    """End an interaction with a person's no, which takes back a yes that came to nothing yet."""
    refused = Refused(error="access_denied", reason="denied", description="The person said no.")
    request = interaction.request
    now = core.clock.now()

    def unit(tx: Unit) -> Answer | AlreadyFinished:
        # One answer of a person at a time, as where a yes is recorded: neither passes the other.
        core.rows.users.held(tx, user_id)
        answer = _error(core, interaction, refused)
        row = core.rows.interactions.get(tx, interaction.id)
        if not core.rows.interactions.finish(tx, interaction.id, now):
            return _ended_before(core, tx, secret_key, interaction, answer, now)
        told = _tell(core, tx, interaction, refused, AuditTag.CONSENT_DENIED, user_id, now)
        if row is not None and row.consented_at is not None:
            given = core.rows.delegations.get(tx, row.grant_id) if row.grant_id else None
            if given is not None and given.user_id == user_id:
                close_delegation(core, tx, given, reason="denied", audit=told)
            asked = frozenset(request.scope.split())
            core.rows.consents.drop(tx, user_id, request.client_id, asked)
        return answer

    return await core.store.write(unit)


def _error(core: Core, interaction: Interaction, refused: Refused) -> Answer:
    request = interaction.request
    return error_answer(
        core.policy.issuer, request.redirect_uri, request.response_mode,
        refused=refused, state=request.state,
    )  # fmt: skip


def _ended_before(
    core: Core, tx: Unit, secret_key: bytes, interaction: Interaction, answer: Answer, now: int
) -> Answer | AlreadyFinished:
    """Give an error again for a moment; never an error where a code went out."""
    row = core.rows.interactions.get(tx, interaction.id)
    ended = row.finished_at if row is not None else None
    code = core.rows.codes.get(tx, hash_secret(_code(secret_key, interaction)))
    again = code is None and ended is not None and now - ended < AGAIN_MS
    return answer if again else AlreadyFinished()


def _tell(
    core: Core,
    tx: Unit,
    interaction: Interaction,
    refused: Refused,
    tag: AuditTag,
    user_id: str,
    now: int,
) -> AuditRecord:
    request = interaction.request
    record = AuditRecord(
        tag=tag, outcome=Outcome.REFUSED, at=now, reason=refused.reason,
        user_id=user_id, client_id=request.client_id,
        agents=(request.agent_id,) if request.agent_id is not None else (),
    )  # fmt: skip
    core.rows.audit.record(tx, record)
    return record


def _again(code: AuthorizationCode | None, now: int) -> bool:
    """Tell whether the same answer may go out again: the code is young, and nobody used it."""
    return code is not None and code.used_at is None and now - code.created_at < AGAIN_MS


def _code(secret_key: bytes, interaction: Interaction) -> str:
    # The key alone makes it unguessable; the browser's hash ties it to what the row says now.
    message = _LABEL + f"{interaction.id}\x00{interaction.browser_hash}".encode()
    digest = hmac.digest(secret_key, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _stands(
    core: Core,
    tx: Unit,
    session: Session,
    grant_id: str | None,
    delegation: Delegation | None,
    now: int,
) -> bool:
    """Check in the unit itself what could have ended since the step was decided."""
    now_session = core.rows.sessions.get(tx, session.id)
    user = core.rows.users.held(tx, session.user_id)
    if now_session is None or not now_session.alive(now):
        return False
    if user is None or user.status is not UserStatus.ACTIVE:
        return False
    if grant_id is None:
        return True
    return delegation is not None and delegation.live(now) and delegation.user_id == session.user_id


def _granted(
    issuer: str,
    interaction: Interaction,
    session: Session,
    delegation: Delegation | None,
    remembered: frozenset[str],
) -> Granted:
    """Say what the code stands for: asked ∩ allowed, nothing else."""
    request = interaction.request
    asked = frozenset(request.scope.split())
    scope = asked & remembered
    resources = request.resources
    if delegation is not None:
        held = frozenset(s for detail in delegation.details for s in detail.scopes)
        scope = (asked & OIDC_SCOPES & remembered) | (asked & held)
        resources = tuple(
            uri
            for uri in request.resources
            if uri in delegation.resources or agent_id_of(issuer, uri) is not None
        )
    offline = "offline_access" in asked and (
        delegation.sid is None if delegation is not None else "offline_access" in remembered
    )
    scope = scope | {"offline_access"} if offline else scope - {"offline_access"}
    return Granted(
        client_id=request.client_id,
        user_id=session.user_id,
        sid=session.id,
        scope=" ".join(sorted(scope)),
        resources=resources,
        grant_id=delegation.id if delegation is not None else None,
        nonce=request.nonce,
        auth_time=session.auth_time,
        acr=session.acr,
        offline=offline,
    )


def _lost() -> Refused:
    return Refused(
        error="access_denied", reason="consent_lost",
        description="What was allowed was taken back meanwhile.",
    )  # fmt: skip
