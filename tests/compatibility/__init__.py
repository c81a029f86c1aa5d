"""What was tried with which client, kept by the tests, and the page that tells of it."""
