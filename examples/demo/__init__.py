"""The story of Mandate, told by real processes: `make demo`."""
