"""Frozen values and ports: what the server talks about, with no idea of HTTP or SQL."""
