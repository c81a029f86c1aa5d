"""Settings of the engine: half of something, or something that others could read, does not start."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.requirements import requirement
from tests.support.world import settings_for

WHOLE = {
    "authz_engine": "openfga",
    "openfga_url": "https://openfga.example",
    "openfga_store_id": "01JABCDEFGHJKMNPQRSTVWXYZ0",
}
CLIENT = {
    "openfga_token_issuer": "https://issuer.example/token",
    "openfga_client_id": "cli_1",
    "openfga_client_secret_file": "secret",
}


@requirement("mandate:settings:unsafe")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"openfga_url": ""}, "MANDATE_OPENFGA_URL"),
        ({"openfga_store_id": ""}, "MANDATE_OPENFGA_STORE_ID"),
        ({"openfga_url": "http://openfga.example"}, "https"),
        ({"openfga_url": "http://127.0.0.1.example"}, "https"),
        ({"openfga_url": "https://key@openfga.example"}, "without a user"),
        ({"openfga_url": "https://openfga.example/?key=1"}, "https"),
        ({"openfga_url": "file:///etc/passwd"}, "https"),
        ({**CLIENT, "openfga_token_issuer": "http://issuer.example"}, "OPENFGA_TOKEN_ISSUER"),
        ({**CLIENT, "openfga_client_secret_file": None}, "all three"),
        ({**CLIENT, "openfga_client_id": ""}, "all three"),
        ({"openfga_client_id": "cli_1"}, "all three"),
        ({**CLIENT, "openfga_api_token": "a-preshared-key"}, "not both"),
        ({"openfga_api_token": "a", "openfga_api_token_file": "b"}, "not both"),
        ({"openfga_timeout_ms": 0}, "openfga_timeout_ms"),
        ({"authz_engine": "another"}, "authz_engine"),
    ],
)
def test_what_is_unsafe_or_half_does_not_start(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings_for("sqlite:///x.db", **{**WHOLE, **changes})
    assert said in str(refused.value)
    assert "a-preshared-key" not in str(refused.value)


def test_secrets_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a-secret-of-a-test\n")
    named = {**WHOLE, **CLIENT, "openfga_client_secret_file": file}
    place = settings_for("sqlite:///x.db", **named).openfga()
    assert place.client is not None
    assert place.client.secret == "a-secret-of-a-test"
    token = settings_for("sqlite:///x.db", **WHOLE, openfga_api_token_file=file)
    assert token.openfga().token == "a-secret-of-a-test"
    for shown in (repr(place), repr(token), repr(token.openfga())):
        assert "a-secret-of-a-test" not in shown
    local = {**WHOLE, "openfga_url": "http://[::1]:8080/"}
    assert settings_for("sqlite:///x.db", **local).openfga().url == "http://[::1]:8080"
