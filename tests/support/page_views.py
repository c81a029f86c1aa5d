"""What pages really show: a person, her agents, what they may do and what they did."""

from dataclasses import replace

from server.web.views.admin import (
    AdminAgentPage,
    AgentClient,
    AuditRow,
    CeilingRow,
)
from server.web.views.consent import (
    ConsentPage,
    DownstreamChoice,
    DurationChoice,
    HandOverChoice,
    ObjectChoice,
    ResourceAsk,
    ScopeChoice,
)
from server.web.views.delegation import (
    ActionRow,
    DelegationNode,
    DelegationPage,
    DelegationRow,
    EffectRow,
    HeldObject,
    HeldPermission,
    HeldResource,
    HeldScope,
    PreviewPage,
)
from server.web.views.frame import AgentBadge, Frame, Notice
from tests.support.clock import NEW_YEAR_2026 as NOW

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STRANGER = Frame(csrf="csrf-token")
ADA = Frame(csrf="csrf-token", signed_in_as="ada@example.org", section="agents")


def console(section: str, notice: Notice | None = None) -> Frame:
    return replace(ADA, is_admin=True, section=section, notice=notice)  # type: ignore[arg-type]


HELPER = AgentBadge(
    agent_id="agt_7m4q2xk9c3vbn8wj5tfr6hysda",
    name="Research Helper",
    owner="Acme Labs",
    verified=True,
    url="/admin/agents/agt_7m4q2xk9c3vbn8wj5tfr6hysda",
)
SUMMARIZER = AgentBadge(agent_id="agt_sum", name="Summarizer", owner="Acme Labs", verified=True)
SELF_MADE = AgentBadge(
    agent_id="agt_own",
    name="Acme Support",
    owner=None,
    verified=False,
    self_made_owner=True,
)
UNKNOWN = AgentBadge(agent_id="agt_unk", name="Totally Official Helper", owner=None, verified=False)
PURPOSE = "Read your notes on the spring campaign and draft a summary for the Monday meeting."

DOCUMENTS = ResourceAsk(
    name="Documents",
    host="docs.example.org",
    scopes=(
        ScopeChoice(value="docs:read", sentence="Read documents", asked=True, ticked=True),
        ScopeChoice(
            value="docs:write", sentence="Create and change documents", asked=True, ticked=True
        ),
        ScopeChoice(value="docs:move", sentence="Move documents between folders"),
        ScopeChoice(value="docs:delete", sentence="Delete documents", asked=True, destructive=True),
    ),
    objects=(
        ObjectChoice(
            value="folder:7",
            label="Spring campaign",
            kind="Folder",
            contains=True,
            asked=True,
            ticked=True,
        ),
        ObjectChoice(value="folder:8", label="Household", kind="Folder", contains=True),
        ObjectChoice(value="document:42", label="Budget 2026", kind="Document"),
    ),
    objects_hidden=214,
)
PROFILE = ResourceAsk(
    name="Your account",
    host="",
    scopes=(
        ScopeChoice(value="openid", sentence="Know that it is you", fixed=True),
        ScopeChoice(value="email", sentence="See your e-mail address", asked=True, ticked=True),
    ),
    objects_matter=False,
)
CONSENT = ConsentPage(
    frame=replace(ADA, section=""),
    action="/consent",
    interaction="int_1",
    kind="agent",
    agent=HELPER,
    client_name="Acme Chat",
    purpose=PURPOSE,
    resources=(DOCUMENTS, PROFILE),
    durations=(
        DurationChoice(value="session", label="Until I sign out", ticked=True),
        DurationChoice(value="3600", label="One hour"),
        DurationChoice(value="86400", label="One day"),
        DurationChoice(value="2592000", label="30 days", hint="The longest"),
    ),
    redirect_host="chat.acme.example",
    hand_overs=(
        HandOverChoice(value="agt_sum", agent=SUMMARIZER, purpose="Shortens long texts."),
        HandOverChoice(value="agt_unk", agent=UNKNOWN),
        HandOverChoice(value="agt_own", agent=SELF_MADE, purpose="Answers your questions."),
    ),
    downstreams=(
        DownstreamChoice(
            value="docs>search",
            service="Documents",
            target="Web Search",
            sentence="Search the web for what you are reading",
        ),
    ),
    switch_account_url="/sign-in?again",
    replaces=True,
)

ROW = DelegationRow(
    grant_id="dlg_1",
    url="/agents/dlg_1",
    agent=replace(HELPER, url=None),
    services=("Documents", "Web Search"),
    status="live",
    given_at=NOW - 3 * DAY,
    expires_at=NOW + 27 * DAY,
    last_used_at=NOW - 4 * MINUTE,
    purpose=PURPOSE,
    hops=1,
)
ROWS = (
    ROW,
    replace(
        ROW,
        grant_id="dlg_2",
        agent=UNKNOWN,
        services=("Calendar",),
        expires_at=None,
        last_used_at=None,
        purpose="",
        hops=0,
    ),
    replace(
        ROW,
        grant_id="dlg_3",
        agent=replace(SUMMARIZER, status="suspended"),
        status="paused",
        services=("Documents",),
        hops=3,
    ),
)
ENDED = (
    replace(
        ROW,
        grant_id="dlg_0",
        status="revoked",
        last_used_at=NOW - 40 * DAY,
        given_at=NOW - 90 * DAY,
        expires_at=NOW - 39 * DAY,
    ),
)

TREE = DelegationNode(
    grant_id="dlg_1",
    agent=HELPER,
    status="live",
    may=("Read documents", "Create and change documents"),
    here=True,
    last_used_at=NOW - 4 * MINUTE,
    children=(
        DelegationNode(
            grant_id="dlg_1a",
            agent=SUMMARIZER,
            status="live",
            may=("Read documents",),
            url="/agents/dlg_1a",
            last_used_at=NOW - 2 * HOUR,
            children=(
                DelegationNode(
                    grant_id="dlg_1b",
                    agent=UNKNOWN,
                    status="expired",
                    may=("Read documents",),
                    url="/agents/dlg_1b",
                ),
            ),
        ),
        DelegationNode(
            grant_id="dlg_1c",
            agent=replace(SUMMARIZER, name="Translator"),
            status="revoked",
            url="/agents/dlg_1c",
        ),
    ),
)
EFFECTS = (
    EffectRow(
        effect_id="eff_1",
        at=NOW - HOUR,
        sentence="Shared Budget 2026 with Ben",
        agent_name="Research Helper",
    ),
    EffectRow(
        effect_id="eff_2",
        at=NOW - DAY,
        sentence="Made you the owner of Summary for Monday",
        agent_name="Summarizer",
        undone_at=NOW - HOUR,
    ),
    EffectRow(
        effect_id="eff_3",
        at=NOW - DAY,
        sentence="Shared an old draft with Chris",
        agent_name="Summarizer",
        can_undo=False,
    ),
)
DELEGATION = DelegationPage(
    frame=ADA,
    grant_id="dlg_9x2mw7c4kq8v3nb5tfr6hysdaj",
    agent=HELPER,
    client_name="Acme Chat",
    person="ada@example.org",
    purpose=PURPOSE,
    status="live",
    given_at=NOW - 3 * DAY,
    expires_at=NOW + 27 * DAY,
    last_used_at=NOW - 4 * MINUTE,
    resources=(
        HeldResource(
            name="Documents",
            host="docs.example.org",
            scopes=(
                HeldScope(value="docs:read", sentence="Read documents"),
                HeldScope(value="docs:delete", sentence="Delete documents", destructive=True),
            ),
            objects=(
                HeldObject(value="folder:7", label="Spring campaign", kind="Folder", contains=True),
                HeldObject(value="document:42", label="Budget 2026", kind="Document"),
            ),
        ),
        HeldResource(
            name="Your account",
            host="",
            scopes=(HeldScope(value="email", sentence="See your e-mail address"),),
            objects_matter=False,
        ),
    ),
    root=TREE,
    actions=(
        ActionRow(
            at=NOW - 4 * MINUTE,
            agents=("Research Helper",),
            what="Read",
            outcome="done",
            object_label="Campaign notes",
        ),
        ActionRow(
            at=NOW - 2 * HOUR,
            agents=("Summarizer", "Research Helper"),
            what="Tried to delete",
            outcome="refused",
            object_label="Budget 2026",
            why="You did not allow Summarizer to delete documents.",
        ),
        ActionRow(
            at=NOW - 3 * HOUR,
            agents=("Research Helper",),
            what="Handed work to Summarizer",
            outcome="done",
        ),
    ),
    effects=EFFECTS,
    hand_overs=(HeldPermission(value="agt_sum", sentence="Summarizer"),),
    downstreams=(
        HeldPermission(value="docs>search", sentence="Search the web for what you are reading"),
    ),
    may_share=True,
    back_url="/agents",
    revoke_url="/agents/dlg_1/revoke",
    narrow_url="/agents/dlg_1/narrow",
    undo_url="/agents/dlg_1/undo",
)
PREVIEW = PreviewPage(
    frame=ADA,
    heading="Revoke this delegation?",
    sentence="Research Helper and everyone it handed work to stop at once. This cannot be taken back; it would have to ask you again.",
    action="/agents/dlg_1/revoke",
    confirm="Revoke",
    cancel_url="/agents/dlg_1",
    facts=(("Agents that stop", "3"), ("Tokens that die", "5"), ("Used last", "4 minutes ago")),
    tree_nodes=(TREE,),
    effects=EFFECTS,
)
SUSPEND = PreviewPage(
    frame=console("admin_agents"),
    heading="Suspend Research Helper?",
    sentence="Nothing it asks for is allowed until you resume it. Its delegations stay.",
    action="/admin/agents/agt_1/suspend",
    confirm="Suspend",
    cancel_url="/admin/agents/agt_1",
    affected=tuple(replace(row, person="ada@example.org") for row in ROWS),
    affected_hidden=12,
    asks_reason=True,
)
AGENT = AdminAgentPage(
    frame=console("admin_agents"),
    agent=HELPER,
    uri="https://id.example.org/agents/agt_7m4q2xk9c3vbn8wj5tfr6hysda",
    purpose=PURPOSE,
    created_at=NOW - 200 * DAY,
    not_before=NOW - 10 * DAY,
    ceiling=(
        CeilingRow(
            service="Documents",
            host="docs.example.org",
            scopes=("Read documents", "Create and change documents"),
            objects=("Spring campaign",),
        ),
        CeilingRow(service="Web Search", host="search.example.org", scopes=("Search the web",)),
    ),
    clients=(
        AgentClient(
            client_id="cli_research",
            name="Research Helper in production",
            method="signs with its own key",
        ),
        AgentClient(
            client_id="cli_old", name="Old test client", method="shared secret", status="disabled"
        ),
    ),
    delegations=tuple(replace(row, person="ada@example.org") for row in ROWS),
    metadata=(("Model", "lark-4"), ("Version", "2026.1")),
    delegations_url="/admin/delegations?q=agt_1",
    audit_url="/admin/audit?agent=agt_1",
    suspend_url="/admin/agents/agt_1/suspend",
    retire_url="/admin/agents/agt_1/retire",
    back_url="/admin/agents",
)
AUDIT_ROWS = (
    AuditRow(
        audit_id="aud_1",
        at=NOW - MINUTE,
        what="Token exchanged",
        tag="token:exchange:issued",
        outcome="done",
        person="ada@example.org",
        agents=("Summarizer", "Research Helper"),
        client="Acme Chat",
        grant_id="dlg_1a",
        grant_url="/admin/delegations/dlg_1a",
        target="Documents",
    ),
    AuditRow(
        audit_id="aud_2",
        at=NOW - 2 * MINUTE,
        what="Tool call refused",
        tag="decision:call:denied",
        outcome="refused",
        person="ada@example.org",
        agents=("Research Helper",),
        grant_id="dlg_1",
        grant_url="/admin/delegations/dlg_1",
        target="Budget 2026",
        reason="user_relation",
        why_url="/admin/why?user=user%3Ausr_ada&relation=viewer&object=document%3A42",
        sealed=True,
    ),
    AuditRow(
        audit_id="aud_3",
        at=NOW - DAY,
        what="Key rotated",
        tag="key:signing:rotated",
        outcome="done",
        sealed=True,
    ),
)
