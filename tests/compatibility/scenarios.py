"""Every scenario of the conformance suite that concerns us, and why the others do not."""

from typing import Final

AUTHORIZATION: Final = ("authorization-server-metadata-endpoint", "authorization-code-grant")

SERVER: Final = (
    "caching",
    "dns-rebinding-protection",
    "http-header-validation",
    "server-stateless",
    "tools-list",
)

CLIENT: Final = (
    "auth/client-credentials-basic",
    "auth/client-credentials-jwt",
    "auth/metadata-issuer-mismatch",
    "auth/pre-registration",
    "auth/resource-mismatch",
)

_CODE: Final = (
    "The code flow of a person at a browser. Our helper is for agents and has none: an application"
    " uses the SDK's `OAuthClientProvider`, which the flows above try."
)
_REGISTERS: Final = "The same code flow; our helper registers nothing, an agent's client is known."
_ISS: Final = "The same code flow: `iss` is in its answer."
_OLD: Final = "Revision 2025-03-26, whose discovery without RFC 9728 our helper does not do."
_PROOF: Final = "With proof of possession."
_OTHER: Final = "With another grant."

NOT_APPLICABLE: Final = {
    "auth/2025-03-26-oauth-endpoint-fallback": _OLD,
    "auth/2025-03-26-oauth-metadata-backcompat": _OLD,
    "auth/authorization-server-migration": _CODE,
    "auth/basic-cimd": _REGISTERS,
    "auth/dpop": _PROOF,
    "auth/dpop-nonce": _PROOF,
    "auth/enterprise-managed-authorization": _OTHER,
    "auth/iss-normalized": _ISS,
    "auth/iss-not-advertised": _ISS,
    "auth/iss-supported": _ISS,
    "auth/iss-supported-missing": _ISS,
    "auth/iss-unexpected": _ISS,
    "auth/iss-wrong-issuer": _ISS,
    "auth/metadata-default": _REGISTERS,
    "auth/metadata-var1": _REGISTERS,
    "auth/metadata-var2": _REGISTERS,
    "auth/metadata-var3": _REGISTERS,
    "auth/offline-access-not-supported": _CODE,
    "auth/offline-access-scope": _CODE,
    "auth/scope-from-scopes-supported": _CODE,
    "auth/scope-from-www-authenticate": _CODE,
    "auth/scope-omitted-when-undefined": _CODE,
    "auth/scope-retry-limit": _CODE,
    "auth/scope-step-up": _CODE,
    "auth/token-endpoint-auth-basic": _CODE,
    "auth/token-endpoint-auth-none": _REGISTERS,
    "auth/token-endpoint-auth-post": _REGISTERS,
    "auth/wif-jwt-bearer": _OTHER,
}
"""The suite's other `client` scenarios on authorization, each with the reason."""
