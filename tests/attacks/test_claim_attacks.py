"""Well signed tokens whose claims do not hold (RFC 7519 §4.1)."""

from typing import Any

import pytest

from authz.jose import Audience, Fault, InvalidToken, check_claims
from authz.jose.verify import VerifiedPayload

NOW = 1_767_225_600_000
SECONDS = NOW // 1000
GOOD = {
    "iss": "https://as.test", "aud": "https://api.test", "sub": "usr_1", "exp": SECONDS + 60,
    "iat": SECONDS,
}  # fmt: skip


def claims_refusal(changes: dict[str, Any], **options: Any) -> Fault:
    payload = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    with pytest.raises(InvalidToken) as refused:
        _check(payload, **options)
    return refused.value.reason


def _check(payload: dict[str, Any], **options: Any) -> Any:
    given_options = {
        "issuer": "https://as.test", "audience": "https://api.test", "now": NOW,
        "required": {"sub": str}, **options,
    }  # fmt: skip
    return check_claims(VerifiedPayload(payload), **given_options)


def test_control_good_claims_are_accepted():
    assert _check(GOOD) == GOOD


@pytest.mark.parametrize(
    "issuer", ["https://as.test/", "https://AS.test", "https://as.test.evil", "", None, 1, ...,
               ["https://as.test"]],
)  # fmt: skip
def test_the_issuer_is_compared_exactly(issuer):
    assert claims_refusal({"iss": issuer}) is Fault.ISSUER_WRONG


@pytest.mark.parametrize(
    "audience",
    ["https://api.test/", "https://other.test", "", None, 1, ..., {}, [], ["https://api.test"],
     ["https://api.test", "https://other.test"]],
)  # fmt: skip
def test_our_own_tokens_name_exactly_one_audience(audience):
    assert claims_refusal({"aud": audience}) is Fault.AUDIENCE_WRONG


def test_an_array_of_audiences_counts_only_where_it_is_asked_for():
    one, two = ["https://api.test"], ["https://api.test", "https://other.test"]
    assert _check({**GOOD, "aud": one}, audience_form=Audience.SOLE)
    assert _check({**GOOD, "aud": two}, audience_form=Audience.MEMBER)
    assert claims_refusal({"aud": two}, audience_form=Audience.SOLE) is Fault.AUDIENCE_WRONG
    for wrong in ([one], [1], "https://api.testing", ["https://api.testing"]):
        refused = claims_refusal({"aud": wrong}, audience_form=Audience.MEMBER)
        assert refused is Fault.AUDIENCE_WRONG


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"exp": SECONDS}, Fault.EXPIRED),
        ({"exp": SECONDS - 1}, Fault.EXPIRED),
        ({"exp": 0}, Fault.EXPIRED),
        ({"exp": ...}, Fault.CLAIM_MISSING),
        ({"nbf": SECONDS + 1}, Fault.NOT_YET_VALID),
        ({"iat": SECONDS + 1}, Fault.NOT_YET_VALID),
        ({"exp": SECONDS + 3601}, Fault.LIFETIME_TOO_LONG),
    ],
)
def test_times_are_checked_against_the_given_clock(changes, fault):
    assert claims_refusal(changes, longest=3600) is fault


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", [None, True, "1767225660", [], {}, -1, float("inf"), float("nan"), 10**30, 1e300]
)
def test_a_time_of_another_type_or_beyond_reason_is_refused(name, value):
    assert claims_refusal({name: value}) is Fault.CLAIM_TYPE


def test_the_last_millisecond_before_expiry_is_good_and_leeway_only_where_given():
    assert _check({**GOOD, "exp": SECONDS + 60}, now=NOW + 59_999)
    assert _check({**GOOD, "exp": SECONDS - 5, "iat": SECONDS - 60}, leeway=6)
    assert claims_refusal({"exp": SECONDS - 5}, leeway=5) is Fault.EXPIRED


@pytest.mark.parametrize(("value", "fault"), [
    (..., Fault.CLAIM_MISSING), (None, Fault.CLAIM_TYPE), ("", Fault.CLAIM_TYPE),
    (1, Fault.CLAIM_TYPE), ("x" * 3000, Fault.CLAIM_TYPE), (["usr_1"], Fault.CLAIM_TYPE),
])  # fmt: skip
def test_a_required_claim_has_its_type_and_is_not_empty(value, fault):
    assert claims_refusal({"sub": value}) is fault


def test_an_optional_claim_has_its_type_if_it_is_there():
    assert _check(GOOD, optional={"act": dict})
    assert claims_refusal({"act": "agt_1"}, optional={"act": dict}) is Fault.CLAIM_TYPE
    assert claims_refusal({"n": True}, optional={"n": int}) is Fault.CLAIM_TYPE
