"""The pages of a real `mandate serve` in Chromium."""
