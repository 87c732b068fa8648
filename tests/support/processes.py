"""Whole processes under test: the exporter itself and the programs that scrape it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import httpx

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.05

T = TypeVar("T")


def eventually(
    probe: Callable[[], T | None],
    what: str,
    patience_seconds: float = PATIENCE_SECONDS,
    pause_seconds: float = PAUSE_SECONDS,
) -> T:
    """The first result that is not None or False; asked again and again, with a bound."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if result := probe():
            return result
        time.sleep(pause_seconds)
    raise AssertionError(f"not in time: {what}")


def environment(**extra: str) -> dict[str, str]:
    """The machine's, without any setting or proxy of the person who runs the tests."""
    foreign = re.compile(r"ANTHROPIC_|.*_proxy$", re.IGNORECASE)
    return {name: text for name, text in os.environ.items() if not foreign.match(name)} | extra


@dataclass
class Running:
    """A process whose output is collected as it comes."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def find(self, pattern: str) -> str:
        """The first group of the pattern, once the output has it."""

        def search() -> str | None:
            found = re.search(pattern, self.output)
            assert found or self.process.poll() is None, self.output
            return found[1] if found else None

        return eventually(search, pattern)

    def answers(self, url: str) -> bool:
        assert self.process.poll() is None, self.output
        try:
            return get(url).status_code == HTTPStatus.OK
        except httpx.TransportError:
            return False

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def started(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Running]:
    process = subprocess.Popen(
        command, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    running = Running(process)
    reader = threading.Thread(target=lambda: running.lines.extend(process.stdout or ()))
    reader.start()
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        reader.join()
        if process.stdout:
            process.stdout.close()


def exporter_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "exporter", *arguments]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextmanager
def exporter(*arguments: str, **environ: str) -> Iterator[tuple[Running, str]]:
    """The exporter as a process on a free port, and its base URL, once it answers."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    command = exporter_command(*arguments, "--web.listen-address", f"127.0.0.1:{port}")
    with started(command, environment(**environ)) as running:
        eventually(lambda: running.answers(f"{base_url}/-/healthy"), "the endpoint")
        yield running, base_url


def until_ready(base_url: str) -> None:
    eventually(lambda: get(f"{base_url}/-/ready").status_code == HTTPStatus.OK, "readiness")


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, trust_env=False, timeout=PATIENCE_SECONDS)
