"""Runs an ASGI application on a real socket: beside other tasks, or in a thread of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from threading import Thread

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from exporter.background import DaemonThreads
from exporter.demo.faults.delivery import CLOSE

GRACE_SECONDS = 2.0
KEEP_ALIVE_SECONDS = 75


class _Protocol(HttpToolsProtocol):
    """Lets the application close the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CLOSE: {"close": self.transport.close}}


class _Server(uvicorn.Server):
    """Leaves signals alone, and does not wait for clients when it stops."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # also a context manager
        return nullcontext()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # as in Server
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if tasks := set(self.server_state.tasks):
            await asyncio.wait(tasks, timeout=GRACE_SECONDS)

    def stop(self) -> None:
        self.should_exit = self.force_exit = True


def _server(app: ASGIApp) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
    )


def _listener(host: str, port: int) -> socket.socket:
    """A listening socket: clients can connect from now on. Raises OSError when the address is not free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # Inherited by connections. Without it each answer, written in two parts, waits 40 ms for a delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def serving(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serves in the running event loop; yields the base URL. Port 0 is any free port."""
    with _listener(host, port) as listener:
        server = _server(app)
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield _url(listener)
        finally:
            server.stop()
            await task


def start(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> str:
    """Serves in a thread for the rest of the process's life; returns the base URL."""
    listener = _listener(host, port)

    async def serve() -> None:
        asyncio.get_running_loop().set_default_executor(DaemonThreads())
        await _server(app).serve([listener])

    Thread(target=lambda: asyncio.run(serve()), name="demo-api", daemon=True).start()
    return _url(listener)


@contextmanager
def running(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves in a thread with an event loop of its own; yields the base URL."""
    with _listener(host, port) as listener:
        server = _server(app)
        thread = Thread(target=lambda: asyncio.run(server.serve([listener])), name="demo-api", daemon=True)
        thread.start()
        try:
            yield _url(listener)
        finally:
            server.stop()
            thread.join()
