"""The chapters in their order; each is one function over the play."""

from collections.abc import Awaitable, Callable

from examples.demo.chapters import (
    attacks,
    audit,
    consent,
    handing_on,
    house,
    injection,
    legs,
    limits,
    people,
    revocation,
    work,
)
from examples.demo.play import Play

CHAPTERS: tuple[Callable[[Play], Awaitable[None]], ...] = (
    house.tell,
    people.tell,
    consent.tell,
    work.tell,
    limits.tell,
    handing_on.tell,
    injection.tell,
    attacks.tell,
    legs.tell,
    revocation.tell,
    audit.tell,
)
