from dataclasses import replace

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from authz.jose import InvalidToken, thumbprint, verify_jws
from server.keys import pairs
from server.keys.envelope import SealBroken
from server.keys.jwks import publish
from server.keys.pairs import generate, open_private, reseal
from server.keys.signer import NoSigningKey, Signer
from server.keys.signing_keys import (
    Change,
    KeyStatus,
    SigningKey,
    TooEarly,
    UnknownKey,
    active,
    first_keys,
    revoke,
    rotate,
    upcoming,
)
from tests.keys.material import NOW, envelope, pair_of_keys

HOUR = 3_600_000
TTL, ANNOUNCE = 900, 3600


def after(keys: tuple[SigningKey, ...], changes: tuple[Change, ...]) -> tuple[SigningKey, ...]:
    held = {key.kid: key for key in keys}
    for change in changes:
        held[change.after.kid] = change.after
        for status in (KeyStatus.ACTIVE, KeyStatus.NEXT):
            assert sum(key.status is status for key in held.values()) <= 1, "a step broke the index"
    return tuple(held.values())


@pytest.fixture
def box(entropy):
    return envelope(entropy)


@pytest.fixture
def keys(box):
    return pair_of_keys("ES256", box)


def kids(body: bytes) -> set[str]:
    return {jwk["kid"] for jwk in orjson.loads(body)["keys"]}


def test_no_key_is_named_like_an_option(box, monkeypatch):
    # `mandate keys revoke -d1wGF…` would be read as the option `-d`.
    drawn = iter([33, 67, 68])  # the first two have thumbprints that begin with a dash
    monkeypatch.setattr(
        pairs,
        "_new",
        lambda _: ed25519.Ed25519PrivateKey.from_private_bytes(next(drawn).to_bytes(32, "big")),
    )
    key = generate("EdDSA", box, NOW)
    assert not key.kid.startswith("-")
    assert next(drawn, None) is None
    assert key.kid == thumbprint(key.public_jwk)
    open_private(key, box)  # the private half is that of the key it names


def test_an_announced_key_is_published_before_it_signs(keys, box):
    published = publish(keys, NOW)
    assert kids(published.body) == {key.kid for key in keys}
    token = Signer(keys, box).sign({"a": 1}, typ="at+jwt")
    assert verify_jws(token, published.keys, typ="at+jwt", algorithms=("ES256",)) == {"a": 1}


def test_rotation_makes_the_announced_key_sign_and_announces_another(keys, box):
    fresh = generate("ES256", box, NOW + HOUR)
    changes = rotate(keys, fresh, now=NOW + HOUR, longest_token_ttl=TTL, announce_ttl=ANNOUNCE)
    assert isinstance(changes, tuple)
    turned = after(keys, changes)
    old, following = keys
    assert active(turned, "ES256") == replace(
        following, status=KeyStatus.ACTIVE, activated_at=NOW + HOUR
    )
    assert upcoming(turned, "ES256") == fresh
    retired = next(key for key in turned if key.kid == old.kid)
    assert (retired.status, retired.retire_at) == (KeyStatus.RETIRED, NOW + HOUR + TTL * 1000)


def test_a_token_of_the_retired_key_verifies_until_it_would_have_expired_anyway(keys, box):
    token = Signer(keys, box).sign({"a": 1}, typ="at+jwt")
    at = NOW + HOUR
    turned = after(keys, _rotated(keys, box, at))
    assert verify_jws(token, publish(turned, at).keys, typ="at+jwt", algorithms=("ES256",))
    last = at + TTL * 1000
    assert verify_jws(token, publish(turned, last - 1).keys, typ="at+jwt", algorithms=("ES256",))
    with pytest.raises(InvalidToken, match="key_unknown"):
        verify_jws(token, publish(turned, last).keys, typ="at+jwt", algorithms=("ES256",))


def test_the_published_set_says_until_when_it_is_good(keys, box):
    assert publish(keys, NOW).changes_at is None
    turned = after(keys, _rotated(keys, box, NOW + HOUR))
    published = publish(turned, NOW + HOUR)
    last = NOW + HOUR + TTL * 1000
    assert published.changes_at == last
    assert published.is_good(last - 1)
    assert not published.is_good(last)


def test_a_key_that_verifiers_may_not_know_yet_does_not_sign(keys, box):
    at = NOW + ANNOUNCE * 1000 - 1
    fresh = generate("ES256", box, at)
    refused = rotate(keys, fresh, now=at, longest_token_ttl=TTL, announce_ttl=ANNOUNCE)
    assert refused == TooEarly(NOW + ANNOUNCE * 1000)


def test_retiring_destroys_the_private_half(keys, box):
    turned = after(keys, _rotated(keys, box, NOW + HOUR))
    retired = next(key for key in turned if key.status is KeyStatus.RETIRED)
    assert retired.sealed_private == b""
    with pytest.raises(SealBroken):
        open_private(retired, box)


def test_a_compromised_active_key_leaves_at_once_and_the_announced_one_signs(keys, box):
    token = Signer(keys, box).sign({"a": 1}, typ="at+jwt")
    fresh = generate("ES256", box, NOW + 1)
    changes = revoke(keys, keys[0].kid, fresh, now=NOW + 1)
    assert isinstance(changes, tuple)
    turned = after(keys, changes)
    assert kids(publish(turned, NOW + 1).body) == {keys[1].kid, fresh.kid}
    with pytest.raises(InvalidToken, match="key_unknown"):
        verify_jws(token, publish(turned, NOW + 1).keys, typ="at+jwt", algorithms=("ES256",))
    again = Signer(turned, box).sign({"a": 2}, typ="at+jwt")
    assert verify_jws(again, publish(turned, NOW + 1).keys, typ="at+jwt", algorithms=("ES256",))


def test_a_compromised_announced_key_is_replaced_and_the_active_one_stays(keys, box):
    fresh = generate("ES256", box, NOW)
    changes = revoke(keys, keys[1].kid, fresh, now=NOW)
    assert isinstance(changes, tuple)
    turned = after(keys, changes)
    assert active(turned, "ES256") == keys[0]
    assert upcoming(turned, "ES256") == fresh


def test_a_compromised_retired_key_leaves_before_its_time(keys, box):
    turned = after(keys, _rotated(keys, box, NOW + HOUR))
    changes = revoke(turned, keys[0].kid, generate("ES256", box, NOW), now=NOW + HOUR)
    assert isinstance(changes, tuple)
    assert keys[0].kid not in kids(publish(after(turned, changes), NOW + HOUR).body)


def test_revoking_without_an_announced_key_still_leaves_one_that_signs(keys, box):
    fresh = generate("ES256", box, NOW)
    changes = revoke(keys[:1], keys[0].kid, fresh, now=NOW)
    assert isinstance(changes, tuple)
    found = active(after(keys[:1], changes), "ES256")
    assert found is not None
    assert found.kid == fresh.kid


def test_an_unknown_or_revoked_key_cannot_be_revoked(keys, box):
    fresh = generate("ES256", box, NOW)
    assert revoke(keys, "nobody", fresh, now=NOW) == UnknownKey("nobody")
    changes = revoke(keys, keys[0].kid, fresh, now=NOW)
    assert isinstance(changes, tuple)
    gone = after(keys, changes)
    assert revoke(gone, keys[0].kid, fresh, now=NOW) == UnknownKey(keys[0].kid)


def test_the_set_has_stable_bytes_whatever_the_order_of_the_rows(keys):
    published = publish(keys, NOW)
    assert publish(tuple(reversed(keys)), NOW).body == published.body
    assert publish(tuple(reversed(keys)), NOW).etag == published.etag


def test_the_set_has_public_members_only(box):
    keys = [key for alg in ("ES256", "EdDSA") for key in pair_of_keys(alg, box)]
    for jwk in orjson.loads(publish(keys, NOW).body)["keys"]:
        assert set(jwk) <= {"kty", "crv", "x", "y", "kid", "alg", "use"}


def test_a_private_half_moved_to_another_row_does_not_sign(keys, box):
    swapped = replace(keys[0], sealed_private=keys[1].sealed_private)
    with pytest.raises(SealBroken):
        Signer((swapped,), box)


def test_a_private_half_that_was_resealed_for_another_row_does_not_sign(keys, box):
    secret = box.open("signing_key", keys[1].kid, keys[1].sealed_private)
    forged = replace(keys[0], sealed_private=box.seal("signing_key", keys[0].kid, secret))
    with pytest.raises(SealBroken, match="not the private half"):
        Signer((forged,), box)


def test_without_an_active_key_nothing_is_signed(keys, box):
    with pytest.raises(NoSigningKey):
        Signer(keys[1:], box).sign({}, typ="at+jwt")
    with pytest.raises(NoSigningKey):
        Signer(keys, box).sign({}, typ="at+jwt", alg="RS256")


def test_a_change_of_the_key_encryption_key_reseals_what_signs(keys, box, entropy):
    from server.keys.envelope import Envelope
    from server.keys.kek import KeyEncryptionKey

    new, old = KeyEncryptionKey(b"\x09" * 32), KeyEncryptionKey(b"\x07" * 32)
    both = Envelope((new, old), entropy)
    changed = after(keys, ())
    changes = reseal(keys, both)
    assert len(changes) == 2
    changed = after(keys, changes)
    assert reseal(changed, both) == ()
    assert Signer(changed, Envelope((new,), entropy)).sign({}, typ="at+jwt")


def test_nothing_secret_is_shown(keys, box):
    secret = box.open("signing_key", keys[0].kid, keys[0].sealed_private)
    for text in (repr(keys), repr(Signer(keys, box)), str(keys[0])):
        assert "sealed" not in text
        assert secret.hex() not in text


def test_the_first_two_keys_are_one_that_signs_and_one_announced(box):
    one, two = generate("ES256", box, NOW), generate("ES256", box, NOW)
    assert [key.status for key in first_keys(one, two, NOW)] == ["active", "next"]


def _rotated(keys, box, at) -> tuple[Change, ...]:
    fresh = generate("ES256", box, at)
    changes = rotate(keys, fresh, now=at, longest_token_ttl=TTL, announce_ttl=ANNOUNCE)
    assert isinstance(changes, tuple)
    return changes
