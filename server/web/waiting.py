"""A waiting time in words, rounded up."""


def waiting_words(seconds: int) -> str:
    """Return `1 second`, `40 seconds` or `2 minutes`."""
    if seconds < 60:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    minutes = -(-seconds // 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
