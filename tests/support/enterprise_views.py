"""The page of a delegation that an enterprise's identity provider allowed."""

from dataclasses import replace

from server.web.delegation_views import EVERYTHING_YOURS
from server.web.views.delegation import HeldObject
from tests.support.page_views import DELEGATION

ENTERPRISE = replace(
    DELEGATION,
    origin="acme.idp.example",
    resources=(
        replace(
            DELEGATION.resources[0],
            objects=(HeldObject(value="*", label=EVERYTHING_YOURS, kind=""),),
        ),
    ),
    hand_overs=(),
    downstreams=(),
    may_share=False,
)
ENTERPRISE_REVOKED = replace(
    ENTERPRISE,
    status="revoked",
    ended_why="You revoked it.",
    revoke_url=None,
    narrow_url=None,
    actions=(),
    effects=(),
    last_used_at=None,
    again_url="/agents/dlg_1/allow-again",
)
