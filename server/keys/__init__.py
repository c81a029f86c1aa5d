"""The server's keys: how they are made, sealed at rest, rotated, published and used to sign."""
