from __future__ import annotations

import asyncio
import threading
from collections import Counter
from pathlib import Path

import pytest

from exporter.api import key as key_module
from exporter.api.client import Request
from exporter.api.errors import ApiError
from exporter.api.key import AdminKey
from exporter.contract.state import Reason
from tests.support.asking import FINE, PATH, REQUEST, failure, get
from tests.support.scripted import Answer, ScriptedApi, Seen, connect, error

# A key that is refused


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"", b"<html>", b'{"error":5}', b'{"message":"no"}', b"\xff", b"9" * 6000]
)
def test_whatever_the_body_of_a_401_the_changed_key_file_is_used(api: ScriptedApi, key_file: Path, body: bytes) -> None:
    api.on(PATH, lambda seen: FINE if seen.headers["x-api-key"] == "new" else Answer(body, 401))
    key = AdminKey(None, key_file)
    key_file.write_text("new")
    assert get(connect(api, key=key, retry_seconds=0)) == b'{"id": "1"}'


def test_a_key_file_on_a_mount_that_hangs_holds_nothing_up(
    api: ScriptedApi, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "/v1/organizations/other"
    api.on(PATH, error(401, "revoked"))
    api.on(other, FINE)
    key = AdminKey(None, key_file)
    reading, released = threading.Event(), threading.Event()

    def hang(_: Path) -> bytes:
        reading.set()
        released.wait()
        return b"new"

    monkeypatch.setattr(key_module, "_content", hang)
    monkeypatch.setattr(key_module, "READ_SECONDS", 1.0)

    async def ask() -> tuple[object, list[bytes]]:
        async with connect(api, key=key) as client:
            refused = asyncio.create_task(client.get(REQUEST))
            await asyncio.to_thread(reading.wait)
            others = [bytes((await client.get(Request("other", other))).body) for _ in range(5)]
            (outcome,) = await asyncio.gather(refused, return_exceptions=True)
            return outcome, others

    outcome, others = asyncio.run(ask())
    released.set()
    assert isinstance(outcome, ApiError)
    assert outcome.reason is Reason.AUTH
    assert others == [b'{"id": "1"}'] * 5


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("old")
    return path


def accepts(key: str) -> object:
    return lambda seen: FINE if seen.headers["x-api-key"] == key else error(401, "invalid x-api-key")


def test_a_changed_key_file_is_used_at_once(api: ScriptedApi, key_file: Path) -> None:
    api.on(PATH, accepts("new"))
    key = AdminKey(None, key_file)
    key_file.write_text("new")
    tries: list[str] = []
    get(connect(api, key=key, retry_seconds=0, observe=lambda _, status, __: tries.append(status)))
    assert [seen.headers["x-api-key"] for seen in api.requests] == ["old", "new"]
    assert tries == ["401", "200"]


def test_an_unchanged_key_file_is_a_refused_key(api: ScriptedApi, key_file: Path) -> None:
    api.on(PATH, accepts("new"))
    assert failure(connect(api, key=AdminKey(None, key_file))).reason is Reason.AUTH
    assert len(api.requests) == 1


def test_a_changed_key_that_is_refused_too_is_not_tried_for_ever(api: ScriptedApi, key_file: Path) -> None:
    api.on(PATH, accepts("other"))
    key = AdminKey(None, key_file)
    key_file.write_text("new")
    assert failure(connect(api, key=key)).reason is Reason.AUTH
    assert len(api.requests) == 2


def test_requests_refused_at_the_same_time_all_go_on_with_the_new_key(api: ScriptedApi, key_file: Path) -> None:
    at_once = 8  # as many as the client has connections
    everyone_refused = asyncio.Barrier(at_once)

    async def answer(seen: Seen) -> object:
        if seen.headers["x-api-key"] == "new":
            return FINE
        await everyone_refused.wait()
        return error(401, "invalid x-api-key")

    api.on(PATH, answer)
    key = AdminKey(None, key_file)
    key_file.write_text("new")

    async def storm() -> None:
        async with connect(api, key=key) as client, asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(client.get(REQUEST))

    asyncio.run(storm())
    assert Counter(seen.headers["x-api-key"] for seen in api.requests) == {"old": at_once, "new": at_once}


def test_a_refused_storm_fails_for_each_request_alone(api: ScriptedApi, key_file: Path) -> None:
    api.on(PATH, accepts("other"))

    async def storm() -> list[object]:
        async with connect(api, key=AdminKey(None, key_file)) as client:
            return [*await asyncio.gather(*(client.get(REQUEST) for _ in range(20)), return_exceptions=True)]

    outcomes = asyncio.run(storm())
    assert all(isinstance(outcome, ApiError) and outcome.reason is Reason.AUTH for outcome in outcomes)
    assert len(api.requests) == 20
