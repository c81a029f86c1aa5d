"""jwt-bearer (RFC 7523 §2.1): the word of a trusted issuer, for a person or for a workload."""

from server.domain.refusal import Refused
from server.domain.registry import GrantType
from server.protocol.grants.as_workload import as_workload
from server.protocol.grants.base import GrantContext, TokenRequest
from server.protocol.grants.enterprise import by_enterprise
from server.protocol.minting import Authorization


class JwtBearer:
    """Who asks decides: a workload is itself; a client that authenticated acts for a person."""

    grant_type = GrantType.JWT_BEARER

    async def authorize(
        self, context: GrantContext, request: TokenRequest
    ) -> Authorization | Refused:
        """Return what the assertion is good for at the one resource that it names."""
        if request.workload is not None:
            return await as_workload(context, request, request.workload)
        return await by_enterprise(context, request)
