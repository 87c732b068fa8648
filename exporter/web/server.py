"""Sockets and the server on them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from exporter.web.health_socket import name as health_name
from exporter.web.protocol import BoundedProtocol

MOST_CONNECTIONS, MOST_ACCEPTED, MOST_WAITING = 512, 128, 2048
TOLD_SECONDS = 60.0
SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
# For answers that are almost sent; uvicorn waits 0.1 s.
GRACE_SECONDS = 0.05
# Longer than the usual scrape intervals, so that Prometheus keeps its connection.
KEEP_ALIVE_SECONDS = 75


log = structlog.get_logger()


class ListenError(Exception):
    """An address cannot be listened on; the text says which and why."""


def listen(addresses: Sequence[str]) -> list[socket.socket]:
    """A socket for each `host:port`; without a host it is all addresses of IPv6 and IPv4. Raises `ListenError`."""
    with contextlib.ExitStack() as opened:
        sockets = [opened.enter_context(_listen(address)) for address in addresses]
        opened.pop_all()
    return sockets


def listen_for_health(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    """The socket that the container's health check asks; none where there are no such sockets."""
    with contextlib.ExitStack() as opened:
        try:
            listening = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            listening.bind(health_name(os.getuid(), sockets[0].getsockname()[1]))
            listening.listen()
        except OSError as error:
            log.warning("the container's health check cannot ask this process", error=error.strerror)
            return []
        opened.pop_all()
    return [listening]


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
            # A link-local address has its interface in it. All addresses of IPv6 are those of IPv4, too.
            both = where[0] == "::" and socket.has_dualstack_ipv6()
            return socket.create_server(where, family=family, backlog=MOST_WAITING, dualstack_ipv6=both)
        if socket.has_dualstack_ipv6():
            all_of_them = ("", int(port))
            return socket.create_server(all_of_them, family=socket.AF_INET6, dualstack_ipv6=True, backlog=MOST_WAITING)
        return socket.create_server(("", int(port)), backlog=MOST_WAITING)
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
        host, port, *more = listening.getsockname()
        if more and more[1] and "%" not in host:
            host += f"%{socket.if_indextoname(more[1])}"
        host = "localhost" if host in ("::", "0.0.0.0") else host  # noqa: S104  compared, not bound
        # RFC 6874: the sign before an interface is escaped.
        found.append(f"http://[{host.replace('%', '%25')}]:{port}" if ":" in host else f"http://{host}:{port}")
    return found


def open_files() -> int:
    """How many files and sockets the process may have open: as many as it may allow itself."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class _Scarcity:
    """An exception handler of the event loop: what is scarce is told once a minute, and not with each try."""

    def __init__(self) -> None:
        self._told_at = -TOLD_SECONDS

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in SCARCE):
            loop.default_exception_handler(context)
        elif loop.time() - self._told_at >= TOLD_SECONDS:
            self._told_at = loop.time()
            log.warning("connections have to wait", error=os.strerror(error.errno))


class Server(uvicorn.Server):
    """A uvicorn that leaves signals to its owner."""

    def __init__(self, application: ASGIApp, answers: Counter[int]) -> None:
        """`answers` counts those that no application gives, by status."""
        files = open_files()
        protocol = partial(BoundedProtocol, most_connections=max(1, min(MOST_CONNECTIONS, files // 8)), answers=answers)
        super().__init__(
            uvicorn.Config(
                application,
                http=protocol,  # type: ignore[arg-type]  # it makes one, as the class does
                backlog=max(1, min(MOST_ACCEPTED, files // 32)),
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

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(_Scarcity())
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Those who wait in the kernel cost no file: uvicorn's backlog is what is accepted before anybody is answered.
        for each in sockets or ():
            each.listen(MOST_WAITING)

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
