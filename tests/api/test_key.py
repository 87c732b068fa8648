from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from exporter.api import key as key_module
from exporter.api.key import LARGEST_FILE_BYTES, AdminKey, KeyFileError, advice
from exporter.api.redact import redact

OLD, NEW = "sk-ant-admin01-old", "sk-ant-admin01-new"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(OLD)
    return path


def renewed(key: AdminKey, refused: SecretStr) -> bool:
    return asyncio.run(key.renew(refused))


def test_a_key_of_the_environment_stays_what_it_is() -> None:
    key = AdminKey(SecretStr(OLD), None)
    assert key.current.get_secret_value() == OLD
    assert not renewed(key, key.current)


def test_a_file_goes_before_the_environment(file: Path) -> None:
    assert AdminKey(SecretStr(NEW), file).current.get_secret_value() == OLD


@pytest.mark.parametrize("text", [OLD, f"{OLD}\n", f"  {OLD}\r\n\n"])
def test_white_space_around_the_key_is_not_part_of_it(file: Path, text: str) -> None:
    file.write_text(text)
    assert AdminKey(None, file).current.get_secret_value() == OLD


def test_a_refused_key_is_renewed_from_the_changed_file(file: Path) -> None:
    key = AdminKey(None, file)
    refused = key.current
    assert not renewed(key, refused)
    file.write_text(NEW)
    assert renewed(key, refused)
    assert key.current.get_secret_value() == NEW


def test_whoever_was_refused_with_an_old_key_tries_the_one_that_another_has_read(file: Path) -> None:
    key = AdminKey(None, file)
    refused = key.current
    file.write_text(NEW)
    assert renewed(key, refused)
    file.unlink()
    assert renewed(key, refused)
    assert not renewed(key, key.current)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"two words", b"two\nlines", "schlüssel".encode()])
def test_a_file_that_is_being_written_keeps_the_key(file: Path, content: bytes) -> None:
    key = AdminKey(None, file)
    file.write_bytes(content)
    assert not renewed(key, key.current)
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


def unusual(kind: str, path: Path) -> Path:
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a device"])
def test_what_is_no_ordinary_file_is_refused_at_the_start_without_waiting_for_it(tmp_path: Path, kind: str) -> None:
    path = unusual(kind, tmp_path / "key")
    link = tmp_path / "link"
    link.symlink_to(path)
    for file in (path, link):
        with pytest.raises(KeyFileError) as caught:
            AdminKey(None, file)
        assert str(caught.value) == (f"the key file {file} is {kind}: it must be an ordinary file")


def test_the_null_device_is_an_empty_file() -> None:
    with pytest.raises(KeyFileError, match="the key file /dev/null is empty: write the Admin API key into it"):
        AdminKey(None, Path("/dev/null"))


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a device"])
def test_what_is_no_ordinary_file_any_more_keeps_the_key(file: Path, kind: str) -> None:
    key = AdminKey(None, file)
    file.unlink()
    unusual(kind, file)
    assert not renewed(key, key.current)
    assert key.current.get_secret_value() == OLD


def test_a_key_of_kubernetes_is_renewed_through_its_symlinks(tmp_path: Path) -> None:
    for version, text in (("..2026_11_20", OLD), ("..2026_11_21", NEW)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "key").write_text(text)
    (tmp_path / "..data").symlink_to("..2026_11_20")
    (tmp_path / "key").symlink_to("..data/key")
    key = AdminKey(None, tmp_path / "key")
    refused = key.current
    (tmp_path / "..data_tmp").symlink_to("..2026_11_21")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert renewed(key, refused)
    assert key.current.get_secret_value() == NEW


def test_a_file_that_is_far_too_large_is_not_read_whole(file: Path) -> None:
    file.write_text(OLD + "\n" * LARGEST_FILE_BYTES)
    with pytest.raises(KeyFileError, match="larger than 65536 bytes"):
        AdminKey(None, file)


class HangingMount:
    """Reads of the key file wait for each other's end, which `release` brings."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reads = 0
        self.release = threading.Event()
        monkeypatch.setattr(key_module, "_content", self._read)
        monkeypatch.setattr(key_module, "READ_SECONDS", 0.01)

    def _read(self, _: Path) -> bytes:
        self.reads += 1
        self.release.wait()
        return NEW.encode()


def test_a_mount_that_hangs_is_waited_for_by_one_thread_and_used_when_it_is_back(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = AdminKey(None, file)
    refused = key.current
    mount = HangingMount(monkeypatch)

    async def hang() -> None:
        assert await asyncio.gather(*(key.renew(refused) for _ in range(20))) == [False] * 20
        assert mount.reads <= 1  # a busy machine may not have begun it
        mount.release.set()
        while not await key.renew(refused):
            pass

    asyncio.run(hang())
    assert key.current.get_secret_value() == NEW


def test_everyone_refused_at_about_the_same_time_gets_the_new_key(file: Path) -> None:
    async def one(key: AdminKey, refused: SecretStr, turns: int) -> bool:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await key.renew(refused)

    async def storm(key: AdminKey, refused: SecretStr) -> bool:
        return all(await asyncio.gather(*(one(key, refused, turns) for turns in range(60))))

    for _ in range(50):
        file.write_text(OLD)
        key = AdminKey(None, file)
        file.write_text(NEW)
        assert asyncio.run(storm(key, key.current))


# What kind of key it looks like


@pytest.mark.parametrize(
    ("key", "looks"),
    [
        ("sk-ant-api03-hunter2", "like a workspace's key (sk-ant-api03-…)"),
        ("sk-ant-api01-hunter2", "like a Claude Enterprise key (sk-ant-api01-…)"),
        ("sk-ant-oat01-hunter2", "like an OAuth token (sk-ant-oat…)"),
        ("sk-ant-hunter2", "like an Anthropic key of another kind"),
        ('"sk-ant-admin01-hunter2"', "like a key in quotes"),
        ("'hunter2'", "like a key in quotes"),
        ("ANTHROPIC_ADMIN_API_KEY=sk-ant-admin01-hunter2", "like NAME=value, not the key alone"),
        ("Bearer:hunter2", "like a whole header, not the key alone"),
        ("x-api-key:hunter2", "like a whole header, not the key alone"),
        ('{"key":"hunter2"}', "like JSON, not the key alone"),
        ("/run/secrets/hunter2", "like the path of a file"),
        ("./hunter2", "like the path of a file"),
        ("../hunter2", "like the path of a file"),
        ("~/hunter2", "like the path of a file"),
        ("hunter2", "not look like one of Anthropic's"),
        ("aHVudGVyMg==", "not look like one of Anthropic's"),
        ("bearerhunter2", "not look like one of Anthropic's"),
        ("", "not look like one of Anthropic's"),
    ],
)
def test_advice_says_what_kind_of_key_it_is_and_which_is_needed(key: str, looks: str) -> None:
    said = advice(key)
    assert looks in said
    assert said.endswith("; an Admin key begins with sk-ant-admin (Console > Settings > Admin keys)")
    assert redact(said) == said  # it reaches the log as it is


def test_of_a_key_that_looks_right_there_is_nothing_to_say() -> None:
    assert advice(OLD) == ""


@given(kind=st.sampled_from(["", "sk-ant-api03-", "sk-ant-", '"', "/", "NAME=", "Bearer:"]), rest=st.text(min_size=1))
def test_advice_never_has_more_of_a_key_than_its_kind(kind: str, rest: str) -> None:
    secret = f"{rest}-hunter2"
    assert secret not in advice(kind + secret)


def test_no_representation_shows_the_key(file: Path) -> None:
    key = AdminKey(None, file)
    assert OLD not in f"{key!r} {key.current!r} {key.current}"
