"""Adapters for the domain's ports: the only SQL of the server."""
