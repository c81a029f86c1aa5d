"""The sealed trail as a file of JSON lines, which an auditor checks without the server.

The first line says what it is, then come rows and after each batch its head, and the last line
says that it is complete. Checking needs the file and the published key set (or one kept from the
time of the newest head), and better a head that was kept outside.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from authz.jose import InvalidToken, KeySource
from authz.jose.strict_json import parse_object
from server.domain.audit_trail import AuditTrail, Head, PersonalFacts, TrailRow
from server.domain.unit import Store
from server.signals.audit_verify import BadRow, Report, TrailCheck, pages

FORMAT: Final = "mandate-audit/1"
MAX_LINE: Final = 1024 * 1024
_HEAD_FIELDS: Final = {"seal_seq": int, "at": int, "seal": str, "kid": str, "leaves": str}


class UnreadableExport(ValueError):
    """The file is not an export of ours; the text names the line."""


async def export(
    store: Store,
    trail: AuditTrail,
    write: Callable[[str], object],
    *,
    issuer: str,
    now: int,
    personal: bool = False,
) -> int:
    """Write the sealed trail line by line and return how many rows.

    `personal`: with the personal facts that were not erased; without them it verifies as well.
    """
    write(_line({"type": "export", "format": FORMAT, "issuer": issuer, "at": now}))
    count = 0
    async for page in pages(store, trail):
        for item in page:
            if isinstance(item, Head):
                write(_line({"type": "head", **_head(item)}))
            else:
                count += 1
                write(_line({"type": "row", **row_document(item, personal=personal)}))
    _, unsealed = await store.read(trail.count)
    write(_line({"type": "end", "rows": count, "unsealed": unsealed}))
    return count


def row_document(row: TrailRow, *, personal: bool) -> dict[str, object]:
    """Return a row as JSON: stable names, for the export and for `mandate audit tail --json`."""
    held = row.personal if personal else None
    return {
        "seal_seq": row.seal_seq,
        "seal": row.seal,
        "facts": dict(row.facts),
        "personal_commitment": row.personal_commitment,
        "personal": None if held is None else {"document": held.document, "salt": held.salt},
    }


def verify_export(
    lines: Iterable[bytes],
    keys: KeySource,
    *,
    revoked: Collection[str] = (),
    kept_outside: str | None = None,
) -> Report:
    """Check an exported trail.

    Raises `UnreadableExport`, and `InvalidToken` if `kept_outside` is not a head of these keys.
    """
    check = TrailCheck(keys, revoked, kept_outside)
    reader = _Reader(lines)
    try:
        check.take(reader.items())
        if not reader.complete:
            raise check.cut_short()
        check.end()
    except BadRow as bad:
        return check.report(reader.unsealed, bad)
    return check.report(reader.unsealed)


class _Reader:
    """The lines of a file as rows and heads."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = enumerate(lines, start=1)
        self.complete = False
        self.unsealed = 0

    def items(self) -> Iterator[TrailRow | Head]:
        number, first = next(self._lines, (1, b""))
        start = _parse(number, first)
        if start.get("type") != "export" or start.get("format") != FORMAT:
            raise UnreadableExport(f"line 1: not an export of format {FORMAT}")
        for number, line in self._lines:
            if self.complete:
                raise UnreadableExport(f"line {number}: something follows the end")
            document = _parse(number, line)
            try:
                item = self._item(document)
            except (KeyError, TypeError, ValueError):
                raise UnreadableExport(f"line {number}: not a line of an export") from None
            if item is not None:
                yield item

    def _item(self, document: Mapping[str, Any]) -> TrailRow | Head | None:
        match document["type"]:
            case "row":
                return _read_row(document)
            case "head":
                return _read_head(document)
            case "end":
                self.complete = True
                self.unsealed = _typed(document["unsealed"], int)
                return None
            case _:
                raise ValueError


def _parse(number: int, line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise UnreadableExport(f"line {number}: too long")
    try:
        return parse_object(line)
    except InvalidToken:
        raise UnreadableExport(f"line {number}: not one JSON object") from None


def _read_row(document: Mapping[str, Any]) -> TrailRow:
    facts = _typed(document["facts"], dict)
    if not all(value is None or type(value) in (str, int) for value in facts.values()):
        raise TypeError
    held = document["personal"]
    commitment, seal = document["personal_commitment"], document["seal"]
    return TrailRow(
        facts=facts,
        personal_commitment=None if commitment is None else _typed(commitment, str),
        personal=None
        if held is None
        else PersonalFacts(document=_typed(held["document"], str), salt=_typed(held["salt"], str)),
        seal_seq=_typed(document["seal_seq"], int),
        seal=None if seal is None else _typed(seal, str),
    )


def _read_head(document: Mapping[str, Any]) -> Head:
    fields = {name: _typed(document[name], kind) for name, kind in _HEAD_FIELDS.items()}
    return Head(**fields, signature=_typed(document["signature"], str))


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def _head(head: Head) -> dict[str, object]:
    return {name: getattr(head, name) for name in (*_HEAD_FIELDS, "signature")}


def _line(document: Mapping[str, object]) -> str:
    return orjson.dumps(document).decode() + "\n"
