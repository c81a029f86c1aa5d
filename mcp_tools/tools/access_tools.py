"""An agent asks the user for more, and looks how the question stands.

A client that can open pages for its user (URL elicitation, revision 2026-07-28) is given the page
in an input-required result, once, with the approval's id as its state; any other the address.
"""

from typing import Annotated, Final

from mcp.server.mcpserver import Context
from mcp_types import ElicitRequest, ElicitRequestURLParams, InputRequiredResult
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import Field

from mcp_tools.tools.answers import AccessRequest
from mcp_tools.tools.arguments import PLAIN, Parts, caller
from mcp_tools.tools.build import MAKES, READS, Tools
from mcp_tools.tools.desks import AccessDesk, Part
from mcp_tools.tools.scopes import ASK

KEY: Final = "mandate_access"
"""What the question is called among the inputs that a call needs."""

ApprovalId = Annotated[
    str,
    Field(max_length=64, pattern=PLAIN, description="`approval_id` (`apv_…`) of the request."),
]
Why = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        pattern=PLAIN,
        description="For what you need it, in a sentence that the user reads as your words.",
    ),
]


def add_access_tools(tools: Tools, desk: AccessDesk) -> None:
    """Register them."""

    async def request_access(
        authority: Parts, why: Why, ctx: Context
    ) -> AccessRequest | InputRequiredResult:
        if ctx.request_state is not None:
            # The same question on any worker: its id came back, sealed by this server.
            return await desk.status(caller(), ctx.request_state)
        parts = tuple(
            Part(resource=p.resource, scopes=tuple(p.scopes), objects=tuple(p.objects))
            for p in authority
        )
        found = await desk.ask(caller(), parts, why)
        if found.status != "pending" or found.approve_url is None or not _opens_pages(ctx):
            return found
        page = ElicitRequest(
            params=ElicitRequestURLParams(
                message="An agent asks you for more.", url=found.approve_url
            )
        )
        return InputRequiredResult(input_requests={KEY: page}, request_state=found.approval_id)

    async def access_request_status(approval_id: ApprovalId) -> AccessRequest:
        return await desk.status(caller(), approval_id)

    tools.add(request_access, scope=ASK, principal="delegated", hints=MAKES)
    tools.add(access_request_status, scope=ASK, principal="delegated", hints=READS)


def _opens_pages(ctx: Context) -> bool:
    request = ctx.request_context
    if request.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
        return False
    capabilities = request.session.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    return elicitation is not None and elicitation.url is not None
