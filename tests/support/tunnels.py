"""A proxy that opens tunnels, over real sockets."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from tests.support.scripted import ScriptedApi


class Tunnels:
    """A proxy that opens a tunnel to the API whatever address it is asked for; `heads` are the requests for that."""

    def __init__(self, api: ScriptedApi, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self.port = 0
        self._tls = tls
        self._api_port = urlsplit(api.base_url).port
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="tunnels")

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._open, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        api_reader, api_writer = await asyncio.open_connection("127.0.0.1", self._api_port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, api_writer), _pump(api_reader, writer))
        finally:
            writer.close()
            api_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()
