"""Trust issuers, link their subjects to people, and take both back: for every worker at once."""

from dataclasses import dataclass, replace

from server.delegation.lifecycle import close_delegation
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.delegation import Delegation
from server.domain.issuers import IdentityLink, IssuerPurpose, TrustedIssuer, workload_family
from server.domain.unit import Unit
from server.services.issuer_check import MAX_TEXT, check_issuer, check_parties
from server.services.registration import RegistrationError


@dataclass(frozen=True, slots=True)
class Ended:
    """What a change took back: delegations that rested on the issuer, and tokens of workloads."""

    delegations: int = 0
    tokens: int = 0


async def add_issuer(
    core: Core, value: TrustedIssuer, *, by: str, in_place: bool = False
) -> tuple[TrustedIssuer, Ended]:
    """Trust an issuer, or with `in_place` say anew what one that is trusted may do.

    What it allowed before and allows otherwise now ends at once; the next assertion begins anew.
    Raises `RegistrationError`.
    """
    check_issuer(core, value)
    now = core.clock.now()

    def unit(tx: Unit) -> tuple[TrustedIssuer, Ended]:
        check_parties(core, tx, value)
        before = core.rows.issuers.held(tx, value.id)
        if before is None:
            stored = replace(value, created_at=now)
            core.rows.issuers.add(tx, stored)
            ended = Ended()
        elif not in_place:
            raise RegistrationError(f"{value.id} is trusted already: --replace says it anew")
        else:
            stored = replace(value, created_at=before.created_at)
            core.rows.issuers.update(tx, stored)
            ended = _end_changed(core, tx, before, stored, now)
        _audit(core, tx, AuditTag.ISSUER_CHANGED, by, now, stored.id, "trusted")
        return stored, ended

    return await core.store.write(unit)


async def remove_issuer(core: Core, issuer_id: str, *, by: str) -> Ended:
    """Trust an issuer no more: all that rests on it ends, its links are forgotten.

    Raises `RegistrationError`.
    """
    now = core.clock.now()

    def unit(tx: Unit) -> Ended:
        value = _held(core, tx, issuer_id)
        nothing = replace(value, allowances=(), workloads=())
        core.rows.issuers.remove(tx, issuer_id)
        core.rows.identities.remove_all(tx, issuer_id)
        ended = _end_changed(core, tx, value, nothing, now, reason="issuer_removed")
        _audit(core, tx, AuditTag.ISSUER_CHANGED, by, now, issuer_id, "removed")
        return ended

    return await core.store.write(unit)


async def link_identity(
    core: Core, issuer_id: str, subject: str, user_id: str, *, by: str
) -> IdentityLink:
    """Say who a subject of an issuer is here. Raises `RegistrationError`."""
    if not 0 < len(subject) <= MAX_TEXT or not subject.isprintable():
        raise RegistrationError("the subject is the sub claim: printable text")
    now = core.clock.now()

    def unit(tx: Unit) -> IdentityLink:
        issuer = _held(core, tx, issuer_id)
        if issuer.purpose is not IssuerPurpose.ID_JAG:
            raise RegistrationError(f"{issuer_id} speaks for workloads, not for people")
        if core.rows.users.held(tx, user_id) is None:
            raise RegistrationError(f"there is no user {user_id}")
        link = IdentityLink(issuer=issuer_id, subject=subject, user_id=user_id, created_at=now)
        if not core.rows.identities.add(tx, link):
            raise RegistrationError("that subject or that user is linked at this issuer already")
        _audit(core, tx, AuditTag.IDENTITY_LINKED, by, now, issuer_id, "linked", user_id=user_id)
        return link

    return await core.store.write(unit)


async def unlink_identity(core: Core, issuer_id: str, subject: str, *, by: str) -> Ended:
    """Forget who a subject is, and end what the issuer allowed for them.

    Raises `RegistrationError`.
    """
    now = core.clock.now()

    def unit(tx: Unit) -> Ended:
        _held(core, tx, issuer_id)
        link = core.rows.identities.of_subject(tx, issuer_id, subject)
        if link is None or not core.rows.identities.remove(tx, issuer_id, subject):
            raise RegistrationError(f"no such subject is linked at {issuer_id}")
        rows = [
            row
            for row in core.rows.delegations.of_origin(tx, issuer_id)
            if row.user_id == link.user_id
        ]
        closed = _close(core, tx, rows, now, reason="identity_unlinked")
        _audit(
            core, tx, AuditTag.IDENTITY_UNLINKED, by, now, issuer_id, "unlinked",
            user_id=link.user_id,
        )  # fmt: skip
        return Ended(delegations=closed)

    return await core.store.write(unit)


def _held(core: Core, tx: Unit, issuer_id: str) -> TrustedIssuer:
    value = core.rows.issuers.held(tx, issuer_id)
    if value is None:
        raise RegistrationError(f"{issuer_id} is not trusted: see `mandate issuer list`")
    return value


def _end_changed(
    core: Core,
    tx: Unit,
    before: TrustedIssuer,
    now_: TrustedIssuer,
    now: int,
    *,
    reason: str = "issuer_changed",
) -> Ended:
    """Close what rests on an allowance or a workload that is not as it was."""
    same = before.allowances if _as_strict(before, now_) else ()
    kept = {(a.client_id, a.resource) for a in same if a in now_.allowances}
    rows = [
        row
        for row in core.rows.delegations.of_origin(tx, before.id)
        if not all((row.client_id, uri) in kept for uri in row.resources)
    ]
    tokens = 0
    for workload in before.workloads:
        if not _as_strict(before, now_) or workload not in now_.workloads:
            family = workload_family(before.id, workload.name)
            tokens += len(core.rows.tokens.revoke_family(tx, family, now))
    return Ended(_close(core, tx, rows, now, reason=reason), tokens)


def _as_strict(before: TrustedIssuer, now_: TrustedIssuer) -> bool:
    """Tell whether an assertion that was believed would be believed now, by the same keys."""
    return (
        replace(
            before,
            allowances=now_.allowances,
            workloads=now_.workloads,
            created_at=now_.created_at,
        )
        == now_
    )


def _close(core: Core, tx: Unit, rows: list[Delegation], now: int, *, reason: str) -> int:
    return sum(
        len(
            close_delegation(
                core, tx, row, reason=reason,
                audit=AuditRecord(
                    tag=AuditTag.DELEGATION_REVOKED, outcome=Outcome.DONE, at=now,
                    client_id=row.client_id,
                ),
            )
        )
        for row in rows
    )  # fmt: skip


def _audit(
    core: Core,
    tx: Unit,
    tag: AuditTag,
    by: str,
    now: int,
    issuer_id: str,
    change: str,
    *,
    user_id: str | None = None,
) -> None:
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=tag, outcome=Outcome.DONE, at=now, reason=change, user_id=user_id,
            detail={"by": by, "issuer": issuer_id},
        ),
    )  # fmt: skip
