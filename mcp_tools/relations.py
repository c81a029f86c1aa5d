"""Tuples of a resource server's own object types: `POST /access/v1/relations`."""

from typing import Any

from mcp_tools.errors import RelationsRefused
from mcp_tools.evaluation import AccessApi
from mcp_tools.unavailable import IssuerUnavailable

Tuple = tuple[str, str, str]
"""`(user, relation, object)`, for example `("user:usr_x", "owner", "document:42")`."""


class Relations:
    """Writes relationship tuples, all of one call or none."""

    def __init__(self, api: AccessApi) -> None:
        self._api = api

    async def write(
        self,
        writes: list[Tuple] | None = None,
        deletes: list[Tuple] | None = None,
        labels: dict[str, str] | None = None,
        *,
        token: str | None = None,
        jkt: str | None = None,
    ) -> str:
        """Write and delete tuples; return the graph's revision after it.

        `labels` gives objects the names that the consent page shows. With `token` the tuples are
        recorded as that delegation's effect, and sharing with others needs the user's consent;
        `jkt` is the key of a bound token, whose proof was checked here (RFC 9449).
        Raises `RelationsRefused`; an unreachable Mandate is the reason `checker_unavailable`.
        """
        body: dict[str, Any] = {
            "writes": [_tuple(each) for each in writes or []],
            "deletes": [_tuple(each) for each in deletes or []],
        }
        if labels:
            body["labels"] = labels
        if token is not None:
            body["token"] = token
        if jkt is not None:
            body["cnf"] = {"jkt": jkt}
        try:
            answer = await self._api.post("relations", body)
            document = answer.json_object()
        except IssuerUnavailable:
            raise RelationsRefused("checker_unavailable") from None
        revision = document.get("revision")
        if answer.status != 200 or not isinstance(revision, str):
            reason = document.get("reason", document.get("error"))
            raise RelationsRefused(reason if isinstance(reason, str) else "relations_refused")
        return revision


def _tuple(each: Tuple) -> dict[str, str]:
    user, relation, object_ = each
    return {"user": user, "relation": relation, "object": object_}
