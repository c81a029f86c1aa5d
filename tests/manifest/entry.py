"""One requirement: what is promised, where that comes from, what is still missing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """A sentence that a test can prove.

    `id` is `area:rule` (`x2:actor-token-required`) or `area:section:rule`
    (`rfc8693:2.1:subject-token-required`). `gap` says in words what is knowingly missing.
    """

    id: str
    source: str
    text: str
    gap: str | None = None

    @property
    def area(self) -> str:
        """Return the first part of the id: the family it is listed under."""
        return self.id.partition(":")[0]


def entries(source: str, rows: str) -> tuple[Requirement, ...]:
    """Read rows of `id | sentence`, or `id | section | sentence`, one a line.

    The section is put behind `source`: `RFC 8693` and `§2.1` make `RFC 8693 §2.1`. What follows a
    ` ~ ` at the end of the sentence is the gap.
    """
    found = []
    for row in rows.strip().splitlines():
        cells = [cell.strip() for cell in row.split(" | ")]
        identifier, text = cells[0], cells[-1]
        text, _, gap = text.partition(" ~ ")
        section = f" {cells[1]}" if len(cells) == 3 else ""
        found.append(Requirement(identifier, source + section, text, gap or None))
    return tuple(found)
