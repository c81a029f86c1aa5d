import pytest

from server.keys.envelope import Envelope, SealBroken
from server.keys.kek import KeyEncryptionKey
from tests.keys.material import envelope
from tests.support.entropy import SequenceEntropy

OLD, NEW = KeyEncryptionKey(b"o" * 32), KeyEncryptionKey(b"n" * 32)


def test_a_record_opens_as_what_it_was_sealed(entropy):
    box = envelope(entropy)
    assert box.open("signing_key", "k1", box.seal("signing_key", "k1", b"secret")) == b"secret"


def test_an_empty_secret_is_a_secret_too(entropy):
    box = envelope(entropy)
    assert box.open("a", "b", box.seal("a", "b", b"")) == b""


def test_the_same_secret_never_looks_the_same_twice(entropy):
    box = envelope(entropy)
    assert box.seal("a", "b", b"secret") != box.seal("a", "b", b"secret")


@pytest.mark.parametrize(
    ("kind", "record"),
    [("signing_key", "k2"), ("client_secret", "k1"), ("signing_keyk", "1"), ("signing_", "keyk1")],
)
def test_a_ciphertext_that_is_moved_to_another_record_does_not_open(entropy, kind, record):
    box = envelope(entropy)
    sealed = box.seal("signing_key", "k1", b"secret")
    with pytest.raises(SealBroken):
        box.open(kind, record, sealed)


def test_every_single_flipped_bit_breaks_the_seal(entropy):
    box = envelope(entropy)
    sealed = box.seal("a", "b", b"secret")
    for bit in range(len(sealed) * 8):
        bent = bytearray(sealed)
        bent[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            box.open("a", "b", bytes(bent))


def test_every_truncation_and_any_addition_breaks_the_seal(entropy):
    box = envelope(entropy)
    sealed = box.seal("a", "b", b"secret")
    for wrong in [*(sealed[:n] for n in range(len(sealed))), sealed + b"\0"]:
        with pytest.raises(SealBroken):
            box.open("a", "b", wrong)


def test_the_wrapped_key_of_one_record_does_not_open_another(entropy):
    box = envelope(entropy)
    one, other = box.seal("a", "1", b"secret"), box.seal("a", "2", b"public")
    wrapped = slice(9, 9 + 12 + 48)
    mixed = one[: wrapped.start] + other[wrapped] + one[wrapped.stop :]
    with pytest.raises(SealBroken):
        box.open("a", "1", mixed)


def test_another_key_encryption_key_does_not_open_it(entropy):
    sealed = Envelope((OLD,), entropy).seal("a", "b", b"secret")
    with pytest.raises(SealBroken, match="not configured"):
        Envelope((NEW,), entropy).open("a", "b", sealed)


def test_a_new_key_encryption_key_takes_over_record_by_record(entropy):
    sealed = Envelope((OLD,), entropy).seal("a", "b", b"secret")
    both = Envelope((NEW, OLD), entropy)
    assert not both.is_current(sealed)
    again = both.reencrypt("a", "b", sealed)
    assert both.is_current(again)
    assert both.reencrypt("a", "b", again) == again
    assert Envelope((NEW,), entropy).open("a", "b", again) == b"secret"


def test_reencryption_does_not_bless_a_broken_record(entropy):
    both = Envelope((NEW, OLD), entropy)
    sealed = Envelope((OLD,), entropy).seal("a", "b", b"secret")
    with pytest.raises(SealBroken):
        both.reencrypt("a", "another", sealed)


def test_neither_repr_nor_error_shows_key_or_secret():
    box = Envelope((OLD,), SequenceEntropy())
    with pytest.raises(SealBroken) as broken:
        box.open("a", "b", box.seal("a", "c", b"hidden-secret"))
    for text in (repr(box), repr(OLD), str(broken.value)):
        assert "hidden" not in text
        assert "oooo" not in text
        assert (b"o" * 32).hex() not in text


def test_an_envelope_without_a_key_is_refused(entropy):
    with pytest.raises(ValueError, match="needs a key"):
        Envelope((), entropy)
