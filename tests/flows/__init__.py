"""Journeys through the pages, over HTTP."""
