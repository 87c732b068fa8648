from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from exporter.api.key import AdminKey, KeyFileError

OLD, NEW = "sk-ant-admin01-old", "sk-ant-admin01-new"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(OLD)
    return path


def test_a_key_of_the_environment_stays_what_it_is() -> None:
    key = AdminKey(SecretStr(OLD), None)
    assert key.current.get_secret_value() == OLD
    assert not key.renew(key.current)


def test_a_file_goes_before_the_environment(file: Path) -> None:
    assert AdminKey(SecretStr(NEW), file).current.get_secret_value() == OLD


@pytest.mark.parametrize("text", [OLD, f"{OLD}\n", f"  {OLD}\r\n\n"])
def test_white_space_around_the_key_is_not_part_of_it(file: Path, text: str) -> None:
    file.write_text(text)
    assert AdminKey(None, file).current.get_secret_value() == OLD


def test_a_refused_key_is_renewed_from_the_changed_file(file: Path) -> None:
    key = AdminKey(None, file)
    refused = key.current
    assert not key.renew(refused)
    file.write_text(NEW)
    assert key.renew(refused)
    assert key.current.get_secret_value() == NEW


def test_whoever_was_refused_with_an_old_key_tries_the_one_that_another_has_read(file: Path) -> None:
    key = AdminKey(None, file)
    refused = key.current
    file.write_text(NEW)
    assert key.renew(refused)
    file.unlink()
    assert key.renew(refused)
    assert not key.renew(key.current)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"two words", b"two\nlines", "schlüssel".encode()])
def test_a_file_that_is_being_written_keeps_the_key(file: Path, content: bytes) -> None:
    key = AdminKey(None, file)
    file.write_bytes(content)
    assert not key.renew(key.current)
    assert key.current.get_secret_value() == OLD


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the key file {file} is empty: write the Admin API key into it"),
        (b" \n", "the key file {file} is empty: write the Admin API key into it"),
        (b"hunter2\xff", "the key file {file} is not text"),
        (b"hunter2 hunter3", "the key file {file} must hold the Admin API key alone, on one line"),
        (b"hunter2\nhunter3", "the key file {file} must hold the Admin API key alone, on one line"),
        ("hunter2ü".encode(), "the key file {file} must hold the Admin API key alone, on one line"),
        (b"hunter2\x00x", "the key file {file} must hold the Admin API key alone, on one line"),
    ],
)
def test_an_unusable_file_is_named_and_never_quoted(file: Path, content: bytes, problem: str) -> None:
    file.write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        AdminKey(None, file)
    assert str(caught.value) == problem.format(file=file)


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"cannot read the key file .*/missing: No such file or directory"):
        AdminKey(None, tmp_path / "missing")
    with pytest.raises(KeyFileError, match="Is a directory"):
        AdminKey(None, tmp_path)


def test_no_representation_shows_the_key(file: Path) -> None:
    key = AdminKey(None, file)
    assert OLD not in f"{key!r} {key.current!r} {key.current}"
