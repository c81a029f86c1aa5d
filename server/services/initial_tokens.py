"""Initial access tokens (RFC 7591 §3): an operator makes them, for so many clients."""

from dataclasses import dataclass
from typing import Final

from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.entropy import hash_secret
from server.domain.self_registration import InitialToken
from server.domain.unit import Unit
from server.services.registration import RegistrationError

MOST_USES: Final = 10_000
LONGEST_DAYS: Final = 366
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class NewInitialToken:
    """A token and its secret, which is shown this once."""

    token: InitialToken
    secret: str


async def add_initial_token(core: Core, *, uses: int, days: int, by: str) -> NewInitialToken:
    """Make a token for a number of registrations. Raises `RegistrationError`."""
    if not 1 <= uses <= MOST_USES or not 1 <= days <= LONGEST_DAYS:
        message = f"a token is good for 1 to {MOST_USES} clients and 1 to {LONGEST_DAYS} days"
        raise RegistrationError(message)
    secret, now = core.entropy.token(), core.clock.now()
    token = InitialToken(
        id=core.entropy.id("iat"),
        hash=hash_secret(secret),
        uses_left=uses,
        expires_at=now + days * _DAY_MS,
        created_at=now,
    )

    def unit(tx: Unit) -> None:
        core.rows.initial_tokens.add(tx, token)
        _audit(core, tx, "initial_token_made", token.id, by, now)

    await core.store.write(unit)
    return NewInitialToken(token, secret)


async def revoke_initial_token(core: Core, token_id: str, *, by: str) -> bool:
    """End a token; false if there is none of that id that is still good."""
    now = core.clock.now()

    def unit(tx: Unit) -> bool:
        ended = core.rows.initial_tokens.revoke(tx, token_id, now)
        if ended:
            _audit(core, tx, "initial_token_revoked", token_id, by, now)
        return ended

    return await core.store.write(unit)


def _audit(core: Core, tx: Unit, reason: str, token_id: str, by: str, now: int) -> None:
    core.rows.audit.record(
        tx,
        AuditRecord(
            tag=AuditTag.CLIENT_REGISTERED, outcome=Outcome.DONE, reason=reason, at=now,
            detail={"by": by, "token": token_id},
        ),
    )  # fmt: skip
