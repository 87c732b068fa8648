"""`make siege`: clients of every bad kind at once, and scrapes in between; prints what those took, and what was left.

Ends with 1 when a scrape took longer than a second or was lost, the process grew beyond the bound, or its log is longer
than a page. In the first seconds of a kind scrapes may be asked to come back (503).
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx

from tests.support.processes import Running, environment, eventually, exporter_command, free_port, get, started

SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n"
HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(190)  # the beginning of a TLS handshake
GARBAGE = (HELLO, b"\x00" * 500, b"GET / HTTP/9.9\r\n\r\n", b"hello\r\n\r\n", b"GET /" + b"x" * 20_000, SCRAPE[:30])
PAGE_LINES = 60
MOST_SECONDS, MOST_GROWTH_MB, GRACE_SECONDS = 1.0, 150.0, 2.0


@dataclass
class Siege:
    """`port` of the exporter; `seconds` of each kind."""

    port: int
    seconds: float
    count: int
    ended: threading.Event = field(default_factory=threading.Event)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def idle(self) -> None:
        """They connect, and say nothing."""
        self._hold(lambda _: None)

    def unread(self) -> None:
        """They ask for everything, and read nothing."""
        self._hold(lambda connection: connection.sendall(SCRAPE))

    def trickle(self) -> None:
        """They ask a byte at a time."""
        self._slowly(lambda connection, at: connection.send(SCRAPE[at % len(SCRAPE) :][:1]))

    def sip(self) -> None:
        """They ask for everything, and read a little now and then."""

        def read(connection: socket.socket, at: int) -> None:
            if at == 0:
                connection.sendall(SCRAPE)
            elif select.select([connection], [], [], 0)[0]:
                connection.recv(1000)

        self._slowly(read)

    def flood(self) -> None:
        """One request after the other, from a few connections."""
        with contextlib.ExitStack() as stack:
            while not self.ended.is_set():
                with contextlib.suppress(OSError):
                    connection = stack.enter_context(self.connect())
                    for _ in range(100):
                        connection.sendall(SCRAPE.replace(b"/metrics", b"/-/healthy"))
                        if not connection.recv(1000):
                            break

    def garbage(self) -> None:
        rng = random.Random(1)
        while not self.ended.is_set():
            with contextlib.suppress(OSError), self.connect() as connection:
                connection.sendall(rng.choice(GARBAGE))
                connection.settimeout(0.05)
                connection.recv(1000)

    def _hold(self, begin: Callable[[socket.socket], None]) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(self.count):
                with contextlib.suppress(OSError):
                    begin(stack.enter_context(self.connect()))
            self.ended.wait()

    def _slowly(self, act: Callable[[socket.socket, int], object]) -> None:
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(self.connect()) for _ in range(self.count)]
            at = 0
            while not self.ended.wait(0.5):
                for connection in connections:
                    with contextlib.suppress(OSError):
                        act(connection, at)
                at += 1


KINDS: Mapping[str, tuple[Callable[[Siege], None], int]] = {
    "quiet": (lambda siege: None, 0),
    "idle": (Siege.idle, 1),
    "unread": (Siege.unread, 1),
    "trickle": (Siege.trickle, 1),
    "sip": (Siege.sip, 1),
    "flood": (Siege.flood, 8),
    "garbage": (Siege.garbage, 8),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make siege")
    parser.add_argument("--seconds", type=float, default=15, help="of each kind of client")
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--actors", type=int, default=1000, help="of the demo, for an answer of some size")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port = free_port()
    command = exporter_command("demo", f"--demo.actors={arguments.actors}", f"--web.listen-address=127.0.0.1:{port}")
    limited = ["sh", "-c", f'ulimit -S -n {min(soft, 1024)} && exec "$@"', "sh", *command]
    with started(limited, environment()) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: process.answers(f"{url}/-/ready"), "readiness", 300)
        sys.exit(0 if _besieged(process, url, port, arguments.seconds, arguments.clients) else 1)


def _besieged(process: Running, url: str, port: int, seconds: float, clients: int) -> bool:
    size = len(get(f"{url}/metrics", **{"accept-encoding": "identity"}).content)
    before_mb, before_lines = _memory_mb(process), len(process.lines)
    print(f"an answer has {size / 1e6:.1f} MB, the process {before_mb:.0f} MB")
    print("clients       scrapes  failed  median ms  longest ms  memory MB  files")
    is_well = True
    for name, (kind, threads) in KINDS.items():
        siege = Siege(port, seconds, clients)
        running = [threading.Thread(target=kind, args=(siege,)) for _ in range(threads)]
        for thread in running:
            thread.start()
        took, failed = _scraped(url, seconds)
        memory_mb, files = _memory_mb(process), len(list(Path(f"/proc/{process.process.pid}/fd").iterdir()))
        siege.ended.set()
        for thread in running:
            thread.join()
        longest = max(took, default=seconds)
        is_well &= not failed and longest < MOST_SECONDS and memory_mb - before_mb < MOST_GROWTH_MB
        median = sorted(took)[len(took) // 2] if took else seconds
        times = f"{median * 1e3:10.0f} {longest * 1e3:11.0f}"
        print(f"{name:12} {len(took):8} {failed:7} {times} {memory_mb:10.0f} {files:6}", flush=True)
    lines = len(process.lines) - before_lines
    print(f"lines in the log: {lines}")
    return is_well and lines < PAGE_LINES


def _scraped(url: str, seconds: float) -> tuple[list[float], int]:
    """How long scrapes took, one after the other, in seconds; and how many got no answer."""
    took, failed = [], 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        start = time.monotonic()
        try:
            answer = get(f"{url}/metrics")
        except httpx.HTTPError:
            failed += 1
            continue
        is_early = start < until - seconds + GRACE_SECONDS
        may_wait = answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and is_early
        failed += answer.status_code != HTTPStatus.OK and not may_wait
        took.append(time.monotonic() - start)
    return took, failed


def _memory_mb(process: Running) -> float:
    status = Path(f"/proc/{process.process.pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
