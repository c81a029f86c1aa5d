"""The one way out: every URL that a stranger can name is fetched here (DESIGN 3.14)."""
