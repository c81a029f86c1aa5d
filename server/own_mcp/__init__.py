"""The desks behind Mandate's own MCP server: its tools' ports over our use cases."""
