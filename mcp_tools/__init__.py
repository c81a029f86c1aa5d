"""OBEYS: what an MCP server uses to obey Mandate, and an agent to ask it.

`protect` and `guard` are for the author of an MCP server, `client` for the author of an agent,
`testing` for the tests of both. Nothing here imports the authorization server or SQL.
"""
