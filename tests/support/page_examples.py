"""One or more view-models of every page, by name."""

from dataclasses import replace

from server.web.views import Page
from server.web.views.account import (
    ErrorPage,
    FormPostPage,
    MessagePage,
    SignedOutPage,
    SignInPage,
    SignOutPage,
    SignUpPage,
)
from server.web.views.admin import (
    AdminAgentsPage,
    AdminAuditPage,
    AdminDelegationsPage,
    AdminPeoplePage,
    AgentRow,
    PersonRow,
)
from server.web.views.applications import ApplicationRow, ApplicationsPage, ReturnAddress
from server.web.views.delegation import MyAgentsPage
from server.web.views.frame import Link, Notice, Paging
from tests.support.clock import NEW_YEAR_2026 as NOW
from tests.support.enterprise_views import ENTERPRISE, ENTERPRISE_REVOKED
from tests.support.page_views import (
    ADA,
    AGENT,
    AUDIT_ROWS,
    CONSENT,
    DAY,
    DELEGATION,
    DOCUMENTS,
    ENDED,
    HELPER,
    MINUTE,
    PREVIEW,
    PROFILE,
    PURPOSE,
    ROWS,
    STRANGER,
    SUSPEND,
    UNKNOWN,
    console,
)
from tests.support.why_views import WHY_EXAMPLES

APPLICATIONS = ApplicationsPage(
    frame=replace(ADA, notice=Notice(text="It was removed before.")),
    remove_action="/applications/remove",
    rows=(
        ApplicationRow(
            client_id="cli_chat",
            name="Acme Chat",
            addresses=(ReturnAddress(host="chat.acme.example"),),
            may=(
                "Know that it is you",
                "See your name",
                "See your e-mail address",
                "Until you take it back, also while you are not here",
            ),
            since=NOW - 40 * DAY,
        ),
        ApplicationRow(
            client_id="cli_notes",
            name="Notes on the command line for everybody",
            addresses=(
                ReturnAddress(host="127.0.0.1", is_local=True),
                ReturnAddress(host="com.example.notes.on.the.command.line:", is_local=True),
                ReturnAddress(host="a-rather-long-name.of-a-host.notes.example.org:8443"),
            ),
            may=("Know that it is you",),
            since=NOW - MINUTE,
        ),
    ),
)

#: Name of the rendered example -> (page, view-model, redirect URI's form target).
EXAMPLES: dict[str, tuple[str, Page, str | None]] = {
    "sign_in": (
        "sign_in",
        SignInPage(
            frame=STRANGER,
            action="/sign-in",
            for_name="Acme Chat",
            interaction="int_1",
            sign_up_url="/sign-up",
        ),
        None,
    ),
    "sign_in_problem": (
        "sign_in",
        SignInPage(
            frame=STRANGER,
            action="/sign-in",
            email="ada@example.org",
            problem="E-mail and password do not fit together.",
            sign_up_url="/sign-up",
        ),
        None,
    ),
    "sign_up": (
        "sign_up",
        SignUpPage(frame=STRANGER, action="/sign-up", sign_in_url="/sign-in"),
        None,
    ),
    "sign_up_admin": (
        "sign_up",
        SignUpPage(
            frame=STRANGER,
            action="/sign-up",
            heading="Make the first administrator",
            link="secret",
            email="ada@example.org",
            fixed_email=True,
            problem="This password is on a list of passwords that attackers try first. Choose another.",
            problem_field="password",
        ),
        None,
    ),
    "consent": ("consent", CONSENT, "https://chat.acme.example"),
    "consent_unverified": (
        "consent",
        replace(
            CONSENT,
            agent=UNKNOWN,
            client_name=UNKNOWN.name,
            purpose="",
            resources=(replace(DOCUMENTS, objects=(), objects_hidden=0),),
            hand_overs=(),
            downstreams=(),
            redirect_host="127.0.0.1:53112",
            redirect_is_local=True,
            may_share=False,
            replaces=False,
            problem="Nothing is switched on, so there is nothing to allow. Switch something on, or choose “Not now”.",
        ),
        "http://127.0.0.1:53112",
    ),
    "consent_application": (
        "consent",
        replace(
            CONSENT,
            kind="application",
            agent=replace(HELPER, name="Acme Chat"),
            purpose="",
            resources=(PROFILE,),
            hand_overs=(),
            downstreams=(),
            may_share=False,
            replaces=False,
        ),
        "https://chat.acme.example",
    ),
    "my_agents": (
        "my_agents",
        MyAgentsPage(
            frame=replace(
                ADA,
                notice=Notice(
                    text="Took away “Delete documents” from Research Helper.", tone="good"
                ),
            ),
            live=ROWS,
            ended=ENDED,
            paging=Paging(older_url="/agents?before=dlg_0"),
        ),
        None,
    ),
    "my_agents_none": ("my_agents", MyAgentsPage(frame=ADA, live=()), None),
    "applications": ("applications", APPLICATIONS, None),
    "applications_none": (
        "applications",
        ApplicationsPage(frame=ADA, remove_action="/applications/remove", rows=()),
        None,
    ),
    "delegation": ("delegation", DELEGATION, None),
    "delegation_ended": (
        "delegation",
        replace(
            DELEGATION,
            status="revoked",
            ended_why="You revoked it on 30 December.",
            revoke_url=None,
            narrow_url=None,
            actions=(),
            effects=(),
            last_used_at=None,
        ),
        None,
    ),
    "delegation_enterprise": ("delegation", ENTERPRISE, None),
    "delegation_enterprise_revoked": ("delegation", ENTERPRISE_REVOKED, None),
    "delegation_admin": (
        "delegation",
        replace(
            DELEGATION,
            frame=console("admin_delegations"),
            as_admin=True,
            narrow_url=None,
            undo_url=None,
            status="paused",
            ends_with_session=True,
            audit_url="/admin/audit?delegation=dlg_1",
            back_url="/admin/delegations",
        ),
        None,
    ),
    "preview_revoke": ("preview", PREVIEW, None),
    "preview_suspend": ("preview", SUSPEND, None),
    "preview_resume": (
        "preview",
        replace(
            SUSPEND,
            heading="Resume Research Helper?",
            sentence="Its delegations work again.",
            confirm="Resume",
            harmless=True,
            affected_hidden=0,
        ),
        None,
    ),
    "sign_out": (
        "sign_out",
        SignOutPage(frame=ADA, action="/logout", client_name="Acme Chat", request="signed"),
        None,
    ),
    "signed_out": (
        "signed_out",
        SignedOutPage(frame=STRANGER, sign_in_url="/sign-in", ended=1),
        None,
    ),
    "error": (
        "error",
        ErrorPage(
            frame=STRANGER,
            heading="This link does not work",
            what_happened="The application sent you here with an address that it has not registered.",
            what_to_do="Go back to the application and start again. If it happens again, tell its makers.",
            code="invalid_request",
            request_id="req_4f2a9c",
            links=(Link(text="My agents", url="/agents"),),
        ),
        None,
    ),
    "message": (
        "message",
        MessagePage(
            frame=STRANGER,
            heading="No mail is configured",
            paragraphs=(
                "This server cannot send e-mail, so it cannot send you a link.",
                "Ask an administrator to set a new password for you.",
            ),
            links=(Link(text="Back to sign-in", url="/sign-in"),),
        ),
        None,
    ),
    "form_post": (
        "form_post",
        FormPostPage(
            frame=STRANGER,
            client_name="Acme Chat",
            host="chat.acme.example",
            redirect_uri="https://chat.acme.example/callback",
            fields=(("code", "abc"), ("state", "xyz"), ("iss", "https://id.example.org")),
        ),
        "https://chat.acme.example",
    ),
    "admin_agents": (
        "admin/agents",
        AdminAgentsPage(
            frame=console("admin_agents", Notice(text="Research Helper is suspended.")),
            action="/admin/agents",
            query="help",
            rows=(
                AgentRow(agent=HELPER, purpose=PURPOSE, live=3, last_used_at=NOW - MINUTE),
                AgentRow(
                    agent=replace(UNKNOWN, status="suspended", url="/admin/agents/agt_unk"),
                    purpose="",
                    live=0,
                ),
            ),
            paging=Paging(newer_url="/admin/agents?p=1", older_url="/admin/agents?p=3"),
        ),
        None,
    ),
    "admin_agents_none": (
        "admin/agents",
        AdminAgentsPage(
            frame=console("admin_agents"), action="/admin/agents", rows=(), status="retired"
        ),
        None,
    ),
    "admin_agent": ("admin/agent", AGENT, None),
    "admin_agent_bare": (
        "admin/agent",
        replace(
            AGENT,
            agent=replace(UNKNOWN, status="suspended"),
            purpose="",
            ceiling=(),
            clients=(),
            delegations=(),
            metadata=(),
            not_before=0,
            suspend_url=None,
            resume_url="/admin/agents/agt_unk/resume",
        ),
        None,
    ),
    "admin_delegations": (
        "admin/delegations",
        AdminDelegationsPage(
            frame=console("admin_delegations"),
            action="/admin/delegations",
            rows=tuple(replace(row, person="ada@example.org") for row in (*ROWS, *ENDED)),
            status="live",
        ),
        None,
    ),
    "admin_delegations_none": (
        "admin/delegations",
        AdminDelegationsPage(
            frame=console("admin_delegations"),
            action="/admin/delegations",
            rows=(),
            query="nothing",
        ),
        None,
    ),
    "admin_people": (
        "admin/people",
        AdminPeoplePage(
            frame=console("admin_people"),
            action="/admin/people",
            rows=(
                PersonRow(
                    user_id="usr_ada",
                    name="Ada Byron",
                    email="ada@example.org",
                    is_admin=True,
                    status="active",
                    created_at=NOW - 300 * DAY,
                    live=3,
                    last_seen_at=NOW - MINUTE,
                    audit_url="/admin/audit?person=usr_ada",
                ),
                PersonRow(
                    user_id="usr_ben",
                    name="بنيامين",
                    email="ben@example.org",
                    is_admin=False,
                    status="disabled",
                    created_at=NOW - DAY,
                    live=0,
                    change_url="/admin/people/usr_ben/enable",
                    change="Enable…",
                    audit_url="/admin/audit?person=usr_ben",
                ),
            ),
        ),
        None,
    ),
    "admin_people_none": (
        "admin/people",
        AdminPeoplePage(frame=console("admin_people"), action="/admin/people", rows=()),
        None,
    ),
    "admin_audit": (
        "admin/audit",
        AdminAuditPage(
            frame=console("admin_audit"),
            action="/admin/audit",
            rows=AUDIT_ROWS,
            person="ada@example.org",
            unsealed=1,
            paging=Paging(older_url="/admin/audit?before=aud_3"),
        ),
        None,
    ),
    "admin_audit_none": (
        "admin/audit",
        AdminAuditPage(
            frame=console("admin_audit"),
            action="/admin/audit",
            rows=(),
            delegation="dlg_?",
            problem="That is not the id of a delegation.",
        ),
        None,
    ),
    **WHY_EXAMPLES,
}
