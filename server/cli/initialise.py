"""`mandate init` and `mandate migrate`: from an empty directory to a server that can start."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from server.cli import output
from server.cli.failure import Failure
from server.cli.opened import with_core

if TYPE_CHECKING:
    from server.domain.core import Core

ENV = Path("mandate.env")
ISSUER = "http://127.0.0.1:8080"
DATABASE = "sqlite:///mandate.db"
KEK = "mandate.kek"


def init(
    directory: Annotated[Path, typer.Argument(help="Where mandate.env goes.")] = Path(),
    issuer: Annotated[
        str | None,
        typer.Option(help=f"The public URL of the server [MANDATE_ISSUER, or {ISSUER}]."),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help=f"The database [MANDATE_DATABASE_URL, or {DATABASE}]."),
    ] = None,
    admin: Annotated[
        str, typer.Option(metavar="EMAIL", help="Bind the first admin's link to this address.")
    ] = "",
    json: output.AsJson = False,
) -> None:
    """Make settings, key-encryption key, database, and the first admin's one-time link.

    What exists is kept, so it is safe to run twice; while nobody is administrator each run makes
    a new link.
    """
    directory.mkdir(parents=True, exist_ok=True)
    os.chdir(directory)
    made = _write_settings(issuer, database_url)
    from server.settings import Settings

    settings = Settings()
    made |= _make_kek(settings.kek_file, settings.database)
    from server.storage.migrate import missing, upgrade

    lacking = missing(settings.database)
    with output.working("preparing the database", json=json):
        if lacking:
            upgrade(settings.database)
        link = with_core(lambda core: _admin_link(core, admin))
    made |= {"database": bool(lacking), "admin_link": link is not None}
    if json:
        files = {"settings_file": str(ENV.resolve()), "kek_file": _text(settings.kek_file)}
        output.document(
            {**files, "issuer": settings.issuer, "admin_link": link,
             "created": sorted(name for name, new in made.items() if new)}
        )  # fmt: skip
        return
    _tell(made, settings.kek_file, lacking, link)


def migrate(json: output.AsJson = False) -> None:
    """Bring the database to this version's schema. Back it up first."""
    from server.settings import Settings
    from server.storage.migrate import missing, upgrade

    url = Settings().database
    lacking = missing(url)
    if lacking:
        with output.working("migrating the database", json=json):
            upgrade(url)
    if json:
        output.document({"applied": lacking})
    elif lacking:
        output.say(f"The schema is now at {', '.join(lacking)}.")
    else:
        output.say("Nothing to do: the schema is this version's.")


def _write_settings(issuer: str | None, database_url: str | None) -> dict[str, bool]:
    """Write mandate.env, unless it exists; what the environment says is kept for later runs."""
    if ENV.exists():
        _same_as_before(issuer, database_url)
        return {"settings": False}
    issuer = issuer or os.environ.get("MANDATE_ISSUER") or ISSUER
    lines = [f"MANDATE_ISSUER={issuer}"]
    if database_url or "MANDATE_DATABASE_URL_FILE" not in os.environ:
        url = database_url or os.environ.get("MANDATE_DATABASE_URL") or DATABASE
        lines.append(f"MANDATE_DATABASE_URL={url}")
    if "MANDATE_KEK" not in os.environ:
        lines.append(f"MANDATE_KEK_FILE={os.environ.get('MANDATE_KEK_FILE') or KEK}")
    parts = urlsplit(issuer)
    if parts.scheme == "http" and parts.port is not None:
        # Nothing stands between us and the browser: the URL names the port to listen on.
        lines.append(f"MANDATE_PORT={parts.port}")
    if any(len(line.split()) != 1 for line in lines):
        raise Failure("a setting with white space in it cannot be right: see --help", code=2)
    _check(lines)
    # The database URL may hold a password. O_EXCL: never write through a planted link.
    handle = os.open(ENV, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("\n".join(lines) + "\n")
    return {"settings": True}


def _check(lines: list[str]) -> None:
    """Refuse settings that could not start before they are written."""
    from server.settings import Settings

    given = dict(line.removeprefix("MANDATE_").split("=", 1) for line in lines)
    Settings.model_validate(
        {"kek": os.environ.get("MANDATE_KEK")} | {k.lower(): v for k, v in given.items()}
    )


def _same_as_before(issuer: str | None, database_url: str | None) -> None:
    from server.settings import Settings

    held = Settings()
    for option, wanted, have in (
        ("--issuer", issuer, held.issuer),
        ("--database-url", database_url, held.database),
    ):
        if wanted is not None and wanted != have:
            raise Failure(f"{ENV} exists and says otherwise than {option}: edit that file")


def _make_kek(path: Path | None, url: str) -> dict[str, bool]:
    from server.domain.entropy import SystemEntropy
    from server.keys.kek import create_kek_file
    from server.storage.migrate import applied

    if path is None or path.exists():
        return {"kek": False}
    if applied(url):
        # A new key would not open what this database holds.
        raise Failure(f"the database has data, but its key {path} is gone: put that file back")
    create_kek_file(path, SystemEntropy())
    return {"kek": True}


async def _admin_link(core: "Core", email: str) -> str | None:
    from server.identity.addresses import good_address
    from server.identity.links import make_admin_link

    if email and not good_address(email):
        raise Failure(f"{output.plain(email)} is not an e-mail address", code=2)
    if await core.store.read(core.rows.users.has_admin):
        return None
    return await make_admin_link(core, email=email)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path.resolve())


def _tell(made: dict[str, bool], kek: Path | None, lacking: list[str], link: str | None) -> None:
    def line(new: bool, what: str) -> str:  # noqa: FBT001 - a helper of these five lines
        return f"{'made ' if new else 'kept '} {what}"

    output.say(line(made["settings"], f"settings: {output.plain(str(ENV.resolve()))}"))
    if kek is not None:
        name = output.plain(str(kek.resolve()))
        output.say(line(made["kek"], f"key-encryption key: {name} (keep a copy apart)"))
    output.say(line(bool(lacking), "database schema"))
    if link is None:
        output.say("kept  the administrator")
        output.say("\nNext: [bold]mandate serve[/bold]")
        return
    output.say("made  a one-time link for the first administrator (shown once, good for 24 hours):")
    output.say(f"\n  {output.plain(link)}\n")
    output.say("Next: [bold]mandate serve[/bold], then open the link.")
