"""Sockets and the server on them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from exporter.web.protocol import DeadlineProtocol

BACKLOG = 2048
# For answers that are almost sent; uvicorn waits 0.1 s.
GRACE_SECONDS = 0.05
# Longer than the usual scrape intervals, so that Prometheus keeps its connection.
KEEP_ALIVE_SECONDS = 75


class ListenError(Exception):
    """An address cannot be listened on; the text says which and why."""


def listen(addresses: Sequence[str]) -> list[socket.socket]:
    """A socket for each `host:port`; without a host it is all addresses of IPv6 and IPv4. Raises `ListenError`."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(_listen(address)) for address in addresses]
        opened.pop_all()
    return sockets


def _listen(address: str) -> socket.socket:
    listening = _bind(address)
    # Inherited by connections: without it, an answer in several writes waits for the client's delayed ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _bind(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        if host:
            family, _, _, _, where = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
            return socket.create_server(where[:2], family=family, backlog=BACKLOG)
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", int(port)), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
        return socket.create_server(("", int(port)), backlog=BACKLOG)
    except (OSError, UnicodeError) as error:  # the latter for names that no name can be
        raise ListenError(f"cannot listen on {address}: {_said(error)}") from None


def _said(error: OSError | UnicodeError) -> str:
    """In the system's words alone: Python's have an address as a tuple."""
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror) or error.errno is None:
        return getattr(error, "strerror", None) or str(error)
    in_use = error.errno == errno.EADDRINUSE
    return os.strerror(error.errno) + (
        "; choose another port with --web.listen-address=127.0.0.1:PORT" if in_use else ""
    )


def urls(sockets: Sequence[socket.socket]) -> list[str]:
    """Where a person on this machine finds the sockets."""
    found = []
    for listening in sockets:
        host, port, *_ = listening.getsockname()
        host = "localhost" if host in ("::", "0.0.0.0") else host  # noqa: S104  compared, not bound
        found.append(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
    return found


class Server(uvicorn.Server):
    """A uvicorn that leaves signals to its owner."""

    def __init__(self, application: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=DeadlineProtocol,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut off whoever is still reading: an answer left to the end of the event loop is logged as an error."""
        asyncio.get_running_loop().call_later(GRACE_SECONDS, self._cut_off)
        await super().shutdown(sockets)

    def _cut_off(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    def stop(self) -> None:
        """End at once, whoever is still reading."""
        self.should_exit = True
        self.force_exit = True
