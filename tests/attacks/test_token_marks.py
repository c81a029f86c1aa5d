"""Attacks on how we know our own tokens again: the mark that is kept with each record."""

import base64
import hashlib
import hmac

import pytest
from sqlalchemy import bindparam, update

from authz.decision import Denied
from server.protocol.presented import Presented, TokenReader
from server.storage.tables.token import token as table
from tests.support.stage import Stage

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256: with (r, s) also (r, order - s) is a signature of the same message."""
_SET = update(table).where(table.c.jti == bindparam("key")).values(mark=bindparam("new_mark"))


def _reader(stage: Stage) -> TokenReader:
    """One that has not seen anything."""
    return TokenReader(stage.world.core, stage.world.server.services.keys.verification)


async def _record_jti(stage: Stage) -> str:
    found = await _reader(stage).read(stage.subject)
    assert isinstance(found, Presented)
    return found.record.jti


async def _set_mark(stage: Stage, mark: str | None) -> None:
    core, jti = stage.world.core, await _record_jti(stage)

    def work(tx):
        tx.execute(_SET, {"key": jti, "new_mark": mark})
        tx.changed("token", jti)

    await core.store.write(work)
    await core.snapshot.refresh()


def _with_other_signature(token: str) -> str:
    head, body, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    other = raw[:32] + (_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    return f"{head}.{body}.{base64.urlsafe_b64encode(other).rstrip(b'=').decode()}"


async def test_a_second_signature_that_verifies_as_well_is_not_our_token(stage: Stage) -> None:
    twin = _with_other_signature(stage.subject)

    assert isinstance(await _reader(stage).read(stage.subject), Presented)
    assert isinstance(await _reader(stage).read(twin), Denied)
    # It is a good signature: nothing but the mark tells the two apart.
    await _set_mark(stage, None)
    assert isinstance(await _reader(stage).read(twin), Presented)


@pytest.mark.parametrize("end", [-1, -40, 30])
async def test_a_token_with_one_letter_changed_is_not_ours(stage: Stage, end: int) -> None:
    at = end % len(stage.subject)
    other = "A" if stage.subject[at] != "A" else "B"
    forged = stage.subject[:at] + other + stage.subject[at + 1 :]

    assert isinstance(await _reader(stage).read(forged), Denied)


@pytest.mark.parametrize(
    "make",
    [
        lambda token: hashlib.sha256(token.encode()).hexdigest(),
        lambda token: hmac.digest(b"", token.encode(), "sha256").hex(),
        lambda _: "",
        lambda token: token,
    ],
    ids=["hash", "MAC with an empty key", "empty", "the token"],
)
async def test_who_writes_to_the_database_cannot_make_a_mark(stage: Stage, make) -> None:
    await _set_mark(stage, make(stage.subject))

    assert isinstance(await _reader(stage).read(stage.subject), Denied)


async def test_a_token_of_an_older_version_is_known_by_its_signature(stage: Stage) -> None:
    await _set_mark(stage, None)
    head, body, signature = stage.subject.split(".")
    forged = f"{head}.{body}.{signature[:-4]}AAAA"

    assert isinstance(await _reader(stage).read(stage.subject), Presented)
    assert isinstance(await _reader(stage).read(forged), Denied)


async def test_a_mark_does_not_outlive_the_key(stage: Stage) -> None:
    from authz.jose import KeySet

    reader = TokenReader(stage.world.core, lambda: KeySet([]))

    assert isinstance(await reader.read(stage.subject), Denied)
