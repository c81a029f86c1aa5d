"""YAML of strangers: read as plain data, and never at a price."""

import pytest

from authz.plain_yaml import MAX_BYTES, YamlRefused, load

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


def test_plain_data_as_yaml_1_2_reads_it():
    text = (
        "a: yes\nb: 2026-01-01T00:00:00Z\nc: 010\nd: 1.5\ne: true\nf: ~\ng: '1'\nh: 1_000\n"
        "on: [.5, -3, 1e3, null, no]\n5: x\ni: 0x10\nj:\n"
    )
    assert load(text, "a.yaml").value == {
        "a": "yes", "b": "2026-01-01T00:00:00Z", "c": 10, "d": 1.5, "e": True, "f": None, "g": "1",
        "h": "1_000", "on": [0.5, -3, 1000.0, None, "no"], "5": "x", "i": "0x10", "j": None,
    }  # fmt: skip


def test_an_alias_is_the_part_that_it_names():
    assert load("a: &x {b: 1}\nc: [*x, *x]\n", "a.yaml").value["c"] == [{"b": 1}, {"b": 1}]


def test_each_part_has_a_place():
    document = load("tests:\n  - check:\n      user: anne\n", "a.yaml")
    assert document.place(("tests", 0, "check", "user")) == (2, 12)
    assert document.place(("tests", 0, "check", "absent", "more")) == (2, 6)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (BOMB, "more than 100000 parts"),
        ("a: &a [*a]\n", "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ("- " * 50_000 + "a", "nested too deeply"),
        ("a: !!python/object/apply:os.system ['true']\n", "tags are not taken"),
        ("a: !!binary aGk=\n", "tags are not taken"),
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: this key is there twice"),
        ("? [a]\n: b\n", "a key must be a text"),
        ("a: b: c\n", "line 1, column 5: this is no YAML"),
        ("a: *nowhere\n", "undefined alias"),
        ("a: 1\n---\nb: 2\n", "no YAML"),
        ("a: \x00\n", "no YAML"),
        ("#" * (MAX_BYTES + 1), "larger"),
    ],
)
def test_what_is_refused(text: str, hint: str):
    with pytest.raises(YamlRefused, match=hint):
        load(text, "a.yaml")
