"""View-models: frozen values that routes build and templates show; templates see nothing else.

Each page has one class here and one template of the name in `PAGES`. All instants are Unix
milliseconds, all URLs absolute paths (the issuer's path included), and all text raw: escaping
and making hidden characters visible is the renderer's work. Each class names the form fields
that it posts.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

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
    AdminAgentPage,
    AdminAgentsPage,
    AdminAuditPage,
    AdminDelegationsPage,
    AdminPeoplePage,
)
from server.web.views.admin_clients import AdminClientsPage
from server.web.views.applications import ApplicationsPage
from server.web.views.approvals import AdminApprovalsPage, ApprovalPage, ApprovalsPage
from server.web.views.ask_admin import AskAdminPage
from server.web.views.consent import ConsentPage
from server.web.views.delegation import DelegationPage, MyAgentsPage, PreviewPage
from server.web.views.why import AdminWhyPage

#: Any page's view-model.
Page = (
    SignInPage
    | SignUpPage
    | SignOutPage
    | SignedOutPage
    | MessagePage
    | ErrorPage
    | FormPostPage
    | ConsentPage
    | MyAgentsPage
    | ApplicationsPage
    | ApprovalsPage
    | ApprovalPage
    | DelegationPage
    | PreviewPage
    | AdminAgentsPage
    | AdminAgentPage
    | AdminDelegationsPage
    | AdminApprovalsPage
    | AdminPeoplePage
    | AdminAuditPage
    | AdminWhyPage
    | AskAdminPage
    | AdminClientsPage
)

#: Name of each page (its template without `.html`) and the view-model that it takes.
PAGES: Final[Mapping[str, type[Page]]] = MappingProxyType(
    {
        "sign_in": SignInPage,
        "sign_up": SignUpPage,
        "sign_out": SignOutPage,
        "signed_out": SignedOutPage,
        "message": MessagePage,
        "error": ErrorPage,
        "form_post": FormPostPage,
        "consent": ConsentPage,
        "my_agents": MyAgentsPage,
        "applications": ApplicationsPage,
        "approvals": ApprovalsPage,
        "approval": ApprovalPage,
        "delegation": DelegationPage,
        "preview": PreviewPage,
        "admin/agents": AdminAgentsPage,
        "admin/agent": AdminAgentPage,
        "admin/delegations": AdminDelegationsPage,
        "admin/approvals": AdminApprovalsPage,
        "admin/people": AdminPeoplePage,
        "admin/audit": AdminAuditPage,
        "admin/why": AdminWhyPage,
        "ask_admin": AskAdminPage,
        "admin/clients": AdminClientsPage,
    }
)

__all__ = ["PAGES", "Page"]
