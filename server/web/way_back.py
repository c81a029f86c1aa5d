"""Where to go after sign-in: a path of ours or a waiting authorization, never an open redirect."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

#: Our own sections and what may follow: no scheme, host, `//`, backslash, dot segment or escape.
_OWN_PATH: Final = re.compile(
    r"/(?:agents|approvals|applications|owned|admin)(?:/[A-Za-z0-9_-]+){0,4}(?:\?[A-Za-z0-9_=&@+-]{0,200})?"
)
_INTERACTION: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
HOME: Final = "/agents"


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where a sign-in leads: `interaction` (an id) or else `path`, without the issuer's path."""

    path: str = HOME
    interaction: str = ""

    @property
    def target(self) -> str:
        """Return the path to go to after sign-in."""
        return f"/interaction/{self.interaction}" if self.interaction else self.path

    def carried_by(self, page: str, **more: str) -> str:
        """Return `page` with a query that carries this way back through it."""
        query = dict(more)
        if self.interaction:
            query["interaction"] = self.interaction
        elif self.path != HOME:
            query["next"] = self.path
        return f"{page}?{urlencode(query)}" if query else page


def way_back(*, next_path: str | None, interaction: str | None) -> WayBack:
    """Read what the query names; anything that is not ours leads home."""
    if interaction and _INTERACTION.fullmatch(interaction):
        return WayBack(interaction=interaction)
    if next_path and _OWN_PATH.fullmatch(next_path):
        return WayBack(path=next_path)
    return WayBack()
