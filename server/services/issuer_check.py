"""What a trusted issuer must be before it is believed: keys, rules, and whom it speaks for."""

import re
from typing import Final
from urllib.parse import urlsplit

from authz.errors import CheckError
from authz.jose import InvalidKey, parse_key_set
from authz.relations import Query
from authz.tx import Tx
from server.domain.core import Core
from server.domain.delegation import EVERYTHING
from server.domain.issuers import (
    Allowance,
    ClaimRule,
    Comparison,
    IssuerPurpose,
    TrustedIssuer,
    Workload,
)
from server.domain.registry import Client, ClientAuth, GrantType
from server.outbound.errors import FetchRefused
from server.outbound.target import parse_target
from server.protocol.client_assertion import ASSERTION_ALGORITHMS
from server.services.registration import RegistrationError

LIFETIMES: Final = {IssuerPurpose.ID_JAG: (30, 3600), IssuerPurpose.WORKLOAD: (30, 86_400)}
"""Seconds: the least and the most that `max_lifetime` may be."""
MAX_RULES: Final = 20
MAX_STARS: Final = 4
MAX_TEXT: Final = 1024
_DOMAIN: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def check_issuer(core: Core, value: TrustedIssuer) -> None:
    """Raise `RegistrationError` for what is wrong with the issuer by itself."""
    _check_name(core, value)
    _check_keys(value)
    shortest, longest = LIFETIMES[value.purpose]
    if not shortest <= value.max_lifetime <= longest:
        raise RegistrationError(f"max_lifetime is {shortest} to {longest} seconds")
    for rule in value.rules:
        _check_rule(rule)
    jag = value.purpose is IssuerPurpose.ID_JAG
    if jag and (value.workloads or value.reusable):
        raise RegistrationError("an id-jag issuer has no workloads, and its assertions work once")
    if not jag and (value.allowances or value.email_domains):
        raise RegistrationError(
            "a workload issuer speaks for no person: no allow, no email_domains"
        )
    for domain in value.email_domains:
        if not _DOMAIN.fullmatch(domain) or "." not in domain:
            raise RegistrationError(f"{domain} is no domain in lower case")
    places = [(each.client_id, each.resource) for each in value.allowances]
    if len(set(places)) < len(places):
        raise RegistrationError("allow names the same client and resource twice")
    labels = [each.name for each in value.workloads]
    if len(set(labels)) < len(labels):
        raise RegistrationError("two workloads have the same name")
    for workload in value.workloads:
        _check_workload(workload)


def _check_name(core: Core, value: TrustedIssuer) -> None:
    name = value.id
    if not 0 < len(name) <= MAX_TEXT or not name.isascii() or not name.isprintable() or " " in name:
        raise RegistrationError("issuer is the iss claim: printable ASCII without spaces")
    if name.rstrip("/") == core.policy.issuer.rstrip("/"):
        # The draft's §"Cross-Domain Use": never an access token for an assertion of one's own.
        raise RegistrationError("this server does not trust assertions of its own")
    found = value.jwks is None and value.jwks_uri is None
    if found and urlsplit(name).scheme != "https":
        raise RegistrationError("only an https issuer is discovered: give jwks_uri or jwks")


def _check_keys(value: TrustedIssuer) -> None:
    unknown = sorted(set(value.algorithms) - set(ASSERTION_ALGORITHMS))
    if unknown or not value.algorithms:
        known = ", ".join(ASSERTION_ALGORITHMS)
        raise RegistrationError(f"algorithms are one or more of {known}")
    if value.jwks is not None and value.jwks_uri is not None:
        raise RegistrationError("give jwks or jwks_uri, not both")
    try:
        if value.jwks is not None and len(parse_key_set(value.jwks.encode())) == 0:
            raise RegistrationError("there is no signature key in jwks that we can use")
        if value.jwks_uri is not None:
            parse_target(value.jwks_uri)
        elif value.jwks is None:
            parse_target(value.id)
    except InvalidKey as error:
        raise RegistrationError(f"jwks cannot be used: {error}") from None
    except FetchRefused:
        raise RegistrationError("keys are fetched from a plain https URL") from None


def _check_rule(rule: ClaimRule) -> None:
    if not rule.claim or not rule.value or len(rule.claim) + len(rule.value) > MAX_TEXT:
        raise RegistrationError("a rule needs a claim and a value")
    if rule.how is Comparison.PREFIX and rule.value[-1] not in "/:":
        # `repo:acme` would also be the beginning of `repo:acme-evil/…`.
        raise RegistrationError(f"the prefix {rule.value} must end with / or :")
    if rule.how is Comparison.GLOB and not 0 < rule.value.count("*") <= MAX_STARS:
        raise RegistrationError(f"the glob {rule.value} must have 1 to {MAX_STARS} stars")
    if rule.how is Comparison.GLOB and not rule.value.replace("*", "").strip("/:"):
        raise RegistrationError(f"the glob {rule.value} would fit everybody")


def _check_workload(workload: Workload) -> None:
    if not _NAME.fullmatch(workload.name):
        raise RegistrationError("a workload's name has lower-case letters, digits, _ . and -")
    if len(workload.rules) > MAX_RULES:
        raise RegistrationError(f"a workload may have {MAX_RULES} rules")
    for rule in workload.rules:
        _check_rule(rule)
    if not any(rule.claim == "sub" for rule in workload.rules):
        # All that an issuer signs would fit otherwise: on a shared platform, everybody.
        raise RegistrationError(f"workload {workload.name} needs a rule on the claim sub")


def check_parties(core: Core, tx: Tx, value: TrustedIssuer) -> None:
    """Raise `RegistrationError` if a client or resource is not what the issuer needs."""
    for allowance in value.allowances:
        client = _client(core, tx, allowance.client_id)
        if client.auth is ClientAuth.WORKLOAD:
            raise RegistrationError(f"client {client.id} is for a workload, not for people")
        _check_allowance(core, tx, allowance)
    for workload in value.workloads:
        client = _client(core, tx, workload.client_id)
        if client.auth is not ClientAuth.WORKLOAD:
            raise RegistrationError(
                f"client {client.id} authenticates by itself:"
                " `mandate client add --auth workload_identity` makes one for a workload"
            )


def _client(core: Core, tx: Tx, client_id: str) -> Client:
    client = core.rows.clients.get(tx, client_id)
    if client is None:
        raise RegistrationError(f"there is no client {client_id}; `mandate client add` makes one")
    if client.agent_id is None or not client.confidential:
        raise RegistrationError(f"client {client_id} must be the confidential client of an agent")
    if GrantType.JWT_BEARER not in client.grant_types:
        raise RegistrationError(f"client {client_id} lacks the grant jwt-bearer")
    return client


def _check_allowance(core: Core, tx: Tx, allowance: Allowance) -> None:
    resource = core.rows.resources.get(tx, allowance.resource)
    if resource is None:
        raise RegistrationError(f"there is no resource {allowance.resource}")
    foreign = sorted(allowance.scopes - set(resource.scopes))
    if foreign or not allowance.scopes:
        extra = f", {foreign[0]} is not" if foreign else ""
        raise RegistrationError(f"scopes are those of {resource.id}{extra}")
    named = [name for name in allowance.objects if name != EVERYTHING]
    if named and EVERYTHING in allowance.objects:
        raise RegistrationError("give objects or everything, not both")
    for name in named:
        if not resource.owns(name):
            raise RegistrationError(f"{name} is no object of {resource.id}")
        # As the tuple that a delegation will write, so that writing it cannot fail.
        [found] = core.relations.check_many(tx, [Query("consent:dlg_x.0", "consented", name)])
        if isinstance(found, CheckError):
            raise RegistrationError(f"{name} cannot be consented to: {found}")
