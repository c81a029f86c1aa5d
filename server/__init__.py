"""MINTS: the authorization server, the people it signs in and the delegations they give."""
