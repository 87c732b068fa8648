"""Scrapes over a raw socket, so that the client costs as little as it can, and the same for everyone."""

from __future__ import annotations

import math
import re
import socket
import subprocess
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

BUFFER = bytearray(1 << 20)


def scrape_seconds(url: str, encoding: str) -> float:
    """From connecting to the last byte. Raises ValueError for an answer that is no scrape, or not a whole one."""
    start = time.perf_counter()
    with _asked(url, encoding) as connection:
        start_of_answer = b""
        while b"\r\n\r\n" not in start_of_answer and (chunk := connection.recv(4_096)):
            start_of_answer += chunk
        total = len(start_of_answer)
        while size := connection.recv_into(BUFFER):
            total += size
    seconds = time.perf_counter() - start
    head, separator, _ = start_of_answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    if not re.match(rb"HTTP/1.[01] 200 ", head):
        raise ValueError(head)
    if length and total != len(head) + len(separator) + int(length[1]):
        raise ValueError(total)
    return seconds


def body(url: str, encoding: str) -> bytes:
    """The answer's very bytes, as encoded."""
    received = bytearray()
    with _asked(url, encoding) as connection:
        while size := connection.recv_into(BUFFER):
            received += BUFFER[:size]
    return bytes(received.partition(b"\r\n\r\n")[2])


def _asked(url: str, encoding: str) -> socket.socket:
    parts = urlsplit(url)
    request = (
        f"GET {parts.path} HTTP/1.1\r\nHost: bench\r\nAccept: text/plain\r\n"
        f"Accept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
    )
    connection = socket.create_connection((parts.hostname or "", parts.port or 80))
    connection.sendall(request.encode())
    return connection


def percentile(times: Sequence[float], share: float) -> float:
    """The least of the times that at least this share of them does not exceed."""
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)]


def scrapes(url: str, encoding: str, seconds: float, most: int) -> list[float]:
    """Durations of scrapes one after the other, for some seconds, at least three and at most `most`."""
    scrape_seconds(url, encoding)
    times: list[float] = []
    deadline = time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < deadline and len(times) < most):
        times.append(scrape_seconds(url, encoding))
    return times


def scrapes_on_time(url: str, encoding: str, seconds: float, every_seconds: float) -> list[float]:
    """Durations from the time that a scrape is due: one that has to wait for the one before counts its wait."""
    start = time.perf_counter()
    times = []
    for number in range(round(seconds / every_seconds)):
        due = start + number * every_seconds
        time.sleep(max(0, due - time.perf_counter()))
        scrape_seconds(url, encoding)
        times.append(time.perf_counter() - due)
    return times


def scrapes_per_second(wrk: str, url: str, one_scrape_seconds: float) -> float:
    """gzip, 8 connections, for long enough that each of them gets an answer."""
    seconds = max(3, math.ceil(12 * one_scrape_seconds))
    command = [wrk, "-t1", "-c8", f"-d{seconds}", "--timeout", str(seconds), "-H", "Accept-Encoding: gzip", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise ValueError(done.stdout)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("Requests/sec:"))
    return float(line.split()[1])
