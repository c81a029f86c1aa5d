"""The demo, run as it is."""
