"""The suite's `client` scenarios on authorization: which are tried, and why the others are not."""

from typing import Final

DPOP: Final = ("auth/dpop", "auth/dpop-nonce")
"""Tried with `DPoPOAuth` around the `mcp` client: the suite wants its code flow."""
CLIENT: Final = (
    "auth/client-credentials-basic",
    "auth/client-credentials-jwt",
    "auth/enterprise-managed-authorization",
    "auth/metadata-issuer-mismatch",
    "auth/pre-registration",
    "auth/resource-mismatch",
    "auth/wif-jwt-bearer",
)

_CODE: Final = (
    "The code flow of a person at a browser. Our helper is for agents and has none; an application"
    " uses its SDK's, which the flows above try."
)
_OLD: Final = "Revision 2025-03-26: discovery without RFC 9728, which our helper does not do."

NOT_APPLICABLE: Final = {
    "auth/2025-03-26-oauth-endpoint-fallback": _OLD,
    "auth/2025-03-26-oauth-metadata-backcompat": _OLD,
    "auth/authorization-server-migration": _CODE,
    "auth/basic-cimd": _CODE,
    "auth/iss-normalized": _CODE,
    "auth/iss-not-advertised": _CODE,
    "auth/iss-supported": _CODE,
    "auth/iss-supported-missing": _CODE,
    "auth/iss-unexpected": _CODE,
    "auth/iss-wrong-issuer": _CODE,
    "auth/metadata-default": _CODE,
    "auth/metadata-var1": _CODE,
    "auth/metadata-var2": _CODE,
    "auth/metadata-var3": _CODE,
    "auth/offline-access-not-supported": _CODE,
    "auth/offline-access-scope": _CODE,
    "auth/scope-from-scopes-supported": _CODE,
    "auth/scope-from-www-authenticate": _CODE,
    "auth/scope-omitted-when-undefined": _CODE,
    "auth/scope-retry-limit": _CODE,
    "auth/scope-step-up": _CODE,
    "auth/token-endpoint-auth-basic": _CODE,
    "auth/token-endpoint-auth-none": _CODE,
    "auth/token-endpoint-auth-post": _CODE,
}
"""The suite's other `client` scenarios on authorization, each with the reason."""
