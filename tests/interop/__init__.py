"""Clients that others wrote, against real processes of ours."""
