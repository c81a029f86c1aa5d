"""The trust policy for clients with a metadata document: decided by host, in force at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from authz.tx import Tx
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.people import User
from server.domain.registry import Client, Status
from server.domain.self_registration import Trust, TrustRequest, TrustRule
from server.domain.unit import Unit
from server.identity.accounts import is_admin_now
from server.protocol.registration.identifier import read_identifier
from server.protocol.registration.trust import is_pattern, trust_of
from server.services.registration import RegistrationError


class NotAdministrator(RegistrationError):
    """Whoever decides is an administrator no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """The whole policy: rules, what happens where none fits (none: off), and who waits."""

    default: Trust | None
    rules: tuple[TrustRule, ...]
    requests: tuple[TrustRequest, ...]
    people: Mapping[str, User]
    """Who asked first, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSet:
    """What a change of the policy did to clients that are known already."""

    stopped: tuple[str, ...]
    let_in: tuple[str, ...]


async def trust_policy(core: Core) -> TrustPolicy:
    """Return the policy as of now."""

    def load(tx: Tx) -> TrustPolicy:
        requests = tuple(core.rows.trust.requests(tx))
        asked = {request.asked_by for request in requests}
        found = [core.rows.users.get(tx, user_id) for user_id in sorted(asked)]
        return TrustPolicy(
            default=default_trust(core),
            rules=tuple(core.rows.trust.rules(tx)),
            requests=requests,
            people={user.id: user for user in found if user is not None},
        )

    return await core.store.read(load)


def default_trust(core: Core) -> Trust | None:
    """Return what happens where no rule fits; none where no such client may come at all."""
    named = core.policy.client_documents
    return None if named == "off" else Trust(named)


async def set_trust(
    core: Core, pattern: str, trust: Trust, *, by: str, admin: User | None = None
) -> TrustSet:
    """Decide about the hosts of a pattern; clients that may not be any more stop at once.

    With `admin`, only if that person is an administrator at that moment. Raises
    `RegistrationError`, `NotAdministrator` among them.
    """
    pattern = pattern.lower()
    if not is_pattern(pattern):
        message = f"{pattern} is no host, nor *. and a domain of two names or more"
        raise RegistrationError(message)
    now = core.clock.now()

    def unit(tx: Unit) -> TrustSet:
        if admin is not None and not is_admin_now(core, tx, admin.id):
            raise NotAdministrator
        core.rows.registrations.take_turn(tx)
        core.rows.trust.put(tx, TrustRule(pattern=pattern, trust=trust, created_at=now))
        for request in core.rows.trust.requests(tx):
            if trust is not Trust.ASK and _effective(core, tx, request.host) is not Trust.ASK:
                core.rows.trust.settle(tx, request.host)
        _audit(core, tx, trust.value, pattern, by, now)
        return _enforce(core, tx, now)

    return await core.store.write(unit)


async def remove_trust(core: Core, pattern: str, *, by: str, admin: User | None = None) -> TrustSet:
    """Take a rule back, so that another rule or the default decides; else as `set_trust`."""
    pattern, now = pattern.lower(), core.clock.now()

    def unit(tx: Unit) -> TrustSet:
        if admin is not None and not is_admin_now(core, tx, admin.id):
            raise NotAdministrator
        core.rows.registrations.take_turn(tx)
        if not core.rows.trust.drop(tx, pattern):
            message = f"there is no rule for {pattern}"
            raise RegistrationError(message)
        _audit(core, tx, "removed", pattern, by, now)
        return _enforce(core, tx, now)

    return await core.store.write(unit)


def _effective(core: Core, tx: Tx, host: str) -> Trust:
    default = default_trust(core) or Trust.DENY
    return trust_of(host, core.rows.trust.rules(tx), default)


def _enforce(core: Core, tx: Unit, now: int) -> TrustSet:
    """Suspend clients that the policy keeps out, and let in again those that it had suspended."""
    stopped, let_in = [], []
    for client in _documents(core, tx, core.rows.trust.clients(tx)):
        identifier, known = read_identifier(client.id), client.by_itself
        if identifier is None or known is None:
            continue
        allowed = _effective(core, tx, identifier.host) is Trust.ALLOW
        if not allowed and client.status is Status.ACTIVE:
            status, withheld = Status.SUSPENDED, True
            stopped.append(client.id)
        elif allowed and client.status is Status.SUSPENDED and known.withheld:
            status, withheld = Status.ACTIVE, False
            let_in.append(client.id)
        else:
            continue
        after = replace(client, status=status, by_itself=replace(known, withheld=withheld))
        core.rows.clients.update(tx, after)
        core.rows.audit.record(
            tx,
            AuditRecord(
                tag=AuditTag.CLIENT_CHANGED, outcome=Outcome.DONE, reason=f"trust_{status.value}",
                at=now, client_id=client.id,
            ),
        )  # fmt: skip
    return TrustSet(stopped=tuple(stopped), let_in=tuple(let_in))


def _documents(core: Core, tx: Unit, ids: Iterable[str]) -> list[Client]:
    found = (core.rows.clients.held(tx, client_id) for client_id in ids)
    return [client for client in found if client is not None and client.is_document]


def _audit(core: Core, tx: Unit, reason: str, pattern: str, by: str, now: int) -> None:
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.CLIENT_TRUST, outcome=Outcome.DONE, reason=reason, at=now,
            detail={"by": by, "host": pattern},
        ),
    )  # fmt: skip
