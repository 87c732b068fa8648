"""`python -m exporter.health`, the container's health check: exits with 0 when the exporter answers that it is healthy.

It looks for the exporter's listening sockets themselves, so it needs no setting, and it is right for each: flags,
environment or a file, any host, port 0. It imports almost nothing, for it runs every few seconds.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
TIMEOUT_SECONDS = 3.0
LISTENING = "0A"
REQUEST = b"GET /-/healthy HTTP/1.0\r\n\r\n"

Address = tuple[str, int] | tuple[str, int, int, int]


def main() -> None:
    # Every process of this container and user: the exporter is not the first one under an init.
    pids = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())
    sys.exit(0 if any(is_healthy(pid) for pid in pids if pid != os.getpid()) else "not healthy")


def is_healthy(pid: int) -> bool:
    """Whether one of the sockets on which the process listens answers so."""
    return any(_answers(address) for address in _listening(pid))


def _answers(address: Address) -> bool:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(TIMEOUT_SECONDS)
        client.connect(address)
        client.sendall(REQUEST)
        with client.makefile("rb") as answer:
            return answer.readline(100).split()[1:2] == [b"200"]
    return False


def _listening(pid: int) -> Iterator[Address]:
    inodes = set(_inodes(pid))
    if not inodes:
        return
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(FileNotFoundError):  # no IPv6
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                _, local, _, state, *others = line.split()
                if state == LISTENING and others[5] in inodes:
                    yield from _addresses(local)


def _inodes(pid: int) -> Iterator[str]:
    """The process's sockets; none when it is another user's or has ended."""
    with contextlib.suppress(OSError):
        for descriptor in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                kind, _, inode = str(descriptor.readlink()).partition(":")
                if kind == "socket":
                    yield inode.strip("[]")


def _addresses(local: str) -> Iterator[Address]:
    """What the kernel writes as 0100007F:2659: an address in 32-bit words of its byte order, and a port."""
    words, _, port = local.partition(":")
    packed = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
    if len(packed) == 4:  # noqa: PLR2004  bytes of an IPv4 address
        yield socket.inet_ntoa(packed), int(port, 16)  # 0.0.0.0 and :: connect to loopback
        return
    host = socket.inet_ntop(socket.AF_INET6, packed)
    if host == "::":  # IPv4 too, and perhaps IPv4 alone: a host may have switched the addresses of IPv6 off
        yield "127.0.0.1", int(port, 16)
    # The table does not say to which interface a link-local address belongs.
    for scope in [index for index, _ in socket.if_nameindex()] if host.startswith("fe80:") else [0]:
        yield host, int(port, 16), 0, scope


if __name__ == "__main__":
    main()
