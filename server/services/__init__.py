"""The frozen bundle of use cases that the web layer gets, and use cases that span layers."""

from dataclasses import dataclass

from server.domain.core import Core
from server.keys.live import LiveKeys
from server.protocol.assertions import TrustedKeys
from server.protocol.client_auth import ClientKeys
from server.protocol.dpop import ProofReader
from server.protocol.evaluation import Evaluation
from server.protocol.introspect import Introspection
from server.protocol.page_token import PageTokens
from server.protocol.presented import TokenReader
from server.protocol.registration.arrivals import Arrivals
from server.protocol.registration.logos import Logos
from server.protocol.registration.published import ClientDocuments
from server.protocol.relations_api import RelationsApi
from server.protocol.revoke import Revocation
from server.protocol.search import Searching
from server.protocol.token_endpoint import TokenEndpoint
from server.signals.telemetry import Telemetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that routes call; made once by `server.app`."""

    core: Core
    keys: LiveKeys
    reader: TokenReader
    proofs: ProofReader
    client_keys: ClientKeys
    arrivals: Arrivals
    logos: Logos
    secret_key: bytes
    telemetry: Telemetry
    token: TokenEndpoint
    introspection: Introspection
    revocation: Revocation
    evaluation: Evaluation
    searching: Searching
    relations_api: RelationsApi


def bundle(
    core: Core,
    keys: LiveKeys,
    client_keys: ClientKeys,
    issuer_keys: TrustedKeys,
    documents: ClientDocuments,
    secret_key: bytes,
    telemetry: Telemetry,
) -> Services:
    """Make the use cases of one server."""
    reader = TokenReader(core, keys.verification)
    proofs = ProofReader(core, secret_key)
    logos = Logos(core, documents)
    arrivals = Arrivals(core, documents, logos)
    return Services(
        core=core,
        keys=keys,
        reader=reader,
        proofs=proofs,
        client_keys=client_keys,
        arrivals=arrivals,
        logos=logos,
        secret_key=secret_key,
        telemetry=telemetry,
        token=TokenEndpoint(
            core,
            keys,
            reader,
            proofs,
            client_keys,
            issuer_keys,
            arrivals,
            secret_key,
            telemetry,
        ),
        introspection=Introspection(core, reader, client_keys, telemetry),
        revocation=Revocation(core, reader, client_keys, telemetry),
        evaluation=Evaluation(core, reader),
        searching=Searching(core, reader, PageTokens(secret_key, core.entropy)),
        relations_api=RelationsApi(core, reader),
    )
