"""From a decision in the audit trail to the question about the leg that decided it."""

from urllib.parse import urlencode

from authz.decision import Reason
from server.domain.audit import AuditRecord, AuditTag
from server.domain.delegation import consent_subject

PATH = "/admin/why"


def why_link(record: AuditRecord) -> str | None:
    """Return the path of the reason, where one relation of one object decided.

    Of a consent with several details it asks about the first.
    """
    if record.tag is not AuditTag.DECISION or not record.object or " " in record.object:
        return None
    agent = f"agent:{record.agents[0]}" if record.agents else None
    asked: tuple[str | None, str]
    match record.reason:
        case None | Reason.USER_RELATION:
            asked = (
                f"user:{record.user_id}" if record.user_id else agent,
                record.detail.get("relation", ""),
            )
        case Reason.CONSENT_OBJECT if record.grant_id:
            asked = (consent_subject(record.grant_id, 0), "consented")
        case Reason.CEILING_OBJECT:
            asked = (agent, "ceiling")
        case _:
            return None
    user, relation = asked
    if not user or not relation:
        return None
    query = {"user": user, "relation": relation, "object": record.object}
    return f"{PATH}?{urlencode(query)}"
