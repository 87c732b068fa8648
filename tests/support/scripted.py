"""An Admin API that answers by script, over real sockets, well or badly; it knows nothing of the demo's.

    with ScriptedApi() as api:
        api.on("/v1/organizations/me", {"id": "1", "name": "Acme"})             # JSON, always the same
        api.on("/v1/organizations/users", [error(529, "busy"), {"data": []}])   # one after the other, the last again
        api.on("/v1/organizations/cost_report", lambda seen: {"data": [], "next_page": seen.param("page")})
        async with connect(api) as client:
            ...
        assert api.requests[0].headers["x-api-key"] == KEY

A path without a script is answered with 404 in the API's error format.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from exporter.api.client import Client, Observer
from exporter.api.key import AdminKey

KEY = "sk-ant-admin01-scripted-0123456789"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
REQUEST_ID = "req_scripted"


@dataclass(frozen=True)
class Seen:
    """A request as it arrived: names of headers in lower case, `at` in seconds of the monotonic clock."""

    path: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    at: float

    def param(self, name: str) -> str | None:
        """The parameter's last value."""
        return dict(self.params).get(name)

    def every(self, name: str) -> list[str]:
        """All values of a repeated parameter."""
        return [value for other, value in self.params if other == name]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. A body of bytes is sent as it is, any other as JSON. A header may have several values.

    `raw` is sent in place of it all, before the connection is closed. `missing_bytes` are promised by the length and
    not sent: the connection is closed instead. `drip_seconds` is the pause after every byte of the body. `stalls`
    never answers.
    """

    body: object = b""
    status: int = 200
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)
    raw: bytes | None = None
    missing_bytes: int = 0
    drip_seconds: float = 0
    stalls: bool = False


Script = object | list[object] | Callable[[Seen], object | Awaitable[object]]


def error(status: int, message: str = "scripted", kind: str = "api_error", **headers: str) -> Answer:
    """An error in the API's format; underscores in names of headers stand for dashes."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": REQUEST_ID}
    return Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


class ScriptedApi:
    """Answers on an ephemeral loopback port, in a thread with its own event loop, while the `with` block lasts."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Seen] = []
        self.base_url = ""
        self._tls = tls
        self._scripts: dict[str, Script] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="scripted-api")

    def on(self, path: str, script: Script) -> None:
        """Answer `path` with JSON or an `Answer`; with a list of them in turn; or with what a function says.

        The function may be a coroutine function: it runs in the server's event loop, one call a request.
        """
        self._scripts[path] = list(script) if isinstance(script, list) else script

    def seen(self, path: str) -> list[Seen]:
        return [request for request in self.requests if request.path == path]

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        host, port = server.sockets[0].getsockname()
        self.base_url = f"{'https' if self._tls else 'http'}://{host}:{port}"
        self._listening.set()
        await self._stop.wait()
        server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A client that closes its connection, even in the midst of an answer, is part of the script.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError, ssl.SSLError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.rstrip().split("\r\n")
        url = urlsplit(start.split(" ")[1])
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        params = tuple(parse_qsl(url.query, keep_blank_values=True))
        seen = Seen(url.path, params, headers, time.monotonic())
        self.requests.append(seen)
        return await _send(writer, await self._answer(seen))

    async def _answer(self, seen: Seen) -> Answer:
        script = self._scripts.get(seen.path, error(HTTPStatus.NOT_FOUND, "no script", "not_found_error"))
        if isinstance(script, list):
            script = script.pop(0) if len(script) > 1 else script[0]
        if callable(script):
            script = script(seen)
        if inspect.isawaitable(script):
            script = await script
        return script if isinstance(script, Answer) else Answer(script)


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> bool:
    if answer.stalls:
        await asyncio.Event().wait()
    if answer.raw is not None:
        writer.write(answer.raw)
        await writer.drain()
        return False
    body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    headers: dict[str, str | list[str]] = {
        "content-type": "application/json",
        "content-length": str(len(body) + answer.missing_bytes),
        "request-id": REQUEST_ID,
        **answer.headers,
    }
    lines = [f"HTTP/1.1 {answer.status} Scripted"]
    for name, values in headers.items():
        lines += [f"{name}: {value}" for value in ([values] if isinstance(values, str) else values)]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    pieces = [body[at : at + 1] for at in range(len(body))] if answer.drip_seconds else [body]
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(answer.drip_seconds)
    return not answer.missing_bytes


def connect(
    api: ScriptedApi | str,
    *,
    key: AdminKey | str = KEY,
    timeout_seconds: float = 30,
    retry_seconds: float = 30,
    now: Callable[[], datetime] = lambda: NOW,
    observe: Observer = lambda *_: None,
    ca_file: Path | None = None,
) -> Client:
    """A client of the scripted API (or of a URL), to be used with `async with`."""
    return Client(
        base_url=api if isinstance(api, str) else api.base_url,
        key=AdminKey(SecretStr(key), None) if isinstance(key, str) else key,
        timeout_seconds=timeout_seconds,
        retry_seconds=retry_seconds,
        now=now,
        observe=observe,
        ca_file=ca_file,
    )
