"""What holds the house together: layers, sizes, banned calls, documents that cannot rot."""
