"""Each way to tamper with the trail, done in the database itself, and the row that is named."""

from collections.abc import Iterable

import orjson
import pytest

from authz.jose import InvalidToken, KeySet
from server.domain.audit_trail import Head, TrailRow
from server.signals.audit_chain import FIRST, body, leaf, next_seal
from server.signals.audit_export import UnreadableExport, export, verify_export
from server.signals.audit_verify import Report, Wrong, trail_keys
from tests.signals.conftest import ISSUER, Trail
from tests.support.databases import SqliteDatabases
from tests.support.schema import read_sql, run_sql


@pytest.fixture
def databases(sqlite_databases: SqliteDatabases) -> SqliteDatabases:
    """One engine: the check sees rows, not where they lay (test_audit_seal has both)."""
    return sqlite_databases


def bad(report: Report) -> tuple[bool, int | None, str]:
    return report.ok, report.first_bad_seq, report.what


async def rehash(trail: Trail, *, from_seq: int = 1, to_seq: int = 10**9, heads: bool) -> None:
    """Make the seals again, as an attacker does who knows the algorithm but has no key."""
    rows, stored = await trail.store.read(lambda tx: trail.rows.trail.page(tx, 0, 10_000))
    seal = FIRST
    fitting: dict[int, tuple[str, str]] = {}
    for row in rows:
        assert row.seal_seq is not None
        sealed = body(row, row.seal_seq)
        seal = next_seal(seal, sealed)
        fitting[row.seal_seq] = (seal, leaf(sealed))
        if from_seq <= row.seal_seq <= to_seq:
            run_sql(trail.url, f"UPDATE audit SET seal = '{seal}' WHERE seal_seq = {row.seal_seq}")
        else:
            seal = row.seal or ""
    if heads:
        before = 0
        for head in stored:
            leaves = "".join(fitting[n][1] for n in range(before + 1, head.seal_seq + 1))
            run_sql(
                trail.url,
                f"UPDATE audit_head SET seal = '{fitting[head.seal_seq][0]}', leaves = '{leaves}'"
                f" WHERE seal_seq = {head.seal_seq}",
            )
            before = head.seal_seq


async def test_an_untouched_trail_verifies_and_says_how_much_waits(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    await trail.record(2)
    report = await trail.check()
    assert (report.ok, report.sealed, report.unsealed) == (True, 15, 2)
    assert report.first_bad_seq is None


@pytest.mark.parametrize(
    "change",
    [
        "user_id = 'usr_somebody_else'",
        "reason = 'because'",
        "at = at + 1",
        "detail = '{}'",
        "agents = '[]'",
        "salt = 'other'",
        "personal_commitment = NULL",
        "personal_commitment = 'zz'",
        f"personal_commitment = '{'0' * 64}'",
        "seal = NULL",
        "outcome = 'refused'",
    ],
)
async def test_an_edited_row_is_named(trail: Trail, change: str) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, f"UPDATE audit SET {change} WHERE seal_seq = 8")
    assert bad(await trail.check()) == (False, 8, Wrong.ALTERED)


async def test_a_rehashed_trail_fails_at_the_row_that_was_edited(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, "UPDATE audit SET user_id = 'usr_x' WHERE seal_seq = 8")
    await rehash(trail, heads=False)
    assert bad(await trail.check()) == (False, 8, Wrong.REWRITTEN)


async def test_a_row_rehashed_alone_is_named_and_not_the_one_behind_it(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, "UPDATE audit SET user_id = 'usr_x' WHERE seal_seq = 8")
    await rehash(trail, from_seq=8, to_seq=8, heads=False)
    assert bad(await trail.check()) == (False, 8, Wrong.REWRITTEN)


async def test_a_trail_rehashed_with_its_heads_fails_at_the_batch_that_nobody_can_sign(
    trail: Trail,
) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, "UPDATE audit SET user_id = 'usr_x' WHERE seal_seq = 8")
    await rehash(trail, heads=True)
    # The list of leaves, which would name row 8, was forged as well: its batch is named.
    assert bad(await trail.check()) == (False, 6, Wrong.HEAD)


async def test_a_forged_head_of_an_unknown_key_proves_nothing(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, "UPDATE audit SET user_id = 'usr_x' WHERE seal_seq = 8")
    await rehash(trail, heads=True)
    run_sql(trail.url, "UPDATE audit_head SET kid = 'mine' WHERE seal_seq = 10")
    assert (await trail.check()).ok is False
    run_sql(trail.url, "UPDATE audit_head SET kid = 'mine' WHERE seal_seq = 15")
    assert bad(await trail.check()) == (False, 6, Wrong.HEAD_KEY)


async def test_a_missing_tail_is_missed_by_the_newest_head(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, "DELETE FROM audit WHERE seal_seq > 12")
    assert bad(await trail.check()) == (False, 13, Wrong.TRUNCATED)


async def test_a_tail_of_whole_batches_is_missed_by_the_newest_head(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, "DELETE FROM audit WHERE seal_seq > 10")
    assert bad(await trail.check()) == (False, 11, Wrong.TRUNCATED)


async def test_a_tail_cut_with_its_heads_is_missed_by_a_head_kept_outside(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    kept = (await trail.check()).head
    assert kept is not None
    assert (await trail.check(kept)).ok
    run_sql(
        trail.url,
        "DELETE FROM audit WHERE seal_seq > 10",
        "DELETE FROM audit_head WHERE seal_seq > 10",
    )
    assert (await trail.check()).ok  # nothing inside the database can know
    assert bad(await trail.check(kept)) == (False, 11, Wrong.TRUNCATED)


async def test_an_emptied_trail_is_missed_by_a_head_kept_outside(trail: Trail) -> None:
    await trail.sealed(5)
    kept = (await trail.check()).head
    run_sql(trail.url, "DELETE FROM audit", "DELETE FROM audit_head")
    assert bad(await trail.check(kept)) == (False, 1, Wrong.TRUNCATED)


async def test_a_trail_begun_anew_with_the_real_key_is_not_the_one_kept_outside(
    trail: Trail,
) -> None:
    await trail.sealed(5)
    kept = (await trail.check()).head
    run_sql(trail.url, "DELETE FROM audit", "DELETE FROM audit_head")
    await trail.sealed(9)
    assert (await trail.check()).ok
    assert bad(await trail.check(kept)) == (False, 5, Wrong.OUTSIDE)


async def test_a_head_kept_outside_that_we_never_signed_is_refused(trail: Trail) -> None:
    await trail.sealed(2)
    kept = (await trail.check()).head or ""
    for forged in ("", "x.y.z", kept[:-6] + "AAAAAA", trail.signer.sign({}, typ="JWT")):
        with pytest.raises(InvalidToken):
            await trail.check(forged)


async def test_a_removed_row_is_missing_at_its_place(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, "DELETE FROM audit WHERE seal_seq = 8")
    assert bad(await trail.check()) == (False, 8, Wrong.MISSING)


async def test_a_removed_row_whose_gap_was_closed_is_named(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, "DELETE FROM audit WHERE seal_seq = 8")
    for seq in range(9, 16):
        run_sql(trail.url, f"UPDATE audit SET seal_seq = {seq - 1} WHERE seal_seq = {seq}")
    assert bad(await trail.check())[:2] == (False, 8)
    await rehash(trail, heads=False)
    assert bad(await trail.check())[:2] == (False, 8)


async def test_reordered_rows_are_named_at_the_first_place(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(
        trail.url,
        "UPDATE audit SET seal_seq = 1000 WHERE seal_seq = 7",
        "UPDATE audit SET seal_seq = 7 WHERE seal_seq = 9",
        "UPDATE audit SET seal_seq = 9 WHERE seal_seq = 1000",
    )
    assert bad(await trail.check()) == (False, 7, Wrong.ALTERED)
    await rehash(trail, heads=False)
    assert bad(await trail.check()) == (False, 7, Wrong.REWRITTEN)


COPY = (
    "INSERT INTO audit (id, at, tag, outcome, agents, detail, salt, seal_seq, seal)"
    " SELECT 'aud_new', at, tag, outcome, agents, detail, salt, {seq}, seal FROM audit"
    " WHERE seal_seq = 3"
)


async def test_an_inserted_row_is_named(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    for seq in range(15, 7, -1):
        run_sql(trail.url, f"UPDATE audit SET seal_seq = {seq + 1} WHERE seal_seq = {seq}")
    run_sql(trail.url, COPY.format(seq=8))
    assert bad(await trail.check())[:2] == (False, 8)
    await rehash(trail, heads=False)
    assert bad(await trail.check()) == (False, 8, Wrong.REWRITTEN)


async def test_a_row_added_behind_the_last_head_is_not_covered(trail: Trail) -> None:
    await trail.sealed(5, 5)
    run_sql(trail.url, COPY.format(seq=11))
    await rehash(trail, heads=False)
    assert bad(await trail.check()) == (False, 11, Wrong.UNSIGNED)


async def test_a_removed_head_is_named_by_its_batch(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, "DELETE FROM audit_head WHERE seal_seq = 10")
    assert bad(await trail.check()) == (False, 6, Wrong.HEAD_MISSING)
    run_sql(trail.url, "DELETE FROM audit_head WHERE seal_seq = 15")
    assert bad(await trail.check()) == (False, 6, Wrong.UNSIGNED)


@pytest.mark.parametrize("change", ["seal = '00'", "leaves = ''", "signature = 'a.b.c'", "at = 1"])
async def test_an_edited_head_is_no_head_or_makes_no_difference(trail: Trail, change: str) -> None:
    await trail.sealed(5, 5, 5)
    run_sql(trail.url, f"UPDATE audit_head SET {change} WHERE seal_seq = 10")
    report = await trail.check()
    # `at` of the column is for people; the signed one is in the head itself.
    assert (report.ok, report.first_bad_seq) == ((True, None) if change == "at = 1" else (False, 6))


async def test_a_head_of_another_batch_does_not_fit(trail: Trail) -> None:
    await trail.sealed(5, 5, 5)
    ((old,),) = read_sql(trail.url, "SELECT signature FROM audit_head WHERE seal_seq = 5")
    run_sql(trail.url, f"UPDATE audit_head SET signature = '{old}' WHERE seal_seq = 10")
    assert bad(await trail.check()) == (False, 6, Wrong.HEAD)


async def test_erased_personal_facts_still_verify(trail: Trail) -> None:
    await trail.sealed(5, 5)
    run_sql(trail.url, "DELETE FROM audit_personal")
    report = await trail.check()
    assert (report.ok, report.sealed) == (True, 10)
    assert "example.org" not in str(read_sql(trail.url, "SELECT * FROM audit"))


@pytest.mark.parametrize("column", ["document", "salt"])
async def test_changed_personal_facts_are_named(trail: Trail, column: str) -> None:
    await trail.sealed(5, 5)
    run_sql(
        trail.url,
        f"UPDATE audit_personal SET {column} = 'other'"
        " WHERE audit_id = (SELECT id FROM audit WHERE seal_seq = 4)",
    )
    assert bad(await trail.check()) == (False, 4, Wrong.PERSONAL)


async def test_a_revoked_key_is_believed_only_below_a_head_of_a_good_one(trail: Trail) -> None:
    await trail.sealed(5, 5)
    trail.revoke()
    assert bad(await trail.check()) == (False, 1, Wrong.HEAD_KEY)
    await trail.sealed(5)
    report = await trail.check()
    assert (report.ok, report.sealed) == (True, 15)


async def exported(trail: Trail, *, personal: bool = False) -> list[bytes]:
    lines: list[str] = []
    await export(
        trail.store,
        trail.rows.trail,
        lines.append,
        issuer=ISSUER,
        now=trail.clock.now(),
        personal=personal,
    )
    return [line.encode() for line in lines]


def check(trail: Trail, lines: Iterable[bytes], kept: str | None = None) -> Report:
    return verify_export(lines, trail_keys(trail.keys)[0], kept_outside=kept)


@pytest.mark.parametrize("personal", [True, False])
async def test_an_export_verifies_alone(trail: Trail, personal: bool) -> None:
    await trail.sealed(5, 5, 2)
    await trail.record(3)
    lines = await exported(trail, personal=personal)
    report = check(trail, lines)
    assert (report.ok, report.sealed, report.unsealed) == (True, 12, 3)
    assert report.head == (await trail.check()).head
    assert (b"example.org" in b"".join(lines)) is personal


async def test_an_export_that_was_tampered_with_names_the_row(trail: Trail) -> None:
    await trail.sealed(5, 5)
    lines = await exported(trail, personal=True)
    kept = (await trail.check()).head
    place = 9  # the export line, five rows, their head, then the rows from 6 on

    edited = orjson.loads(lines[place])
    seq = edited["seal_seq"]
    edited["facts"]["user_id"] = "usr_x"
    assert bad(check(trail, [*lines[:place], orjson.dumps(edited), *lines[place + 1 :]]))[:2] == (
        False,
        seq,
    )
    swapped = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
    assert bad(check(trail, swapped)) == (False, seq, Wrong.MISSING)
    assert bad(check(trail, lines[:place])) == (False, seq, Wrong.TRUNCATED)
    cut = [*lines[:7], lines[-1]]
    assert check(trail, cut).ok
    assert bad(check(trail, cut, kept)) == (False, 6, Wrong.TRUNCATED)
    assert bad(check(trail, [*lines[:place], *lines[place + 1 :]])) == (False, seq, Wrong.MISSING)


async def test_an_export_is_worth_nothing_without_the_key(trail: Trail) -> None:
    await trail.sealed(5)
    report = verify_export(await exported(trail), KeySet(()))
    assert bad(report) == (False, 1, Wrong.HEAD_KEY)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"type":"row"}',
        b'{"type":"other"}',
        b"\xff\xfe",
        b'{"type":"row","facts":{"a":[1]},"personal":null,"personal_commitment":null,"seal":"","seal_seq":1}',
        b'{"type":"row","facts":{},"personal":null,"personal_commitment":null,"seal":"","seal_seq":"1"}',
        b'{"type":"row","facts":{},"personal":[],"personal_commitment":null,"seal":"","seal_seq":1}',
        b'{"type":"row","type":"row"}',
        b"[" * 100_000,
        b'{"type":"end","rows":1,"unsealed":"0"}',
    ],
)
async def test_a_file_that_is_no_export_is_refused_with_its_line(trail: Trail, line: bytes) -> None:
    start = (await exported(trail))[0]
    with pytest.raises(UnreadableExport, match="line 2"):
        check(trail, [start, line])
    with pytest.raises(UnreadableExport, match="line 1"):
        check(trail, [line])


def test_a_seal_depends_on_everything_it_covers() -> None:
    row = TrailRow(facts={"id": "a", "at": 1}, personal_commitment=None)
    other = TrailRow(facts={"id": "a", "at": 2}, personal_commitment=None)
    personal = TrailRow(facts={"id": "a", "at": 1}, personal_commitment="ab" * 32)
    seals = {
        next_seal(before, body(each, seq))
        for each in (row, other, personal)
        for seq in (1, 2)
        for before in (FIRST, "1" * 64)
    }
    assert len(seals) == 12
    assert isinstance(Head(seal_seq=1, at=1, seal="", kid="", leaves="", signature=""), Head)
