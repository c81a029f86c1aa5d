"""Register and change resources: APIs and MCP servers, their scopes, tools and models."""

from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from authz.errors import CheckError, ModelError
from authz.model.compiled import Model
from authz.model.compose import compose, core_model_text
from server.domain.audit import AuditTag
from server.domain.core import Core
from server.domain.registry import Resource
from server.domain.resource_uri import other_form
from server.domain.unit import Unit
from server.services.registration import RegistrationError, audit_change

KEPT_NAMES: Final = ("mandate/", "mandate_")
"""How names of Mandate's own model begin, those that are still to come included."""


async def add_resource(core: Core, resource: Resource, *, by: str) -> Resource:
    """Register a resource; its module joins the authorization model in the same unit.

    Raises `RegistrationError`.
    """
    _check_uri(core, resource)
    stored = replace(resource, created_at=core.clock.now())

    def unit(tx: Unit) -> None:
        known = core.rows.resources.all(tx)
        check_scopes(stored, known)
        core.rows.resources.add(tx, stored)
        _put_model(core, tx, stored, known, [*known, stored])
        audit_change(core, tx, AuditTag.RESOURCE_CHANGED, by, resource=stored.id)

    await core.store.write(unit)
    return stored


async def update_resource(core: Core, resource: Resource, *, by: str) -> tuple[Resource, Resource]:
    """Replace a registered resource; return it as it was and as it is.

    A scope that is gone is gone from every delegation and token at once. Nobody gains by a change:
    what a scope includes from now on counts for consents from now on. A type stays, since its
    tuples would be nobody's. Raises `RegistrationError`.
    """
    _check_uri(core, resource)

    def unit(tx: Unit) -> tuple[Resource, Resource]:
        before = core.rows.resources.get(tx, resource.id)
        if before is None:
            message = f"there is no resource {resource.id}: `mandate resource add` makes one"
            raise RegistrationError(message)
        gone = sorted(before.types - resource.types)
        if gone:
            message = f"the type {gone[0]} cannot be dropped: its objects would be nobody's"
            raise RegistrationError(message)
        stored = replace(resource, created_at=before.created_at)
        known = core.rows.resources.all(tx)
        others = [each for each in known if each.id != stored.id]
        check_scopes(stored, others)
        core.rows.resources.update(tx, stored)
        _put_model(core, tx, stored, known, [*others, stored])
        audit_change(core, tx, AuditTag.RESOURCE_CHANGED, by, resource=stored.id)
        return before, stored

    return await core.store.write(unit)


def _put_model(
    core: Core, tx: Unit, stored: Resource, before: list[Resource], after: list[Resource]
) -> None:
    """Put the model of all modules in force, if it may be."""
    after.sort(key=lambda each: (each.created_at, each.id))  # as they are read from the database
    model = _composed(after)
    _check_names(model, _composed(before))
    _check_types(stored, model)
    core.relations.put_model(tx, model)


def _check_uri(core: Core, resource: Resource) -> None:
    parts = urlsplit(resource.id)
    if parts.scheme not in ("https", "http", "urn") or parts.fragment or "#" in resource.id:
        # RFC 8707 §2: an absolute URI without a fragment.
        message = f"{resource.id} is no absolute URI without a fragment"
        raise RegistrationError(message)
    own = {core.policy.issuer, core.policy.graph_resource}
    if resource.id in own or resource.id.startswith(f"{core.policy.issuer}/agents/"):
        message = "that URI belongs to the server itself"
        raise RegistrationError(message)
    if any(name.startswith("authz:") for name in resource.scopes):
        message = "scopes that begin with authz: belong to the server"
        raise RegistrationError(message)


def check_scopes(resource: Resource, known: list[Resource]) -> None:
    """Raise `RegistrationError` for scopes that do not fit, or belong to another already."""
    _check_own(resource)
    for other in known:
        # Who owns a type writes its tuples: a second owner could give away the first one's objects.
        taken = sorted(other.types & resource.types)
        if taken:
            message = f"the type {taken[0]} belongs to {other.id} already"
            raise RegistrationError(message)
        # Nobody could tell two resources apart that differ in the slash of their origin.
        if other.id in (resource.id, other_form(resource.id)):
            message = f"the resource {other.id} exists already: `mandate resource update`"
            raise RegistrationError(message)
        # X6: a scope belongs to exactly one resource.
        shared = sorted(set(other.scopes) & set(resource.scopes))
        if shared:
            message = f"the scope {shared[0]} belongs to {other.id} already"
            raise RegistrationError(message)
    if any(name in {"openid", "profile", "email", "offline_access"} for name in resource.scopes):
        message = "openid, profile, email and offline_access belong to the server"
        raise RegistrationError(message)


def _check_own(resource: Resource) -> None:
    """What a scope includes is of the same kind, and every tool needs scopes that there are."""
    for scope in resource.scopes.values():
        for name in sorted(scope.includes):
            included = resource.scopes.get(name)
            if included is None:
                message = f"{scope.name} includes {name}, which is no scope of {resource.id}"
                raise RegistrationError(message)
            if scope.agent_own and not included.agent_own:
                message = f"an agent may hold {scope.name} as itself, but not {name} in it"
                raise RegistrationError(message)
            if included.destructive and not scope.destructive:
                message = f"{scope.name} includes {name}, so it is destructive as well"
                raise RegistrationError(message)
    for tool in resource.tools:
        for name in sorted(tool.scopes - resource.scopes.keys()):
            message = f"the tool {tool.name} needs {name}, which is no scope of {resource.id}"
            raise RegistrationError(message)


def _check_names(model: Model, before: Model) -> None:
    """Keep the names free that a later version of Mandate may bring (decision 15)."""
    new = {*model.types, *model.conditions} - {*before.types, *before.conditions}
    kept = sorted(name for name in new if name.startswith(KEPT_NAMES))
    if kept:
        message = f"{kept[0]}: names that begin with mandate/ or mandate_ are kept for Mandate"
        raise RegistrationError(message)


def _check_types(resource: Resource, model: Model) -> None:
    """Every guarded type carries the relations of consent and ceiling (DESIGN 3.10)."""
    ours = compose(core_model_text()).types
    for name in resource.types:
        if name in ours:
            message = f"the type {name} belongs to Mandate"
            raise RegistrationError(message)
        for relation in ("consented", "ceiling"):
            try:
                model.relation(name, relation)
            except CheckError as error:
                message = f"type {name} must be in the model and define {relation}"
                raise RegistrationError(message) from error


def _composed(resources: list[Resource]) -> Model:
    try:
        return compose(core_model_text(), *(r.model for r in resources if r.model))
    except ModelError as error:
        message = f"the authorization model does not fit: {error}"
        raise RegistrationError(message) from error


def put_core_model(core: Core, tx: Unit) -> None:
    """Put this version's model in force with the modules of every resource."""
    core.relations.put_model(tx, _composed(core.rows.resources.all(tx)))
