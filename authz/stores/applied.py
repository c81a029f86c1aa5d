"""How far a store's changes are applied at a remote server; the changelog itself is the outbox."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, bindparam, or_, select, update

from authz.stores.changelog import BEGINNING, Place, changes_behind
from authz.stores.tables import authz_remote, authz_store
from authz.tx import Tx, insert_ignore

END: Final = 2**31 - 1
"""The position behind every change of a revision."""

_R = authz_remote.c
_STANDING = (
    select(
        authz_store.c.revision,
        authz_store.c.model_id,
        _R.revision,
        _R.position,
        _R.refused,
        _R.model_id,
        _R.remote_model_id,
    )
    .select_from(
        authz_store.outerjoin(
            authz_remote,
            and_(_R.store == authz_store.c.id, _R.remote == bindparam("remote")),
        )
    )
    .where(authz_store.c.id == bindparam("store"))
)
_ADD = insert_ignore(authz_remote)
_OURS = and_(_R.store == bindparam("of_store"), _R.remote == bindparam("of_remote"))
_HELD = and_(_OURS, _R.holder == bindparam("me"))
_TAKE = (
    update(authz_remote)
    .where(_OURS, or_(_R.holder == bindparam("me"), _R.lease_until <= bindparam("now")))
    .values(holder=bindparam("me"), lease_until=bindparam("until"))
)
_DROP = update(authz_remote).where(_HELD).values(lease_until=0)
_ADVANCE = (
    update(authz_remote)
    .where(_HELD, _R.revision == bindparam("was"), _R.position == bindparam("was_at"))
    .values(
        revision=bindparam("to"),
        position=bindparam("to_at"),
        refused=_R.refused + bindparam("more_refused"),
        lease_until=bindparam("until"),
    )
)
_FORGET_REFUSED = update(authz_remote).where(_HELD).values(refused=0)
_SET_MODEL = (
    update(authz_remote)
    .where(_HELD)
    .values(model_id=bindparam("model"), remote_model_id=bindparam("remote_model"))
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where our store stands, and where the remote one does."""

    head: int
    model_id: str
    applied: Place
    refused: int
    """Changes that the remote server did not take, or of which it is unclear whether and when it
    does, since the last push found both equal."""
    applied_model: str
    remote_model: str
    """The model there that is asked; empty before the first push, and then nobody is."""

    @property
    def sent(self) -> bool:
        """Whether every change and the model in force were sent."""
        return self.applied == Place(self.head, END) and self.applied_model == self.model_id

    @property
    def current(self) -> bool:
        """Whether the remote store has them all."""
        return self.sent and not self.refused


class AppliedChanges:
    """The row of one store and one remote store; every method runs inside the caller's `tx`."""

    def __init__(self, store: str, remote: str) -> None:
        self.store = store
        self.remote = remote

    def standing(self, tx: Tx) -> Standing:
        """Return where both stand, in one statement."""
        rows = tx.fetch(_STANDING, {"store": self.store, "remote": self.remote})
        if not rows:
            return Standing(0, "", BEGINNING, 0, "", "")
        head, model_id, revision, position, refused, ours, theirs = rows[0]
        if not theirs:
            return Standing(int(head), model_id, BEGINNING, 0, "", "")
        place = Place(int(revision), int(position))
        return Standing(int(head), model_id, place, int(refused), ours, theirs)

    def oldest_waiting(self, tx: Tx) -> int | None:
        """Return when the oldest change happened that is not applied there (Unix ms)."""
        waiting = changes_behind(tx, self.store, self.standing(tx).applied, 1)
        return waiting[0][1].changed_at if waiting else None

    def begin(self, tx: Tx) -> None:
        """Make the row, with nothing applied; nothing happens if it is there."""
        tx.execute(
            _ADD,
            {
                "store": self.store,
                "remote": self.remote,
                "revision": BEGINNING.revision,
                "position": BEGINNING.position,
                "refused": 0,
                "model_id": "",
                "remote_model_id": "",
                "holder": "",
                "lease_until": 0,
            },
        )

    def take_lease(self, tx: Tx, holder: str, now: int, until: int) -> bool:
        """Take or renew the lease (Unix ms); false while somebody else has it, or without row."""
        return tx.execute(_TAKE, {**self._named(holder), "now": now, "until": until}) == 1

    def drop_lease(self, tx: Tx, holder: str) -> None:
        """Let the next one begin at once."""
        tx.execute(_DROP, self._named(holder))

    def advance(
        self, tx: Tx, holder: str, was: Place, to: Place, until: int, *, refused: int = 0
    ) -> bool:
        """Say that everything up to `to` is applied, or `refused`; false if the lease was lost."""
        moved = {"was": was.revision, "was_at": was.position, "until": until}
        moved["more_refused"] = refused
        moved |= {"to": to.revision, "to_at": to.position}
        return tx.execute(_ADVANCE, {**self._named(holder), **moved}) == 1

    def set_model(self, tx: Tx, holder: str, model_id: str, remote_model: str) -> bool:
        """Say which model there is ours; false if the lease was lost."""
        named = {"model": model_id, "remote_model": remote_model}
        return tx.execute(_SET_MODEL, {**self._named(holder), **named}) == 1

    def forget_refused(self, tx: Tx, holder: str) -> bool:
        """Say that both stores were found equal; false if the lease was lost."""
        return tx.execute(_FORGET_REFUSED, self._named(holder)) == 1

    def _named(self, holder: str) -> dict[str, object]:
        return {"of_store": self.store, "of_remote": self.remote, "me": holder}
