"""The arguments of the tools, bounded, with what a model must know to fill them in."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from mcp_tools.call import admitted
from mcp_tools.errors import CallRefused
from mcp_tools.tools.desks import Cut

PLAIN: Final = r"^[^\u0000-\u001f\u007f]*$"
"""No control characters: no name of ours has one, and a database refuses NUL."""

GrantId = Annotated[
    str,
    Field(
        max_length=64,
        pattern=PLAIN,
        description="A delegation's id (`dlg_…`), from a list of delegations.",
    ),
]
AgentId = Annotated[
    str, Field(max_length=64, pattern=PLAIN, description="An agent's id (`agt_…`).")
]
ResourceUri = Annotated[
    str,
    Field(
        max_length=512,
        pattern=PLAIN,
        description="The resource's URI, exactly as `whoami` names it.",
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=256, pattern=PLAIN)]
ScopeName = Annotated[
    # RFC 6749 §3.3: one scope, so that no name smuggles in a second one.
    str,
    Field(max_length=256, pattern=r"^[\u0021\u0023-\u005b\u005d-\u007e]+$"),
]
Scopes = Annotated[
    list[ScopeName],
    Field(max_length=64, description="Scopes by name, as a delegation lists them."),
]
Objects = Annotated[
    list[Name], Field(max_length=50, description="Objects as `type:id`, such as `folder:42`.")
]
Cursor = Annotated[
    str | None,
    Field(max_length=128, description="`next_cursor` of the page before; none for the first."),
]
Ended = Annotated[
    bool, Field(description="List delegations that were revoked or expired instead of live ones.")
]
Lifetime = Annotated[
    int | None, Field(ge=1, le=90 * 86400, description="Let it end this many seconds from now.")
]


class PartToHandOn(BaseModel):
    """Part of your own authority."""

    model_config = ConfigDict(extra="forbid")

    resource: ResourceUri
    scopes: Scopes
    objects: Objects = []


Parts = Annotated[
    list[PartToHandOn],
    Field(
        min_length=1,
        max_length=10,
        description="What the other agent needs for its task and no more; each part within yours.",
    ),
]


def caller() -> str:
    """Return the id of the token that the running call came with."""
    request = admitted()
    if request is None:
        raise CallRefused("not_protected", "this tool runs behind mcp_tools.protect only")
    return request.token.jti


def cut(scopes: list[str], objects: list[str], expires_in: int | None) -> Cut:
    """Collect what is to be given up."""
    return Cut(scopes=frozenset(scopes), objects=frozenset(objects), expires_in=expires_in)
