"""MCP clients and agent frameworks that others wrote, unmodified, against running servers."""
