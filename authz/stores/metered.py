"""A reader with a budget: many questions together may read so much, and no more."""

from authz.errors import ResolutionTooComplex
from authz.stores.protocol import TupleReader
from authz.stores.watched import Watched


class Metered(Watched):
    """Counts objects asked for and tuples returned; behind `budget` every read is refused.

    Each read raises ResolutionTooComplex (2002) once the ones before it have spent the budget.
    """

    __slots__ = ("_left",)

    def __init__(self, source: TupleReader, budget: int) -> None:
        super().__init__(source)
        self._left = budget

    def before(self) -> None:
        if self._left <= 0:
            raise ResolutionTooComplex("the batch reads more than the limit: ask for less at once")

    def after(self, asked: int, found: int) -> None:
        self._left -= asked + found
