"""Clients that register themselves: by a metadata document, or dynamically (RFC 7591, 7592)."""
