"""View-models of the pages of clients that registered themselves, by name."""

from dataclasses import replace

from server.web.views import Page
from server.web.views.admin_clients import AdminClientsPage, HostRule, WaitingHost
from server.web.views.ask_admin import AskAdminPage
from tests.support.clock import NEW_YEAR_2026 as NOW
from tests.support.page_views import (
    ADA,
    CONSENT,
    DAY,
    DOCUMENTS,
    MINUTE,
    STRANGER,
    UNKNOWN,
    console,
)
from tests.support.pictures import EXAMPLE_LOGO

CLIENT_EXAMPLES: dict[str, tuple[str, Page, str | None]] = {
    "consent_document": (
        "consent",
        replace(
            CONSENT,
            agent=UNKNOWN,
            client_name=UNKNOWN.name,
            purpose="",
            resources=(replace(DOCUMENTS, objects=(), objects_hidden=0),),
            hand_overs=(),
            downstreams=(),
            self_registered=True,
            client_host="a-rather-long-name.of-a-host.assistants.example.org",
            logo_url=EXAMPLE_LOGO,
            redirect_host="a-rather-long-name.of-a-host.assistants.example.org",
            may_share=False,
            replaces=False,
        ),
        "https://a-rather-long-name.of-a-host.assistants.example.org",
    ),
    "consent_document_local": (
        "consent",
        replace(
            CONSENT,
            agent=UNKNOWN,
            client_name=UNKNOWN.name,
            purpose="",
            resources=(replace(DOCUMENTS, objects=(), objects_hidden=0),),
            hand_overs=(),
            downstreams=(),
            self_registered=True,
            client_host="tools.example.org",
            only_local=True,
            redirect_host="127.0.0.1:53112",
            redirect_is_local=True,
            may_share=False,
            replaces=False,
        ),
        "http://127.0.0.1:53112",
    ),
    "ask_admin": (
        "ask_admin",
        AskAdminPage(
            frame=ADA,
            host="tools.example.org",
            client_id="https://tools.example.org/oauth/a-long-name-of-a-document/client.json",
            action="/ask-admin",
        ),
        None,
    ),
    "ask_admin_stranger": (
        "ask_admin",
        AskAdminPage(
            frame=STRANGER,
            host="tools.example.org",
            client_id="https://tools.example.org/client.json",
            sign_in_url="/sign-in",
        ),
        None,
    ),
    "ask_admin_asked": (
        "ask_admin",
        AskAdminPage(
            frame=ADA,
            host="tools.example.org",
            client_id="https://tools.example.org/client.json",
            asked=True,
        ),
        None,
    ),
    "admin_clients": (
        "admin/clients",
        AdminClientsPage(
            frame=console("admin_clients"),
            action="/admin/clients",
            otherwise="ask",
            waiting=(
                WaitingHost(
                    host="tools.example.org",
                    client_id="https://tools.example.org/oauth/a-long-name-of-a-document/client.json",
                    person="ada@example.org",
                    times=3,
                    last_at=NOW - MINUTE,
                ),
            ),
            rules=(
                HostRule(host="*.partner.example", trust="allow", since=NOW - 40 * DAY),
                HostRule(
                    host="a-rather-long-name.of-a-host.assistants.example.org",
                    trust="deny",
                    since=NOW - DAY,
                ),
            ),
        ),
        None,
    ),
    "admin_clients_none": (
        "admin/clients",
        AdminClientsPage(
            frame=console("admin_clients"),
            action="/admin/clients",
            otherwise="off",
            host="*.com",
            problem="That is no host, nor *. and a domain of two names or more.",
        ),
        None,
    ),
}
