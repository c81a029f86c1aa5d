"""Who is at the keyboard: sign-up, sign-in, sessions, one-time links and accounts."""
