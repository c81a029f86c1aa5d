"""View-models of the pages of approvals, for the gallery."""

from dataclasses import replace

from server.web.views import Page
from server.web.views.approvals import (
    AdminApprovalsPage,
    ApprovalPage,
    ApprovalRow,
    ApprovalsPage,
    AskedPart,
)
from server.web.views.delegation import HeldObject, HeldScope
from server.web.views.frame import Notice, Paging
from tests.support.clock import NEW_YEAR_2026 as NOW
from tests.support.page_views import ADA, HELPER, MINUTE, UNKNOWN, console

_ROW = ApprovalRow(
    url="/approvals/apv_1",
    agent=HELPER,
    asks="erase_document on Budget 2026",
    services=("Documents",),
    state="pending",
    asked_at=NOW - MINUTE,
    expires_at=NOW + 9 * MINUTE,
)
_ROWS = (
    _ROW,
    replace(
        _ROW,
        agent=UNKNOWN,
        asks="More: Create and change documents, Move documents between folders on"
        " Spring campaign, Household, Taxes and 2 more",
    ),
)
_EARLIER = (
    replace(_ROW, asks="share_document on Budget 2026", state="used"),
    replace(_ROW, asks="pay_invoice", state="denied", services=("Bookkeeping",)),
    replace(_ROW, asks="pay_invoice", state="expired", services=("Bookkeeping",)),
)
_CALL = ApprovalPage(
    frame=replace(ADA, section="approvals"),
    more=False,
    agent=HELPER,
    client_name="Acme Chat",
    helpers=("Acme planner",),
    tool="erase_document",
    tool_title="Erase a document for good",
    parts=(
        AskedPart(
            service="Documents",
            host="docs.example.org",
            scopes=(HeldScope(value="docs:delete", sentence="Delete documents", destructive=True),),
            objects=(
                HeldObject(value="document:42", label="Budget 2026", kind="Document"),
                HeldObject(value="document:43", label="\u202egnp.eciovni", kind="Document"),
            ),
            objects_matter=True,
        ),
    ),
    summary="Erase “Budget 2026” <b>and</b> its 14 older versions\u202e for good",
    state="pending",
    asked_at=NOW - MINUTE,
    expires_at=NOW + 9 * MINUTE,
    answered_at=None,
    good_for=10,
    is_ended=False,
    sign_in_again=True,
    sign_in_url="/sign-in?next=%2Fapprovals%2Fapv_1",
    action="/approvals/apv_1",
    grant_url="/agents/dlg_1",
    new_grant_url=None,
    back_url="/approvals",
)
_MORE = replace(
    _CALL,
    more=True,
    agent=UNKNOWN,
    helpers=(),
    tool="",
    tool_title="",
    parts=(
        replace(
            _CALL.parts[0],
            scopes=(
                HeldScope(value="docs:delete", sentence="Delete documents", destructive=True),
                HeldScope(value="docs:read", sentence="Read documents"),
                HeldScope(value="docs:write", sentence="Create and change documents"),
            ),
            scopes_on=frozenset({"docs:read", "docs:write"}),
            objects_on=frozenset({"folder:8"}),
            included={"docs:write": ("Read documents",)},
            objects=(
                HeldObject(value="folder:8", label="Household", kind="Folder", contains=True),
            ),
        ),
        AskedPart(
            number=1,
            service="Web Search",
            host="search.example.org",
            scopes=(HeldScope(value="search:query", sentence="Search the web"),),
            scopes_on=frozenset({"search:query"}),
            objects=(),
            objects_matter=False,
        ),
    ),
    summary="I need to write the summary into your folder.",
    sign_in_again=False,
)

APPROVAL_EXAMPLES: dict[str, tuple[str, Page, str | None]] = {
    "approvals": (
        "approvals",
        ApprovalsPage(frame=replace(ADA, section="approvals"), waiting=_ROWS, earlier=_EARLIER),
        None,
    ),
    "approvals_none": (
        "approvals",
        ApprovalsPage(frame=replace(ADA, section="approvals"), waiting=()),
        None,
    ),
    "approval": ("approval", _CALL, None),
    "approval_more": ("approval", _MORE, None),
    "approval_more_stale": ("approval", replace(_MORE, sign_in_again=True), None),
    "approval_ended": ("approval", replace(_CALL, is_ended=True), None),
    "approval_used": (
        "approval",
        replace(
            _CALL,
            frame=replace(ADA, notice=Notice(text="It was answered before. Nothing was changed.")),
            state="used",
            answered_at=NOW - MINUTE,
            action=None,
        ),
        None,
    ),
    "approval_more_given": (
        "approval",
        replace(
            _MORE, state="approved", answered_at=NOW, action=None, new_grant_url="/agents/dlg_2"
        ),
        None,
    ),
    "admin_approvals": (
        "admin/approvals",
        AdminApprovalsPage(
            frame=console("admin_delegations"),
            action="/admin/approvals",
            rows=tuple(
                replace(row, url=None, person="ada@example.org") for row in (*_ROWS, *_EARLIER)
            ),
            paging=Paging(older_url="/admin/approvals?before=1-apv_1"),
        ),
        None,
    ),
    "admin_approvals_none": (
        "admin/approvals",
        AdminApprovalsPage(
            frame=console("admin_delegations"),
            action="/admin/approvals",
            rows=(),
            pending_only=True,
        ),
        None,
    ),
}
