"""Chapter 11: who did what, and that nobody can rewrite it."""

from examples.demo.play import Play


async def tell(play: Play) -> None:
    """Not yet."""
