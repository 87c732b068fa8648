"""The process while nobody reads what it writes, or nothing can be written."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import IO

import pytest

from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.faults.fault import Fault
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.exporting import KEY
from tests.support.pipes import Pipe
from tests.support.processes import (
    PATIENCE_SECONDS,
    environment,
    eventually,
    exporter_command,
    free_port,
    get,
    until_ready,
)

NOTICE = r'msg="(\d+) log lines were dropped'
Output = IO[str] | int


TALKATIVE = Path(__file__).parent / "support" / "talkative"


@contextlib.contextmanager
def writing(
    stdout: Output, stderr: Output, *arguments: str, closed: str = "", **environ: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The exporter with these outputs, and its base URL, once it answers; `closed` as a shell says it: `2>&-`."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    command = exporter_command(*arguments, "--log.level", "debug", "--web.listen-address", f"127.0.0.1:{port}")
    if closed:
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", *command]
    talkative = environment(PYTHONPATH=str(TALKATIVE), **environ)
    with subprocess.Popen(command, stdout=stdout, stderr=stderr, env=talkative) as process:
        try:
            eventually(lambda: answers(process, base_url), "the endpoint")
            yield process, base_url
        finally:
            process.kill()


def answers(process: subprocess.Popen[bytes], base_url: str) -> bool:
    assert process.poll() is None
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(base_url.rpartition(":")[2]))):
        return get(f"{base_url}/-/healthy").status_code == HTTPStatus.OK
    return False


def serves_and_ends(process: subprocess.Popen[bytes], base_url: str) -> None:
    """It gets ready, is scraped, and SIGTERM ends it as ever."""
    until_ready(base_url)
    eventually(lambda: "anthropic_exporter_up 1.0" in get(f"{base_url}/metrics").text, "every collector up")
    assert "anthropic_usage_tokens{" in get(f"{base_url}/metrics").text
    say_something(base_url, 3)
    assert get(f"{base_url}/metrics").status_code == HTTPStatus.OK
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0


def say_something(base_url: str, times: int) -> None:
    """Has the server log a line for each time, on its event loop."""
    host, port = base_url.removeprefix("http://").split(":")
    for _ in range(times):
        with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
            connection.sendall(b"not HTTP\r\n\r\n")
            while connection.recv(1000):
                pass


@contextlib.contextmanager
def full_pipe() -> Iterator[IO[str]]:
    with Pipe() as pipe:
        pipe.fill()
        yield pipe.writer


@contextlib.contextmanager
def full_disk() -> Iterator[IO[str]]:
    with Path("/dev/full").open("w", encoding="utf-8") as disk:
        yield disk


@contextlib.contextmanager
def pipe_without_a_reader() -> Iterator[IO[str]]:
    with Pipe() as pipe:
        pipe.close_reader()
        yield pipe.writer


OUTPUTS: list[Callable[[], contextlib.AbstractContextManager[IO[str]]]] = [full_pipe, full_disk, pipe_without_a_reader]


@pytest.mark.parametrize("output", OUTPUTS)
def test_standard_error_that_takes_nothing_hinders_neither_scrapes_nor_the_end(
    output: Callable[[], contextlib.AbstractContextManager[IO[str]]],
) -> None:
    with output() as stderr, writing(subprocess.DEVNULL, stderr, "demo") as (process, base_url):
        serves_and_ends(process, base_url)


@pytest.mark.parametrize("output", OUTPUTS)
def test_standard_output_that_takes_nothing_hinders_neither_scrapes_nor_the_end(
    output: Callable[[], contextlib.AbstractContextManager[IO[str]]],
) -> None:
    with output() as stdout, writing(stdout, subprocess.DEVNULL, "demo") as (process, base_url):
        serves_and_ends(process, base_url)


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_what_is_closed_is_not_mistaken_for_a_socket(closed: str) -> None:
    """The numbers of closed standard streams are given to the next sockets."""
    with writing(subprocess.DEVNULL, subprocess.DEVNULL, "demo", closed=closed) as (process, base_url):
        serves_and_ends(process, base_url)


def test_with_an_api_that_fails_a_full_pipe_stops_nothing_and_what_was_lost_is_told_once_it_is_read() -> None:
    api = AdminApi(SimulatedOrganization(actors=3, workspaces=2), key=KEY)
    api.faults.add(Fault(kind="status", status=500, count=10_000, headers={"x-should-retry": "false"}))
    environ = {"TEST_MOST_LINES": "10", "ANTHROPIC_ADMIN_API_KEY": KEY}
    with (
        running(api) as api_url,
        Pipe() as pipe,
        writing(subprocess.DEVNULL, pipe.writer, ANTHROPIC_BASE_URL=api_url, **environ) as (process, base_url),
    ):
        pipe.writer.close()
        until_ready(base_url)
        say_something(base_url, 100)
        assert 'reason="server"} 1.0' in get(f"{base_url}/metrics").text
        received = b""
        while not re.search(NOTICE, received.decode()):
            received += pipe.read(1)
        say_something(base_url, 1)
        process.send_signal(signal.SIGTERM)
        received += pipe.read(1_000_000)
        assert process.wait(PATIENCE_SECONDS) == 0
    lines = received.decode().splitlines()
    assert all(line.startswith("ts=") for line in lines)
    assert "msg=stopped" in lines[-1]
    dropped = sum(int(found[1]) for line in lines if (found := re.search(NOTICE, line)))
    assert dropped + sum("Invalid HTTP request" in line for line in lines) >= 101


def test_sigterm_ends_it_while_lines_wait_for_a_reader() -> None:
    with Pipe() as pipe, writing(subprocess.DEVNULL, pipe.writer, "demo") as (process, base_url):
        pipe.fill()
        say_something(base_url, 200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0


def test_a_short_run_loses_no_line() -> None:
    with Pipe() as pipe:
        with writing(subprocess.DEVNULL, pipe.writer, "demo") as (process, _):
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_SECONDS) == 0
        pipe.writer.close()
        lines = pipe.read(1_000_000).decode().splitlines()
    assert "msg=listening" in lines[0]
    assert "msg=stopped" in lines[-1]
