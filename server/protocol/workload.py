"""Workload identity federation (MCP ext-auth, SEP-1933): a caller known by its platform's token.

It sends no client_id and no credential. The issuer's rules name the one workload that it is, and
that workload's client, which has no other way in.
"""

from dataclasses import dataclass

from server.domain.core import Core
from server.domain.issuers import IssuerPurpose, Workload
from server.domain.refusal import ClientFault, Refused
from server.domain.registry import Client, ClientAuth, GrantType, Status
from server.protocol.assertions import Asserted, TrustedKeys, bad_assertion, read_assertion
from server.protocol.client_auth import tell
from server.protocol.parameters import Parameters
from server.signals.telemetry import Telemetry

_CREDENTIALS = ("client_id", "client_secret", "client_assertion", "client_assertion_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadProof:
    """Which workload asks, and by what."""

    workload: Workload
    asserted: Asserted


def comes_as_workload(form: Parameters, authorization: str | None) -> bool:
    """Tell whether a request has an assertion as its grant and no client authentication at all."""
    return (
        form.get("grant_type") == GrantType.JWT_BEARER.value
        and authorization is None
        and not any(name in form for name in _CREDENTIALS)
    )


async def known_workload(
    core: Core, keys: TrustedKeys, telemetry: Telemetry, form: Parameters
) -> tuple[Client, WorkloadProof] | Refused:
    """Return the workload's client, or a refusal that is counted: anybody can cause it."""
    found = await _known(core, keys, form)
    if isinstance(found, Refused):
        tell(telemetry, found, None)
    return found


async def _known(
    core: Core, keys: TrustedKeys, form: Parameters
) -> tuple[Client, WorkloadProof] | Refused:
    asserted = await read_assertion(core, keys, form.get("assertion"), IssuerPurpose.WORKLOAD)
    if isinstance(asserted, Refused):
        return asserted
    fitting = [each for each in asserted.issuer.workloads if each.fits(asserted.claims)]
    # Never the first, the widest or the narrowest of several.
    if len(fitting) != 1:
        return _nobody("no workload" if not fitting else "several workloads")
    [workload] = fitting
    client = await core.snapshot.client(workload.client_id)
    if client is None or client.auth is not ClientAuth.WORKLOAD:
        return _nobody("not its client")
    if client.status is not Status.ACTIVE:
        return _nobody("client disabled")
    return client, WorkloadProof(workload=workload, asserted=asserted)


def _nobody(detail: str) -> Refused:
    refused = bad_assertion("assertion_refused", detail=detail)
    return Refused(
        error=refused.error,
        reason=refused.reason,
        description=refused.description,
        detail=detail,
        client_fault=ClientFault.BAD_ASSERTION,
    )
