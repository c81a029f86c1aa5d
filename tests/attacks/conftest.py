"""The people's pages on each engine, and on SQLite where the engine makes no difference."""

from tests.flows.conftest import site, small_site

__all__ = ["site", "small_site"]
