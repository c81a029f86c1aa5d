"""Interoperation: the official conformance suite, and clients and frameworks of others."""

from tests.manifest.entry import entries

_INTEROP = """
interop:suite:authorization | The suite's authorization scenarios pass, for an issuer with and without a path.
interop:suite:server | The scenarios of the suite for transport, headers, caching, statelessness and lists pass on servers that the kit protects.
interop:suite:client | The scenarios of the suite for client credentials pass with our client helper.
"""

_CLIENT = """
interop:client:resource-identical | RFC 9728 §3.3 | Our client believes metadata of exactly the resource that it calls, and no other.
interop:client:own-issuer | RFC 9700 §4.4 | Our client sends its credentials to the issuer that it was configured with, and no other that a server names.
interop:client:issuer-identical | RFC 8414 §3.3 | Our client believes metadata of exactly the issuer that it asked, compared as text.
interop:client:step-up-by-name | Authorization 2026-07-28 | Our client asks for more scope only if its author named it, once a request.
interop:framework:acts-for-user | An agent of each documented framework acts for a user within her consent, and no longer once she takes it back.
"""

_WIRE = """
interop:wire:authorization-endpoint | Metadata has authorization_endpoint and code_challenge_methods_supported, also where only agents come: clients refuse it otherwise.
interop:wire:default-scope | A request of an agent without scope gets the default scope of the resource, and no more.
interop:wire:client-id-absent | A client with private_key_jwt may leave client_id out: the assertion names it (RFC 7521 §4.2).
interop:wire:issuer-stable | Every form of discovery says the same issuer, byte for byte.
interop:wire:iss | The `mcp` SDK goes on with the iss of our answer as it is, and with no other spelling or none (RFC 9207 §2.4).
"""

INTEROP = (
    *entries("MCP conformance suite 0.2", _INTEROP),
    *entries("Client:", _CLIENT),
    *entries("Clients of MCP", _WIRE),
)
