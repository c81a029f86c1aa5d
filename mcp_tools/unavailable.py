"""The issuer does not answer. A file of its own: clients read it where no MCP server SDK is."""


class IssuerUnavailable(Exception):
    """The issuer did not say what is needed to decide, so nothing is allowed (503)."""
