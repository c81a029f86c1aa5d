"""For the author of an agent: tokens by RFC 8693, for one MCP server and no more than asked."""
