"""Mandate's own MCP server: one address of JSON-RPC, and its protected resource metadata."""

from typing import Final

from server.web.openapi.build import (
    METHOD_NOT_ALLOWED,
    Json,
    answer,
    array,
    json_body,
    operation,
    record,
    text,
)

_ANY: Final[Json] = {"type": "object", "additionalProperties": True}
_REFUSALS: Final = {
    "400": "The body or a header is malformed, or they contradict each other.",
    "401": "No token of this server for its MCP server; the challenge says where to get one.",
    "403": "The token lacks a scope; the challenge names it. Or the method is not open here.",
    "404": "There is no such session or method.",
    "406": "The answer's type is not accepted.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "421": "The Host is not that of the issuer.",
    "503": "Nothing can be decided now.",
}
_CALL: Final = operation(
    "mcp",
    "MCP, Streamable HTTP: one JSON-RPC message; its tools are told in docs/own-mcp.md.",
    {
        "200": answer("The reply, with `error` or `result`.", _ANY),
        "202": {"description": "A notification was taken."},
        **{status: answer(why, _ANY) for status, why in _REFUSALS.items()},
        "405": METHOD_NOT_ALLOWED,
    },
    tag="mcp",
    security=["mcp_token"],
    requestBody=json_body(_ANY),
)
_METADATA: Final = operation(
    "mcpMetadata",
    "RFC 9728: who guards the MCP server, and its scopes.",
    {
        "200": answer(
            "The metadata.",
            record(
                {
                    "resource": text(),
                    "authorization_servers": array(text()),
                    "scopes_supported": array(text()),
                    "bearer_methods_supported": array(text()),
                },
                additionalProperties=True,
            ),
        ),
        "405": METHOD_NOT_ALLOWED,
    },
    tag="documents",
)


def mcp_paths(base: str) -> Json:
    """Describe both, for an issuer whose path is `base`."""
    path = f"{base}/mcp"
    return {
        path: {"post": _CALL},
        f"/.well-known/oauth-protected-resource{path}": {"get": _METADATA},
    }
