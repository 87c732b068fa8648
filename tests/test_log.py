from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Literal

import pytest
import structlog

from exporter import lines, log
from exporter.api.client import Request
from tests.support.pipes import Pipe
from tests.support.processes import PATIENCE_SECONDS
from tests.support.scripted import KEY, REQUEST_ID, ScriptedApi, connect

FORMS: list[Literal["logfmt", "json"]] = ["logfmt", "json"]
URL = "https://api.anthropic.com/v1/organizations/users?email=ada%40example.com&limit=1"


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    """The logging of the process is pytest's again after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*log.SILENT_LOGGERS, *log.QUIET_LOGGERS)}
    configuration = structlog.get_config()
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    yield
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    logging.captureWarnings(False)
    structlog.configure(**configuration)
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def fail(message: str) -> None:
    raise RuntimeError(message)


def flushed() -> bool:
    """Whatever is waiting has been written."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, log._Handler)]
    return all(handler.lines.flush(PATIENCE_SECONDS) for handler in handlers)


def written(capfd: pytest.CaptureFixture[str]) -> list[str]:
    assert flushed()
    captured = capfd.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


# Forms


def test_logfmt_begins_with_time_level_and_message(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "logfmt")
    structlog.get_logger().warning("two words", collector="cost", status=529, seconds=1.5)
    (line,) = written(capfd)
    start, rest = line.split(" ", 1)
    assert re.fullmatch(r"ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", start)
    assert rest.startswith('level=warning msg="two words" ')
    assert set(rest.removeprefix('level=warning msg="two words" ').split()) == {
        "collector=cost",
        "status=529",
        "seconds=1.5",
    }


def test_json_is_an_object_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    structlog.get_logger().warning("größer", status=529, seconds=1.5, ok=True)
    (line,) = written(capfd)
    event = json.loads(line)
    assert datetime.fromisoformat(event.pop("ts")).utcoffset() == timedelta()
    assert event == {"level": "warning", "msg": "größer", "status": 529, "seconds": 1.5, "ok": True}
    assert "größer" in line


@pytest.mark.parametrize("form", FORMS)
def test_what_is_none_is_left_out(capfd: pytest.CaptureFixture[str], form: Literal["logfmt", "json"]) -> None:
    log.configure("info", form)
    structlog.get_logger().info("event", status=None, request_id="")
    (line,) = written(capfd)
    assert "status" not in line
    assert "request_id" in line


@pytest.mark.parametrize("form", FORMS)
def test_an_event_is_one_line_even_with_a_traceback(
    capfd: pytest.CaptureFixture[str], form: Literal["logfmt", "json"]
) -> None:
    log.configure("info", form)
    try:
        fail("first\nsecond")
    except RuntimeError:
        structlog.get_logger().exception("failed", text="one\ntwo")
    (line,) = written(capfd)
    assert "RuntimeError" in line
    assert "Traceback" in line


@pytest.mark.parametrize("form", FORMS)
def test_libraries_write_in_the_same_form(capfd: pytest.CaptureFixture[str], form: Literal["logfmt", "json"]) -> None:
    log.configure("info", form)
    structlog.get_logger().warning("told 1 thing")
    logging.getLogger("some.library").warning("told %d thing", 1)
    ours, theirs = (re.sub(r"\d\d:\d\d:\d\d\.\d+", "", line) for line in written(capfd))
    assert ours == theirs


# Levels


def test_less_than_the_level_is_not_written(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("warning", "logfmt")
    structlog.get_logger().info("ours")
    logging.getLogger("some.library").info("theirs")
    assert written(capfd) == []


def test_configuring_again_does_not_write_twice(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    log.configure("info", "logfmt")
    structlog.get_logger().info("event")
    assert len(written(capfd)) == 1


@pytest.mark.parametrize("name", log.QUIET_LOGGERS)
def test_the_server_s_and_the_loop_s_own_lines_begin_at_warning(capfd: pytest.CaptureFixture[str], name: str) -> None:
    log.configure("debug", "logfmt")
    logging.getLogger(name).info("unimportant")
    logging.getLogger(name).warning("important")
    (line,) = written(capfd)
    assert "msg=important" in line


def test_a_request_is_one_line_at_debug_level_without_its_query(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log.configure("debug", "logfmt")

    async def ask() -> None:
        async with connect(api) as client:
            await client.get(Request("me", "/v1/organizations/me", (("page", "secret"),)))

    with ScriptedApi() as api:
        api.on("/v1/organizations/me", {})
        asyncio.run(ask())
    for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        logging.getLogger(name).critical("with %s", KEY)
    (line,) = written(capfd)
    assert re.sub(r"ts=\S+ |seconds=[0-9.e-]+", "", line).strip() == (
        f"level=debug msg=request method=GET endpoint=me status=200  bytes=2 request_id={REQUEST_ID}"
    )


# Secrets


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value",
    [KEY, f"x-api-key: {KEY}", [KEY], {"x-api-key": KEY}, ValueError(KEY), {"headers": [(b"x-api-key", KEY)]}],
    ids=["key", "text", "list", "dict", "exception", "nested"],
)
def test_a_key_in_an_event_is_redacted(
    capfd: pytest.CaptureFixture[str], form: Literal["logfmt", "json"], value: object
) -> None:
    log.configure("info", form)
    structlog.get_logger().info(f"message with {KEY}", value=value)
    logging.getLogger("some.library").info("message with %s", value)
    lines = written(capfd)
    assert len(lines) == 2
    assert KEY not in "".join(lines)
    assert all("sk-ant-…" in line for line in lines)


@pytest.mark.parametrize("form", FORMS)
def test_a_key_in_a_traceback_is_redacted(capfd: pytest.CaptureFixture[str], form: Literal["logfmt", "json"]) -> None:
    log.configure("info", form)
    try:
        fail(f"cannot send {KEY} to {URL}")
    except RuntimeError:
        structlog.get_logger().exception("failed")
        logging.getLogger("some.library").exception("failed")
        logging.getLogger("some.library").exception("failed", stack_info=True)
    lines = written(capfd)
    assert len(lines) == 3
    for line in lines:
        assert KEY not in line
        assert "ada%40example.com" not in line
        assert "cannot send sk-ant-… to https://api.anthropic.com/v1/organizations/users?…" in line
        assert form == "logfmt" or "exception" in json.loads(line)


def test_a_query_is_redacted(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "logfmt")
    structlog.get_logger().info("asking", url=URL)
    (line,) = written(capfd)
    assert line.endswith(" url=https://api.anthropic.com/v1/organizations/users?…")


# What is not read, and what comes from elsewhere


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        (
            "logfmt",
            'level=warning msg="1 log lines were dropped: standard error was not read, or could not be written"',
        ),
        ("json", '"msg": "1 log lines were dropped: standard error was not read, or could not be written"'),
    ],
)
def test_dropped_lines_are_counted_and_told_in_the_log_s_own_form(
    monkeypatch: pytest.MonkeyPatch, form: Literal["logfmt", "json"], wanted: str
) -> None:
    monkeypatch.setattr(lines, "MOST_LINES", 2)
    with Pipe() as pipe:
        monkeypatch.setattr(sys, "stderr", pipe.writer)
        log.configure("error", form)
        assert log.dropped_lines() == 0
        pipe.fill()
        for number in range(3):
            structlog.get_logger().error("line", number=number)
        assert log.dropped_lines() == 1
        reader = threading.Thread(target=lambda: received.append(pipe.read(1_000_000)))
        received: list[bytes] = []
        reader.start()
        assert flushed()
        pipe.writer.close()
        reader.join()
    first, second, notice = received[0].lstrip(b"x").decode().splitlines()
    assert "line" in first
    assert "line" in second
    assert wanted in notice
    assert "ts" in notice


def test_a_line_that_cannot_be_formatted_is_counted_and_harms_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "logfmt")
    logging.getLogger("some.library").warning("%d things", "many")
    logging.getLogger("some.library").warning("%d things", 2)
    line, notice = written(capfd)
    assert 'msg="2 things"' in line
    assert "1 log lines were dropped" in notice
    assert log.dropped_lines() == 1


def test_a_line_that_is_not_whole_unicode_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "logfmt")
    structlog.get_logger().info("half \ud83d")
    (line,) = written(capfd)
    assert "half \\ud83d" in line


class Unraisable:
    def __del__(self) -> None:
        fail(f"unraisable {KEY}")


def warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log.configure("info", "logfmt")
        warnings.warn(f"warned {KEY}", RuntimeWarning, stacklevel=1)


def fail_in_a_thread() -> None:
    thread = threading.Thread(target=fail, args=(f"in a thread {KEY}",))
    thread.start()
    thread.join()


def fail_in_a_finalizer() -> None:
    Unraisable()


def fail_at_the_end() -> None:
    try:
        fail(f"at the end {KEY}")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)


@pytest.mark.parametrize("act", [warn, fail_in_a_thread, fail_in_a_finalizer, fail_at_the_end])
def test_what_the_interpreter_would_write_itself_is_one_redacted_line(
    capfd: pytest.CaptureFixture[str], act: Callable[[], None]
) -> None:
    log.configure("info", "logfmt")
    act()
    (line,) = written(capfd)
    assert re.match(r"ts=\S+ level=(warning|critical) msg=", line)
    assert re.search(r"(warned|in a thread|unraisable|at the end) sk-ant-…", line)
    assert KEY not in line
