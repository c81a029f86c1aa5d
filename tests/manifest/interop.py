"""Interoperation: the official conformance suite, and clients and frameworks of others."""

from tests.manifest.entry import entries

_INTEROP = """
interop:suite:authorization | The suite's authorization scenarios pass, for an issuer with and without a path.
interop:suite:server | The scenarios of the suite for transport, headers, caching, statelessness and lists pass on servers that the kit protects.
"""

INTEROP = entries("MCP conformance suite 0.2", _INTEROP)
