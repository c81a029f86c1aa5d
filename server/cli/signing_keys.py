"""`mandate keys`: rotate, revoke after a compromise, change the key-encryption key."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import key_document
from server.cli.failure import MISUSED, Failure
from server.cli.opened import with_server
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.people import OPERATOR

if TYPE_CHECKING:
    from server.app import Server
    from server.domain.unit import Unit
    from server.keys.signing_keys import Change, SigningKey
    from server.keys.upkeep import Record

app = typer.Typer(help="Signing keys.", no_args_is_help=True)

LONGEST_TOKEN_TTL = 900
"""Seconds that the longest-lived token may be good: no resource and no setting allows more."""


@app.command("list")
def show_all(json: output.AsJson = False) -> None:
    """List the signing keys, the oldest first."""

    async def work(server: "Server") -> "tuple[SigningKey, ...]":
        from server.storage.keys import SqlSigningKeys

        return await server.store.read(SqlSigningKeys().all)

    keys = with_server(work)
    if json:
        output.document({"keys": [key_document(key) for key in keys]})
        return
    output.table(
        ("kid", "algorithm", "status", "made", "signs since", "verifies until", "revoked"),
        [
            (k.kid, k.alg, k.status, output.moment(k.created_at), output.moment(k.activated_at),
             output.moment(k.retire_at), output.moment(k.revoked_at))
            for k in keys
        ],
        nothing="No keys yet: the first `mandate serve` makes them.",
    )  # fmt: skip


@app.command("rotate")
def rotate(
    alg: Annotated[str, typer.Option(help="ES256, EdDSA or RS256.")] = "ES256",
    now: Annotated[
        bool,
        typer.Option(
            "--now",
            help="Even if verifiers may not have seen the next key yet (they fetch it then).",
        ),
    ] = False,
    json: output.AsJson = False,
) -> None:
    """Sign with the next key; the old one verifies until its last token has expired."""
    from server.keys.signing_keys import SIGNING_ALGORITHMS, TooEarly
    from server.keys.upkeep import rotate_key

    if alg not in SIGNING_ALGORITHMS:
        raise Failure(f"--alg is one of {', '.join(SIGNING_ALGORITHMS)}", code=MISUSED)

    async def work(server: "Server") -> "tuple[Change, ...] | TooEarly":
        from server.keys.jwks import CACHED_FOR
        from server.storage.keys import SqlSigningKeys

        core = server.services.core
        return await rotate_key(
            server.store, SqlSigningKeys(), server.envelope, alg,
            now=core.clock.now(), longest_token_ttl=LONGEST_TOKEN_TTL,
            announce_ttl=0 if now else CACHED_FOR, record=_record(server),
        )  # fmt: skip

    done = with_server(work)
    if isinstance(done, TooEarly):
        at = output.moment(done.possible_at)
        raise Failure(f"the next key is not known everywhere before {at}: wait, or add --now")
    _tell(done, json=json)


@app.command("revoke")
def revoke(
    kid: Annotated[str, typer.Argument(help="The key id, as `keys list` shows it.")],
    yes: output.Yes = False,
    json: output.AsJson = False,
) -> None:
    """Take a stolen key out at once: whatever it signed is refused from now on."""
    from server.keys.signing_keys import UnknownKey
    from server.keys.upkeep import revoke_key

    question = f"Every token that {kid} signed dies now. Revoke it?"
    if not output.confirmed(question, yes=yes, json=json):
        raise Failure("nothing was revoked")

    async def work(server: "Server") -> "tuple[Change, ...] | UnknownKey":
        from server.storage.keys import SqlSigningKeys

        return await revoke_key(
            server.store, SqlSigningKeys(), server.envelope, kid,
            now=server.services.core.clock.now(), record=_record(server),
        )  # fmt: skip

    done = with_server(work)
    if isinstance(done, UnknownKey):
        raise Failure(f"{kid} is unknown or revoked already: see `mandate keys list`")
    _tell(done, json=json)


@app.command("reseal")
def reseal(json: output.AsJson = False) -> None:
    """Bring every stored secret under the first key of the key file.

    To change the key-encryption key: put a new one in the first line of the file, leave the old
    one in the second, restart every worker, run this, then remove the second line.
    """
    from server.keys.upkeep import reseal_keys

    async def work(server: "Server") -> "tuple[tuple[Change, ...], bool]":
        from server.storage.keys import SqlSigningKeys
        from server.storage.secrets import reseal_server_key

        changes = await reseal_keys(
            server.store, SqlSigningKeys(), server.envelope, _record(server)
        )
        return changes, await reseal_server_key(server.store, server.envelope)

    changes, own = with_server(work)
    if json:
        output.document({"resealed": [c.after.kid for c in changes], "server_secret": own})
        return
    count = len(changes) + own
    output.say(f"{count} secrets were sealed anew." if count else "Nothing to do.")


def _record(server: "Server") -> "Record":
    core = server.services.core

    def record(tx: "Unit", changes: "tuple[Change, ...]") -> None:
        for change in changes:
            key = change.after
            detail = {"kid": key.kid, "alg": key.alg, "by": OPERATOR.id}
            core.rows.audit.record(
                tx,
                AuditRecord(
                    tag=AuditTag.KEY_CHANGED, outcome=Outcome.DONE, at=core.clock.now(),
                    reason=key.status.value, detail=detail,
                ),
            )  # fmt: skip

    return record


def _tell(changes: "tuple[Change, ...]", *, json: bool) -> None:
    if json:
        output.document({"changed": [key_document(change.after) for change in changes]})
        return
    for change in changes:
        output.say(f"{change.after.kid} ({change.after.alg}) is now {change.after.status.value}.")
