"""DECIDES: relationship-based authorization, signed tokens and decisions, usable alone."""
