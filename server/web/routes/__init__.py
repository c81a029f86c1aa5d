"""Every route of the server, and where it hangs."""

from starlette.routing import BaseRoute, Route

from server.services import Services
from server.web.front import derived, make_front
from server.web.routes import (
    access,
    applications,
    approval_state,
    approvals,
    ask_admin,
    authorize,
    client_logo,
    consent,
    console,
    end_session,
    graph,
    home,
    my_agents,
    owned,
    par,
    protocol,
    register,
    setup,
    sign_in,
    sign_out,
    sign_up,
    well_known,
)
from server.web.routes.well_known import root_routes

PEOPLE = (
    home,
    setup,
    sign_in,
    sign_up,
    sign_out,
    my_agents,
    approvals,
    owned,
    applications,
    ask_admin,
    client_logo,
    *console.MODULES,
)
"""Pages for people: the only routes that the OpenAPI document does not describe."""


def machine_routes(services: Services) -> list[Route]:
    """Return the routes that programs call, below the issuer's path, the busiest first."""
    groups = (
        module.routes(services)
        for module in (protocol, access, graph, well_known, par, approval_state, register)
    )
    return [route for group in groups for route in group]


def page_routes(services: Services) -> list[BaseRoute]:
    """Return the routes of pages, below the issuer's path."""
    front = make_front(services.core, secret_key=services.secret_key)
    pages = [module.routes(front) for module in PEOPLE]
    code_key = derived(services.secret_key, b"authorization-code")
    pages += [
        authorize.routes(front, code_key, services.arrivals),
        consent.routes(front, code_key),
        end_session.routes(front, services.reader),
    ]
    return [route for group in pages for route in group]


__all__ = ["PEOPLE", "machine_routes", "page_routes", "root_routes"]
