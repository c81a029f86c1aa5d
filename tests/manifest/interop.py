"""Interoperation: the official conformance suite, and clients and frameworks of others."""

from tests.manifest.entry import entries

_INTEROP = """
interop:suite:authorization | The suite's authorization scenarios pass, for an issuer with and without a path.
"""

INTEROP = entries("MCP conformance suite 0.2", _INTEROP)
