"""OAuth and OpenID Connect use cases, one capability a file; no HTTP, no SQL."""
