"""Mandate's own MCP surface: an agent manages its own authority, a person what they allowed.

The tools are guarded by the kit itself and talk to ports (`desks`); the server gives it those.
"""
