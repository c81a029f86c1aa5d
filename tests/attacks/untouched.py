"""Counts what a refused request must leave alone, and looks at how a refusal is said."""

from typing import Any

import httpx2
import sqlalchemy as sa

from authz.tx import Tx
from server.web.openapi.reasons import ERRORS, EVERY
from tests.support.world import World

# Not the audit: it says what was refused.
TABLES = (
    "token", "refresh_family", "refresh_token", "client_assertion", "authorization_code",
    "delegation", "delegation_effect", "pushed_request", "interaction", "user_consent", "session",
    "security_change", "object_label", "authz_tuple",
)  # fmt: skip
USED = (
    ("token", "WHERE revoked_at IS NOT NULL"), ("refresh_token", "WHERE used_at IS NOT NULL"),
    ("refresh_family", "WHERE revoked_at IS NOT NULL"),
    ("authorization_code", "WHERE used_at IS NOT NULL"),
)  # fmt: skip


async def state_of(w: World) -> dict[str, Any]:
    """Return the number of rows of every table, and of those that were used or revoked."""
    counted = [*((table, "") for table in TABLES), *USED]

    def count(tx: Tx) -> dict[str, Any]:
        return {
            f"{table} {where}": tx.fetch(sa.text(f"SELECT count(*) FROM {table} {where}"))[0][0]
            for table, where in counted
        }

    return await w.core.store.read(count)


def fault_of(answer: httpx2.Response, *expected: str) -> str | None:
    """Return what is wrong with an error answer of a JSON endpoint; none if it is as it must be.

    `expected` are the acceptable codes, each with its status if that is not 400: `x` or `401 x`.
    """
    wanted = {(int(c[:3]), c[4:]) if c[:3].isdigit() else (400, c) for c in expected}
    if answer.headers.get("content-type") != "application/json":
        return f"{answer.status_code} {answer.headers.get('content-type')} {answer.text[:200]}"
    body = answer.json()
    if (answer.status_code, body.get("error")) not in wanted:
        return f"{answer.status_code} {body}"
    if set(body) != {"error", "error_description", "reason", "action"}:
        return f"members {body}"
    if body["reason"] not in EVERY or body["error"] not in ERRORS:
        return f"not in the closed list: {body}"
    if answer.headers.get("cache-control") != "no-store":
        return "may be stored"
    # RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
    if not all(" " <= char <= "~" and char not in '"\\' for char in body["error_description"]):
        return f"characters {body['error_description']!r}"
    return None
