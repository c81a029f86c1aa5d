"""`mandate delegation`: what people allowed agents, listed, shown and revoked."""

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli import output
from server.cli.documents import agent_name, delegation_document
from server.cli.failure import Failure
from server.cli.opened import with_core
from server.domain.delegation import DelegationQuery, State
from server.domain.people import OPERATOR

if TYPE_CHECKING:
    from server.domain.core import Core
    from server.services.review import Listed, Names, Review
    from server.services.withdraw import Revoked

app = typer.Typer(help="Delegations: what people allowed agents.", no_args_is_help=True)

GrantId = Annotated[str, typer.Argument(metavar="DELEGATION", help="The id (dlg_…).")]


@app.command("list")
def show_all(
    user: Annotated[str, typer.Option(help="Only of this person: an id or address.")] = "",
    agent: Annotated[str, typer.Option(help="Only to this agent (agt_…).")] = "",
    state: Annotated[
        State | None,
        typer.Option(help="How they stand now.", metavar="|".join(filter(None, State))),
    ] = None,
    search: Annotated[
        str, typer.Option(help="An id, or part of an address, agent's name or resource.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    json: output.AsJson = False,
) -> None:
    """List delegations, the newest first."""

    async def work(core: "Core") -> "Listed":
        from server.cli.people import find
        from server.services.review import search_delegations

        user_id = (await core.store.read(lambda tx: find(core, tx, user))).id if user else ""
        query = DelegationQuery(
            user_id=user_id, agent_id=agent, text=search, state=state or State.ANY
        )
        return await search_delegations(core, query, limit)

    found = with_core(work)
    if json:
        rows = [delegation_document(d, found.names, found.conditions[d.id]) for d in found.rows]
        output.document({"delegations": rows})
        return
    output.table(
        ("id", "person", "agent", "stands", "scopes", "until", "last used"),
        [
            (
                d.id,
                _person(found.names, d.user_id),
                agent_name(found.names, d.agent_id),
                found.conditions[d.id],
                " ".join(sorted({s for detail in d.details for s in detail.scopes})),
                output.moment(d.expires_at),
                output.moment(found.names.last_use.get(d.id)),
            )
            for d in found.rows
        ],
        nothing="No delegations.",
    )


@app.command("show")
def show(grant_id: GrantId, json: output.AsJson = False) -> None:
    """Show one delegation: what it allows, its hops, and what it left behind."""
    review = with_core(lambda core: _review(core, grant_id))
    if json:
        output.document(_full(review))
        return
    d, names = review.delegation, review.names
    output.facts(
        [
            ("delegation", d.id),
            ("person", f"{review.person.email} ({d.user_id})"),
            ("agent", f"{agent_name(names, d.agent_id)} ({d.agent_id})"),
            ("through", f"{review.client_name} ({d.client_id})"),
            ("stands", review.conditions[d.id]),
            ("why it ended", d.revoked_reason),
            ("allowed by", d.origin),
            ("purpose", d.purpose),
            *((f"at {p.resource}", _allowed(p.scopes, p.objects)) for p in d.details),
            ("may hand over to", " ".join(agent_name(names, a) for a in d.allow_agents)),
            ("may share", "yes" if d.allow_sharing else "no"),
            ("below", d.parent_id),
            ("until", output.moment(d.expires_at)),
            ("last used", output.moment(names.last_use.get(d.id))),
        ]
    )
    _tell_what_dies(review)


@app.command("revoke")
def revoke(
    grant_id: GrantId,
    preview: Annotated[bool, typer.Option("--preview", help="Only show what would end.")] = False,
    undo_effects: Annotated[
        bool, typer.Option("--undo-effects", help="Also take back rights that it gave away.")
    ] = False,
    reason: Annotated[str, typer.Option(help="For the audit trail.")] = "",
    yes: output.Yes = False,
    json: output.AsJson = False,
) -> None:
    """End a delegation with everything below it, everywhere at once, after showing what dies."""
    review = with_core(lambda core: _review(core, grant_id))
    if preview:
        if json:
            output.document({"preview": True, **_dying(review)})
        else:
            _tell_what_dies(review)
        return
    if not yes:
        _tell_what_dies(review)
    if not output.confirmed("Revoke it?", yes=yes, json=json):
        raise Failure("nothing was revoked")
    undo = [e.id for e in review.effects if e.undone_at is None] if undo_effects else []
    done = with_core(lambda core: _revoke(core, grant_id, reason, undo))
    if json:
        output.document(
            {"preview": False, **_dying(review), "delegations_closed": done.closed,
             "effects_undone": done.undone}
        )  # fmt: skip
    elif done.closed:
        output.say(f"Revoked: {done.closed} delegations, {done.undone} effects undone.")
    else:
        output.say("It had ended before; nothing changed.")


@app.command("lift")
def lift(grant_id: GrantId, json: output.AsJson = False) -> None:
    """Let an identity provider allow again what was revoked; nothing comes back by itself."""

    async def work(core: "Core") -> bool:
        from server.services.withdraw import By, NotYours, allow_again

        done = await allow_again(core, grant_id, By(user=OPERATOR, as_admin=True))
        if isinstance(done, NotYours):
            raise Failure(f"there is no delegation {grant_id}: see `mandate delegation list`")
        return done

    changed = with_core(work)
    if json:
        output.document({"grant_id": grant_id, "changed": changed})
    else:
        output.say("It may be allowed again." if changed else "There was nothing to lift.")


async def _review(core: "Core", grant_id: str) -> "Review":
    from server.services.review import review_delegation

    review = await review_delegation(core, grant_id, reader=OPERATOR, as_admin=True)
    if review is None:
        raise Failure(f"there is no delegation {grant_id}: see `mandate delegation list`")
    return review


async def _revoke(core: "Core", grant_id: str, reason: str, undo: list[str]) -> "Revoked":
    from server.services.withdraw import By, NotYours
    from server.services.withdraw import revoke as withdraw

    by = By(user=OPERATOR, as_admin=True, reason=reason)
    done = await withdraw(core, grant_id, by, undo=undo)
    if isinstance(done, NotYours):
        raise Failure(f"there is no delegation {grant_id}: see `mandate delegation list`")
    return done


def _full(review: "Review") -> dict[str, object]:
    d = review.delegation
    return {
        **delegation_document(d, review.names, review.conditions[d.id]),
        **_dying(review),
        "email": review.person.email,
        "client_name": review.client_name,
        "tree": [
            delegation_document(row, review.names, review.conditions[row.id])
            for row in review.tree
        ],
        "effects": [
            {"effect_id": e.id, "grant_id": e.grant_id, "subject": e.subject,
             "relation": e.relation, "object": e.object, "created_at": e.created_at,
             "undone_at": e.undone_at}
            for e in review.effects
        ],
    }  # fmt: skip


def _dying(review: "Review") -> dict[str, object]:
    return {
        "grant_id": review.delegation.id,
        "ends": [d.id for d in review.below if d.revoked_at is None],
        "live_tokens": review.live_tokens,
        "effects_left": sum(e.undone_at is None for e in review.effects),
    }


def _tell_what_dies(review: "Review") -> None:
    standing = [d for d in review.below if d.revoked_at is None]
    output.table(
        ("what ends with it", "agent", "stands", "last used"),
        [
            (d.id, agent_name(review.names, d.agent_id), review.conditions[d.id],
             output.moment(review.names.last_use.get(d.id)))
            for d in standing
        ],
        nothing="It has ended already.",
    )  # fmt: skip
    left = sum(e.undone_at is None for e in review.effects)
    output.say(f"Live tokens: {review.live_tokens}. Rights that it gave away and stay: {left}.")


def _allowed(scopes: frozenset[str], objects: tuple[str, ...]) -> str:
    return f"{' '.join(sorted(scopes)) or 'nothing'} on {' '.join(objects) or 'no object'}"


def _person(names: "Names", user_id: str) -> str:
    person = names.people.get(user_id)
    return person.email if person else user_id
