"""Make every repository: the one place that joins the ports to their SQL."""

from server.domain.entropy import Entropy
from server.domain.ports import Repositories
from server.storage.applications import Applications
from server.storage.approvals import Approvals
from server.storage.audit import SqlAudit
from server.storage.audit_seal import SqlAuditTrail
from server.storage.client_logos import SqlClientLogos
from server.storage.client_trust import SqlClientTrust
from server.storage.delegations import Delegations, Effects
from server.storage.flow import Interactions, PushedRequests, RememberedConsents
from server.storage.initial_tokens import SqlInitialTokens
from server.storage.issuers import IdentityLinks, IdJagPolicies, TrustedIssuers
from server.storage.people import Links, Sessions, Users
from server.storage.proofs import Proofs
from server.storage.registry import Agents, Clients
from server.storage.resources import Resources
from server.storage.self_registration import SqlRegistrations
from server.storage.sign_in_failures import SignInFailures
from server.storage.tokens import Assertions, Codes, RefreshTokens, Tokens


def repositories(entropy: Entropy) -> Repositories:
    """Return the repositories of one server."""
    return Repositories(
        clients=Clients(),
        agents=Agents(),
        resources=Resources(),
        users=Users(),
        sessions=Sessions(),
        links=Links(),
        failures=SignInFailures(),
        delegations=Delegations(),
        effects=Effects(),
        tokens=Tokens(),
        codes=Codes(),
        refresh=RefreshTokens(),
        assertions=Assertions(),
        proofs=Proofs(),
        pushed=PushedRequests(),
        interactions=Interactions(),
        consents=RememberedConsents(),
        applications=Applications(),
        approvals=Approvals(),
        issuers=TrustedIssuers(),
        identities=IdentityLinks(),
        id_jag_policies=IdJagPolicies(),
        registrations=SqlRegistrations(),
        logos=SqlClientLogos(),
        trust=SqlClientTrust(),
        initial_tokens=SqlInitialTokens(),
        audit=SqlAudit(entropy),
        trail=SqlAuditTrail(),
    )
