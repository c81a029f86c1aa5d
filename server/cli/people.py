"""`mandate user`: accounts of people."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import user_document
from server.cli.failure import MISUSED, Failure
from server.cli.opened import with_core
from server.domain.people import OPERATOR, Role, User, UserStatus

if TYPE_CHECKING:
    from authz.tx import Tx
    from server.domain.core import Core
    from server.identity.accounts import Changed

app = typer.Typer(help="Accounts of people.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="USER", help="The id or the e-mail address.")]
_GENERATED_BYTES = 18


@app.command("add")
def add(
    email: Annotated[str, typer.Argument(help="The e-mail address, with which they sign in.")],
    name: Annotated[str, typer.Option(help="The name that others read.")] = "",
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The first line is the password; - reads standard input or asks."
            " Without, a password is made and shown this once.",
        ),
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May use the admin pages.")] = False,
    json: output.AsJson = False,
) -> None:
    """Make an account."""
    given = None if password_file is None else _password(password_file)

    async def work(core: "Core") -> tuple[User, str | None]:
        password = given or core.entropy.token(_GENERATED_BYTES)
        user = await _add(core, email=email, name=name, password=password, admin=admin)
        return user, None if given else password

    user, made = with_core(work)
    if json:
        output.document({**user_document(user), "password": made})
        return
    output.facts(
        [("user", user.id), ("email", user.email), ("role", user.role.value), ("password", made)]
    )
    if made:
        output.say("The password is not shown again.")


@app.command("list")
def show_all(
    search: Annotated[str, typer.Option(help="Part of a name or address, or an id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    json: output.AsJson = False,
) -> None:
    """List people, the newest first."""
    users = with_core(
        lambda core: core.store.read(lambda tx: core.rows.users.search(tx, search, limit))
    )
    if json:
        output.document({"users": [user_document(user) for user in users]})
        return
    output.table(
        ("id", "email", "name", "role", "status", "made"),
        [(u.id, u.email, u.name, u.role, u.status, output.moment(u.created_at)) for u in users],
        nothing="Nobody.",
    )


@app.command("disable")
def disable(
    user: Who,
    reason: Annotated[str, typer.Option(help="For the audit trail.")] = "",
    json: output.AsJson = False,
) -> None:
    """Stop sign-in and everything that is done for a person, at once; sessions end for good."""
    _set(user, UserStatus.DISABLED, reason, json=json)


@app.command("enable")
def enable(
    user: Who,
    reason: Annotated[str, typer.Option(help="For the audit trail.")] = "",
    json: output.AsJson = False,
) -> None:
    """Let a person sign in again; delegations that were not revoked work again."""
    _set(user, UserStatus.ACTIVE, reason, json=json)


def find(core: "Core", tx: "Tx", who: str) -> User:
    """Return the person of an id or address; raises `Failure`."""
    from server.identity.addresses import email_key

    user = core.rows.users.get(tx, who) or core.rows.users.by_email(tx, email_key(who))
    if user is None:
        raise Failure(f"there is no user {who}: see `mandate user list`")
    return user


async def _add(core: "Core", *, email: str, name: str, password: str, admin: bool) -> User:
    from server.identity.passwords import Passwords
    from server.identity.sign_up import BadSignUp, NewPerson, add_person

    passwords = Passwords(core.entropy, workers=1)
    person = NewPerson(name=name or email.partition("@")[0], email=email, password=password)
    role = Role.ADMIN if admin else Role.USER
    try:
        user = await add_person(core, passwords, person, role=role, by=OPERATOR)
    finally:
        passwords.close()
    if isinstance(user, BadSignUp):
        raise Failure(user.fault.value if user.field != "email" else f"{email}: {user.fault.value}")
    return user


def _set(who: str, status: UserStatus, reason: str, *, json: bool) -> None:
    async def work(core: "Core") -> "tuple[User, Changed]":
        from server.identity.accounts import NotAllowed, set_status

        user = await core.store.read(lambda tx: find(core, tx, who))
        done = await set_status(core, user.id, status, admin=OPERATOR, reason=reason)
        if isinstance(done, NotAllowed):
            raise Failure(f"there is no user {who}: see `mandate user list`")
        return user, done

    user, done = with_core(work)
    if json:
        output.document(
            {"user_id": user.id, "status": status.value, "changed": done.done,
             "sessions_ended": done.sessions, "delegations_closed": done.delegations}
        )  # fmt: skip
        return
    output.say(f"{output.plain(user.email)} is {'now' if done.done else 'already'} {status.value}.")
    if done.sessions or done.delegations:
        output.say(f"Ended: {done.sessions} sessions, {done.delegations} delegations.")


def _password(path: Path) -> str:
    if path != Path("-"):
        text = path.read_text()
    elif sys.stdin.isatty():
        text = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        text = sys.stdin.read()
    password = text.partition("\n")[0].rstrip("\r")
    if not password:
        raise Failure("the password is empty", code=MISUSED)
    return password
