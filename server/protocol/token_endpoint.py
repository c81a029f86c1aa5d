"""RFC 6749 §3.2: the token endpoint as the list of its checks."""

from collections.abc import Mapping

from authz.dpop import Proof, ProofFault
from server.domain.audit import AuditRecord, AuditTag, Outcome
from server.domain.core import Core
from server.domain.refusal import Refused, invalid_client
from server.domain.registry import Client, GrantType, Status
from server.domain.unit import StaleSnapshotError, UnavailableError
from server.protocol.assertions import TrustedKeys
from server.protocol.client_auth import ClientKeys, authenticate, same_credentials, tell
from server.protocol.dpop import ProofReader, SentProof, refused_proof
from server.protocol.grants import GRANTS
from server.protocol.grants.base import Grant, GrantContext, TokenRequest
from server.protocol.issue import TokenSigner, issue
from server.protocol.parameters import Parameters
from server.protocol.presented import TokenReader
from server.protocol.registration.arrivals import Arrivals
from server.protocol.workload import WorkloadProof, comes_as_workload, known_workload
from server.signals.telemetry import Telemetry

REPEATABLE = ("resource", "audience")
_BY_TYPE: Mapping[str, Grant] = {grant.grant_type.value: grant for grant in GRANTS}
_TAGS = {
    GrantType.AUTHORIZATION_CODE: AuditTag.CODE_TOKEN,
    GrantType.REFRESH_TOKEN: AuditTag.REFRESH_TOKEN,
    GrantType.CLIENT_CREDENTIALS: AuditTag.CLIENT_TOKEN,
    GrantType.TOKEN_EXCHANGE: AuditTag.EXCHANGE,
    GrantType.JWT_BEARER: AuditTag.ASSERTION_TOKEN,
}
# Written by the replay itself, with its effects; or no refusal but a step of the protocol.
_NOT_AUDITED = {"code_replayed", "refresh_reused", "proof_nonce"}
# Who is refused so has a code or a refresh token: somebody tries what was stolen.
_OF_A_HOLDER = {ProofFault.OTHER_KEY, ProofFault.REPLAYED}
# What anybody can be refused in the name of a public client, whose name is no secret: counted, but
# not written down, or strangers could fill the audit.
_ANYBODYS = {
    "grant_not_allowed", "public_client", "agent_suspended", "agent_retired",
    "code_missing", "code_unknown", "refresh_token_missing", "refresh_unknown",
    *(fault.value for fault in ProofFault if fault not in _OF_A_HOLDER),
}  # fmt: skip


class TokenEndpoint:
    """Authenticate, pick the grant, let it authorize, issue."""

    def __init__(
        self,
        core: Core,
        signer: TokenSigner,
        reader: TokenReader,
        proofs: ProofReader,
        client_keys: ClientKeys,
        issuer_keys: TrustedKeys,
        arrivals: Arrivals,
        secret_key: bytes,
        telemetry: Telemetry,
    ) -> None:
        """Mint with `signer`; read presented tokens with `reader`, proofs with `proofs`."""
        self._core = core
        self._proofs = proofs
        self._signer = signer
        self._client_keys = client_keys
        self._arrivals = arrivals
        self._telemetry = telemetry
        self._context = GrantContext(
            core=core, reader=reader, secret_key=secret_key, issuer_keys=issuer_keys
        )

    async def answer(
        self,
        form: Parameters,
        authorization: str | None,
        sent_proof: SentProof,
        request_id: str | None,
    ) -> Mapping[str, object] | Refused:
        """Return the token answer, or a refusal; raises `UnavailableError` (503)."""
        await self._core.snapshot.refresh()
        gone = await self._arrivals.renew(form)
        if gone is not None:
            tell(self._telemetry, gone, None)
            return gone
        revision = self._core.snapshot.revision
        caller = await self._caller(form, authorization)
        if isinstance(caller, Refused):
            return caller
        client, workload = caller
        grant = _grant(form)
        if isinstance(grant, Refused):
            return grant
        proof = self._proofs.read(sent_proof)
        # Decided on a snapshot that a change overtook: decide again on the new one (DESIGN 3.5).
        for _ in range(3):
            try:
                return await self._once(grant, form, client, workload, proof, request_id, revision)
            except StaleSnapshotError:
                revision = await self._core.snapshot.refresh()
                if workload is not None:
                    # Nothing was used up: who it is follows from the assertion alone.
                    caller = await self._caller(form, authorization)
                    if isinstance(caller, Refused):
                        return caller
                    client, workload = caller
                    continue
                now = await self._core.snapshot.client(client.id)
                # What it authenticated by must still be its own; an assertion is good only once,
                # so it is not asked again.
                if now is None or not same_credentials(client, now):
                    return invalid_client("changed meanwhile", detail=client.id)
                client = now
        raise UnavailableError("changing")

    async def _caller(
        self, form: Parameters, authorization: str | None
    ) -> tuple[Client, WorkloadProof | None] | Refused:
        """Return the client, and by what a workload without credentials is known."""
        if comes_as_workload(form, authorization):
            return await known_workload(
                self._core, self._context.issuer_keys, self._telemetry, form
            )
        client = await authenticate(
            self._core, self._client_keys, self._telemetry, form, authorization
        )
        return client if isinstance(client, Refused) else (client, None)

    async def answer_holder(
        self, grant: Grant, form: Parameters, client_id: str
    ) -> Mapping[str, object] | Refused:
        """Answer a tool of our own MCP server: its bearer token authenticated the client.

        `grant` makes sure of it; refusals are written down as those of the endpoint. Raises
        `UnavailableError` (503).
        """
        for _ in range(3):
            revision = await self._core.snapshot.refresh()
            client = await self._core.snapshot.client(client_id)
            if client is None or client.status is not Status.ACTIVE:
                return invalid_client("disabled", detail=client_id)
            try:
                return await self._once(
                    grant, form, client, None, None, None, revision, proves_here=False
                )
            except StaleSnapshotError:
                continue
        raise UnavailableError("changing")

    async def _once(
        self,
        grant: Grant,
        form: Parameters,
        client: Client,
        workload: WorkloadProof | None,
        proof: Proof | Refused | None,
        request_id: str | None,
        revision: int,
        *,
        proves_here: bool = True,
    ) -> Mapping[str, object] | Refused:
        acting = await self._core.snapshot.agent(client.agent_id) if client.agent_id else None
        request = TokenRequest(
            form=form,
            client=client,
            acting=acting,
            now=self._core.clock.now(),
            proof=proof if isinstance(proof, Proof) else None,
            request_id=request_id,
            workload=workload,
        )
        if grant.grant_type not in client.grant_types:
            refused = Refused(
                error="unauthorized_client",
                reason="grant_not_allowed",
                description="The client may not use this grant type.",
            )
            return await self._refuse(grant, request, refused)
        if client.agent_id is not None and (acting is None or acting.status is not Status.ACTIVE):
            refused = Refused(
                error="unauthorized_client",
                reason="agent_retired"
                if acting is None or acting.status is Status.RETIRED
                else "agent_suspended",
                description="The agent of this client may not act.",
            )
            return await self._refuse(grant, request, refused)
        if isinstance(proof, Refused):
            return await self._refuse(grant, request, proof)
        if proof is None and client.dpop_bound_access_tokens and proves_here:
            # RFC 9449 §5.2: MUST reject token requests that do not contain the DPoP header.
            return await self._refuse(grant, request, refused_proof(ProofFault.MISSING))
        with self._telemetry.span("grant", grant_type=grant.grant_type.value):
            authorization = await grant.authorize(self._context, request)
            if isinstance(authorization, Refused):
                return await self._refuse(grant, request, authorization)
            answer = await issue(self._core, self._signer, authorization, proof, revision)
        if isinstance(answer, Refused):
            return await self._refuse(grant, request, answer)
        self._telemetry.issued(authorization.kind)
        return answer

    async def _refuse(self, grant: Grant, request: TokenRequest, refused: Refused) -> Refused:
        """Write down what an authenticated client was refused (DESIGN 3.4)."""
        self._telemetry.refused(refused)
        if refused.reason in _NOT_AUDITED:
            return refused
        if not request.client.confidential and refused.reason in _ANYBODYS:
            return refused
        record = AuditRecord(
            tag=_TAGS[grant.grant_type] if request.workload is None else AuditTag.WORKLOAD_TOKEN,
            outcome=Outcome.REFUSED,
            reason=refused.reason,
            at=request.now,
            user_id=request.concerns.user_id,
            grant_id=request.concerns.grant_id,
            agents=(request.acting.id,) if request.acting is not None else (),
            client_id=request.client.id,
            request_id=request.request_id,
            detail={"error": refused.error, "detail": refused.detail},
        )
        await self._core.store.write(lambda tx: self._core.rows.audit.record(tx, record))
        return refused


def _grant(form: Parameters) -> Grant | Refused:
    name = form.get("grant_type")
    if name is None:
        return Refused(
            error="invalid_request",
            reason="grant_type_missing",
            description="Send a grant_type.",
        )
    grant = _BY_TYPE.get(name)
    if grant is None:
        return Refused(
            error="unsupported_grant_type",
            reason="unsupported_grant_type",
            description="The grant type is not supported.",
        )
    return grant
