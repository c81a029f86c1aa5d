"""People: passwords, sessions, one-time links, slowing down."""
