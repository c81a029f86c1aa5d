"""What was tried in a person's name and refused stands in their part of the trail."""

from dataclasses import replace
from typing import Any

import pytest

from server.domain.audit import AuditTag
from server.domain.registry import Client
from server.protocol.client_auth import authenticate
from tests.support.stage import Stage
from tests.support.world import DOCS


async def _refused(stage: Stage, tag: AuditTag) -> tuple[str, str | None, str | None]:
    """Return reason, person and grant of the one refusal."""
    [row] = [row for row in await stage.world.audited(tag) if row[0] == "refused"]
    return row[1], row[2], row[4]


async def test_an_exchange_that_asks_too_much_names_the_person_and_the_grant(stage: Stage) -> None:
    answer = await stage.world.exchange(stage.a, stage.subject, resource="https://else.example/")

    assert answer.status_code == 400
    found = await _refused(stage, AuditTag.EXCHANGE)
    assert found == ("unknown_target", stage.ada.id, stage.grant.id)


async def test_a_token_in_strange_hands_is_told_to_its_person(stage: Stage) -> None:
    answer = await stage.world.exchange(stage.b, stage.subject, resource=DOCS)

    assert answer.status_code == 400
    found = await _refused(stage, AuditTag.EXCHANGE)
    assert found == ("not_presenter", stage.ada.id, stage.grant.id)


async def test_what_no_token_proves_names_nobody(stage: Stage) -> None:
    await stage.world.exchange(stage.a, stage.subject[:-4] + "AAAA", resource=DOCS)

    assert (await _refused(stage, AuditTag.EXCHANGE))[1:] == (None, None)


async def test_a_code_with_a_wrong_verifier_is_told_to_its_person(stage: Stage) -> None:
    w = stage.world
    code = await w.code(stage.a, stage.ada, grant=stage.grant, scope="docs:read")

    answer = await w.redeem(stage.a, code, code_verifier="x" * 43)

    assert answer.json()["error"] == "invalid_grant"
    found = await _refused(stage, AuditTag.CODE_TOKEN)
    assert found == ("verifier_mismatch", stage.ada.id, stage.grant.id)


@pytest.mark.parametrize(
    ("change", "status"), [({"secret_hash": "0" * 64}, 401), ({"name": "N"}, 200)]
)
async def test_a_client_whose_secret_changed_while_it_was_served_gets_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], status: int
) -> None:
    core, real = stage.world.core, authenticate

    async def overtaken(*given: Any) -> Client:
        client = await real(*given)
        assert isinstance(client, Client)
        # Another worker changes the client, between its authentication and the unit that mints.
        await core.store.write(lambda tx: core.rows.clients.update(tx, replace(client, **change)))
        return client

    monkeypatch.setattr("server.protocol.token_endpoint.authenticate", overtaken)
    answer = await stage.world.post("/token", {"grant_type": "client_credentials"}, by=stage.a)

    assert answer.status_code == status, answer.text
