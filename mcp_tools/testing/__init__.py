"""For the tests of an MCP server: an issuer to throw away, tokens and decisions without Mandate."""
