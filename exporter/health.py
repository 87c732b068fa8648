"""`python -m exporter.health`, the container's health check: exits with 0 when the exporter answers that it is healthy.

The exporter listens on an abstract Unix socket, too, which is named by its user and its first port: nothing is written,
and it needs no setting, whatever the endpoint's address, certificate and passwords. It imports almost nothing, for it
runs every few seconds.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from exporter.web.health_socket import DEFAULT_PORT, name, prefix

SOCKETS = Path("/proc/net/unix")
TIMEOUT_SECONDS = 3.0
REQUEST = b"GET /-/healthy HTTP/1.0\r\n\r\n"
CREDENTIALS = struct.Struct("iII")  # pid, uid, gid


def main() -> None:
    sys.exit(0 if any(_answers(each) for each in _names()) else "not healthy")


def is_healthy(pid: int) -> bool:
    """Whether this process is one, and answers so."""
    return any(_answers(each, pid) for each in _names())


def _answers(abstract: str, pid: int | None = None) -> bool:
    """Two containers may share a network: a process of the other has no number here."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(TIMEOUT_SECONDS)
        client.connect(abstract)
        owner, user_id, _ = CREDENTIALS.unpack(
            client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        )
        if user_id != os.getuid() or owner == 0 or (pid is not None and owner != pid):
            return False
        client.sendall(REQUEST)
        with client.makefile("rb") as answer:
            return answer.readline(100).split()[1:2] == [b"200"]
    return False


def _names() -> Iterator[str]:
    """Of all sockets of this user's exporters in this network; where none can be listed, of the usual port."""
    try:
        listed = SOCKETS.read_text().splitlines()[1:]
    except OSError:
        yield name(os.getuid(), DEFAULT_PORT)
        return
    found = {line.split()[-1] for line in listed if line.split()}
    yield from sorted(f"\0{each[1:]}" for each in found if each.startswith(f"@{prefix(os.getuid())}"))


if __name__ == "__main__":
    main()
