"""The official MCP conformance suite against our server, a protected server and our client."""
