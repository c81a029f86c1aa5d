import os
import stat

import pytest

from server.keys.kek import (
    KeyEncryptionKey,
    UnusableKek,
    create_kek_file,
    parse_keks,
    read_kek_file,
)

TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


def test_init_makes_a_file_that_only_its_owner_can_read(tmp_path, entropy):
    path = tmp_path / "kek"
    before = os.umask(0)
    try:
        made = create_kek_file(path, entropy)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_kek_file(path) == (made,)


def test_init_never_overwrites_the_only_key_to_a_database(tmp_path, entropy):
    path = tmp_path / "kek"
    create_kek_file(path, entropy)
    before = path.read_bytes()
    with pytest.raises(UnusableKek, match="exists already"):
        create_kek_file(path, entropy)
    assert path.read_bytes() == before


def test_init_does_not_write_through_a_planted_link(tmp_path, entropy):
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "kek").symlink_to(elsewhere)
    with pytest.raises(UnusableKek):
        create_kek_file(tmp_path / "kek", entropy)
    assert not elsewhere.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666])
def test_a_file_that_group_or_others_may_touch_is_refused(tmp_path, entropy, mode):
    path = tmp_path / "kek"
    create_kek_file(path, entropy)
    path.chmod(mode)
    with pytest.raises(UnusableKek, match="0600"):
        read_kek_file(path)


def test_a_file_mode_is_judged_behind_a_link(tmp_path, entropy):
    create_kek_file(tmp_path / "kek", entropy)
    (tmp_path / "kek").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "kek")
    with pytest.raises(UnusableKek, match="0600"):
        read_kek_file(tmp_path / "link")


def test_absent_files_folders_and_bytes_are_refused(tmp_path):
    with pytest.raises(UnusableKek, match="cannot read"):
        read_kek_file(tmp_path / "none")
    with pytest.raises(UnusableKek):
        read_kek_file(tmp_path)
    for content in (b"", b"\xff\xfe" * 30, b"A" * 5000):
        path = tmp_path / "bad"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(UnusableKek):
            read_kek_file(path)


def test_the_environment_gives_one_key_or_a_new_one_before_the_old():
    other = "_-" + TEXT[2:]
    assert parse_keks(TEXT) == (KeyEncryptionKey(bytes(range(32))),)
    assert parse_keks(TEXT + "=") == parse_keks(TEXT)
    assert [key.key_id for key in parse_keks(f"{other}\n{TEXT}\n")] == [
        *(key.key_id for key in parse_keks(other)),
        *(key.key_id for key in parse_keks(TEXT)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "short",
        TEXT[:-1],
        TEXT + "A",
        "+/" + TEXT[2:],
        TEXT[:-1] + "!",
        "é" * 43,
        TEXT + " " + TEXT,
        "A" * 64,
    ],
)
def test_a_malformed_key_is_refused_without_being_repeated(text):
    with pytest.raises(UnusableKek) as refused:
        parse_keks(text)
    assert not text.strip() or text not in str(refused.value)
