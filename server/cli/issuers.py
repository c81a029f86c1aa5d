"""`mandate issuer`: issuers outside that are trusted, and who their subjects are here."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import issuer_document, link_document
from server.cli.failure import Failure
from server.cli.issuer_file import from_file
from server.cli.opened import with_core
from server.domain.people import OPERATOR

if TYPE_CHECKING:
    from server.domain.core import Core
    from server.domain.issuers import IdentityLink, TrustedIssuer
    from server.services.trusted_issuers import Ended

app = typer.Typer(
    help="Trusted issuers: enterprises' identity providers, and platforms of workloads.",
    no_args_is_help=True,
)

Issuer = Annotated[str, typer.Argument(metavar="ISSUER", help="Its iss claim, as it is.")]
Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="The sub claim, as it is.")]


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="The issuer as TOML or JSON.")],
    in_place: Annotated[
        bool, typer.Option("--replace", help="Say anew what a trusted issuer may do.")
    ] = False,
    json: output.AsJson = False,
) -> None:
    """Trust an issuer for what its file says, and for nothing else."""
    value = from_file(file)

    async def work(core: "Core") -> "tuple[TrustedIssuer, Ended]":
        from server.services.trusted_issuers import add_issuer

        return await add_issuer(core, value, by=OPERATOR.id, in_place=in_place)

    stored, ended = with_core(work)
    if json:
        output.document({**issuer_document(stored), **_ended(ended)})
        return
    _tell(stored)
    _tell_ended(ended)


@app.command("list")
def show_all(json: output.AsJson = False) -> None:
    """List every trusted issuer."""
    issuers = with_core(lambda core: core.store.read(core.rows.issuers.all))
    if json:
        output.document({"issuers": [issuer_document(each) for each in issuers]})
        return
    output.table(
        ("issuer", "for", "keys", "clients", "made"),
        [
            (
                each.id,
                each.purpose,
                _keys(each),
                " ".join(
                    sorted(
                        {a.client_id for a in each.allowances}
                        | {w.client_id for w in each.workloads}
                    )
                ),
                output.moment(each.created_at),
            )
            for each in issuers
        ],
        nothing="No issuer is trusted: `mandate issuer add FILE` trusts one.",
    )


@app.command("show")
def show(issuer: Issuer, json: output.AsJson = False) -> None:
    """Show one trusted issuer with its rules and linked people."""

    async def work(core: "Core") -> "tuple[TrustedIssuer | None, list[IdentityLink]]":
        return await core.store.read(
            lambda tx: (
                core.rows.issuers.get(tx, issuer),
                core.rows.identities.of_issuer(tx, issuer),
            )
        )

    found, links = with_core(work)
    if found is None:
        raise Failure(f"{issuer} is not trusted: see `mandate issuer list`")
    if json:
        output.document(
            {**issuer_document(found), "links": [link_document(link) for link in links]}
        )
        return
    _tell(found)
    output.table(
        ("subject", "user", "linked"),
        [(link.subject, link.user_id, output.moment(link.created_at)) for link in links],
        nothing="Nobody is linked.",
    )


@app.command("remove")
def remove(issuer: Issuer, yes: output.Yes = False, json: output.AsJson = False) -> None:
    """Trust an issuer no more; what rests on it ends at once, its links are forgotten."""
    if not output.confirmed(f"Trust {issuer} no more?", yes=yes, json=json):
        raise Failure("nothing was removed")

    async def work(core: "Core") -> "Ended":
        from server.services.trusted_issuers import remove_issuer

        return await remove_issuer(core, issuer, by=OPERATOR.id)

    ended = with_core(work)
    if json:
        output.document({"issuer": issuer, **_ended(ended)})
        return
    output.say(f"{output.plain(issuer)} is not trusted any more.")
    _tell_ended(ended)


@app.command("link")
def link(
    issuer: Issuer,
    subject: Subject,
    user: Annotated[str, typer.Argument(metavar="USER", help="The id or the e-mail address.")],
    json: output.AsJson = False,
) -> None:
    """Say who a subject of an identity provider is here."""

    async def work(core: "Core") -> "IdentityLink":
        from server.cli.people import find
        from server.services.trusted_issuers import link_identity

        person = await core.store.read(lambda tx: find(core, tx, user))
        return await link_identity(core, issuer, subject, person.id, by=OPERATOR.id)

    made = with_core(work)
    if json:
        output.document(link_document(made))
    else:
        output.say(f"{output.plain(subject)} is {made.user_id}.")


@app.command("unlink")
def unlink(issuer: Issuer, subject: Subject, json: output.AsJson = False) -> None:
    """Forget who a subject is; what the issuer allowed for that person ends at once."""

    async def work(core: "Core") -> "Ended":
        from server.services.trusted_issuers import unlink_identity

        return await unlink_identity(core, issuer, subject, by=OPERATOR.id)

    ended = with_core(work)
    if json:
        output.document({"issuer": issuer, "subject": subject, **_ended(ended)})
        return
    output.say(f"{output.plain(subject)} is nobody here any more.")
    _tell_ended(ended)


def _tell(value: "TrustedIssuer") -> None:
    output.facts(
        [
            ("issuer", value.id),
            ("for", value.purpose.value),
            ("keys", _keys(value)),
            ("algorithms", " ".join(value.algorithms)),
            ("longest life", f"{value.max_lifetime} s"),
            ("reusable", "yes" if value.reusable else ""),
            ("decides on addresses at", " ".join(value.email_domains)),
            *(
                (
                    f"client {a.client_id} at {a.resource}",
                    f"{' '.join(sorted(a.scopes))} on {' '.join(a.objects) or 'no object'}",
                )
                for a in value.allowances
            ),
            *(
                (
                    f"workload {w.name}",
                    f"client {w.client_id} if "
                    + " and ".join(f"{r.claim} {r.how.value} {r.value}" for r in w.rules),
                )
                for w in value.workloads
            ),
        ]
    )


def _keys(value: "TrustedIssuer") -> str:
    if value.jwks is not None:
        return "pinned"
    return value.jwks_uri or "discovered"


def _ended(ended: "Ended") -> dict[str, object]:
    return {"delegations_closed": ended.delegations, "tokens_revoked": ended.tokens}


def _tell_ended(ended: "Ended") -> None:
    if ended.delegations or ended.tokens:
        output.say(f"Ended: {ended.delegations} delegations, {ended.tokens} tokens of workloads.")
