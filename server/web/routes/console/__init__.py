"""`/admin`: the administrator's console. Everybody else finds nothing there (404)."""

from server.web.routes.console import (
    agents,
    approvals,
    audit,
    clients,
    delegations,
    one_agent,
    people,
    why,
)

MODULES = (agents, one_agent, delegations, approvals, people, clients, audit, why)
