"""Delegations: opened by consent, only ever narrowed, closed as a tree (X4, X9)."""
