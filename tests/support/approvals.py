"""Calls that need a person's yes, as the documents server asks about them."""

import base64
import hashlib
import json
from typing import Any

from server.services.approvals import Answer, answer_approval
from server.services.escalation import Picked
from tests.support.stage import Stage
from tests.support.world import DOCS, World


def hash_of(arguments: dict[str, Any], tool: str = "read") -> str:
    """Hash a call as the contract says: base64url of SHA-256 of the canonical JSON."""
    text = json.dumps({"tool": tool, "arguments": arguments}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


ARGUMENTS = {"document_id": "t1"}


def asking(
    token: str,
    arguments: dict[str, Any] | None = None,
    *,
    on: str = "document:t1",
    scope: str = "docs:read",
    relation: str = "viewer",
    tool: str = "read",
    **approval: Any,
) -> dict[str, Any]:
    """Return an evaluation of a call that needs a yes."""
    kind, _, name = on.partition(":")
    wanted = {
        "arguments_hash": hash_of(ARGUMENTS if arguments is None else arguments, tool),
        "summary": "read(document_id=t1)",
        **approval,
    }
    return {
        "subject": {"type": "access_token", "id": token},
        "action": {"name": scope, "properties": {"relation": relation, "tool": tool}},
        "resource": {"type": kind, "id": name},
        "context": {"approval": wanted},
    }


async def subject_token(stage: Stage, scope: str = "docs:read docs:write") -> str:
    """Get A's own token by a code that is made now: good however late it is."""
    w, sid = stage.world, stage.grant.sid
    session = await w.core.store.read(lambda tx: w.core.rows.sessions.get(tx, sid or ""))
    code = await w.code(stage.a, stage.ada, grant=stage.grant, scope=scope, session=session)
    answer = await w.redeem(stage.a, code)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def docs_token(stage: Stage, scope: str = "docs:read docs:write") -> str:
    """Get A's token for the documents server."""
    subject = await subject_token(stage, scope)
    answer = await stage.world.exchange(stage.a, subject, resource=DOCS, scope=scope)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def say(w: World, stage: Stage, approval_id: str, *, yes: bool = True) -> Answer:
    """Answer as Ada, in the session under which she consented."""
    sid = stage.grant.sid
    assert sid is not None
    return await answer_approval(
        w.core, approval_id, user_id=stage.ada.id, sid=sid, yes=yes,
        picked=await everything(w, approval_id),
    )  # fmt: skip


async def everything(w: World, approval_id: str) -> Picked:
    """Return what somebody picks who gives all that was asked for."""
    found = await w.core.store.read(lambda tx: w.core.rows.approvals.get(tx, approval_id))
    details = found.asked.details if found is not None else ()
    return Picked(
        frozenset((n, s) for n, detail in enumerate(details) for s in detail.scopes),
        frozenset((n, o) for n, detail in enumerate(details) for o in detail.objects),
    )
