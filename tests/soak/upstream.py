"""The simulated API behind a socket of the soak's own, which spoils answers on order."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from tests.soak.api import CURSORS, SimulatedApi, placed
from tests.soak.kinds import MINUTES, Kind, Reply, Wire
from tests.soak.paging import ALIAS
from tests.soak.wires import whole

PREFIX = "/v1/organizations/"
CLOSE_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass
class Fault:
    """A kind, for the endpoint's answers from the `after`-th on, `count` of them."""

    kind: Kind
    endpoint: str
    after: int = 0
    count: int = 1

    def __str__(self) -> str:
        times = "always" if self.count >= ALWAYS else f"{self.count}x"
        return f"{self.kind.name} at {self.endpoint} {times} after {self.after}"


ALWAYS = 1_000_000


@dataclass
class Seen:
    """What came in since the faults were armed, and what was made of it."""

    requests: Counter[str] = field(default_factory=Counter)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    hits: defaultdict[str, list[Kind]] = field(default_factory=lambda: defaultdict(list))
    wrong: set[str] = field(default_factory=set)
    refused: bool = False


class Upstream:
    """Answers in a thread with its own event loop."""

    def __init__(self, api: SimulatedApi) -> None:
        self.api = api
        self.seen = Seen()
        self.base_url = ""
        self._faults: list[Fault] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="soak-api", daemon=True)

    def arm(self, *faults: Fault) -> Seen:
        """From now on these faults; what is seen is counted anew."""
        asyncio.run_coroutine_threadsafe(self._arm([replace(fault) for fault in faults]), self._loop).result()
        return self.seen

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
        self._port = 0
        await self._listen()
        self.base_url = f"http://127.0.0.1:{self._port}"
        self._listening.set()
        await self._stop.wait()
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _arm(self, faults: list[Fault]) -> None:
        if self.seen.refused:
            await self._listen()
        self._faults, self.seen = faults, Seen()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A client that goes away is none of the upstream's troubles.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while not self.seen.refused:
                    request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                    if not await self._send(reader, writer, self._answer(request)):
                        break
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire) -> bool:
        """Whether the connection goes on."""
        for piece in wire.pieces:
            writer.write(piece)
            await writer.drain()
            if wire.pause_seconds:
                await asyncio.sleep(wire.pause_seconds)
        match wire.end:
            case "stall":
                await reader.read()
            case "refuse":
                self.seen.refused = True
                self._server.close()
                writer.transport.abort()
            case "reset":
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_AT_ONCE)
                writer.transport.abort()
        return wire.end == "keep"

    def _answer(self, request: str) -> Wire:
        start, *lines = request.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        url = urlsplit(start.split(" ")[1])
        endpoint, ids = placed(url.path.removeprefix(PREFIX))
        params = dict(parse_qsl(url.query))
        cursor = next((params[name] for name in CURSORS if name in params), "")
        self._look_at(endpoint, headers)
        reply = self.api.answer(endpoint, parse_qsl(url.query), headers, ids)
        faulted = MINUTES if params.get("bucket_width") == "1m" else endpoint
        fault = self._due(faulted) if reply.status == 200 and not _bypasses(cursor) else None
        answer = fault.kind.act(reply) if fault else None
        if fault and answer:
            fault.count -= 1
            self.seen.hits[faulted].append(fault.kind)
            if fault.kind.rotates:
                self.api.rotate()
        answer = answer or reply
        if isinstance(answer, Wire) and fault and not fault.kind.wire:
            self.seen.statuses[endpoint, "200"] += 1
        if isinstance(answer, Reply):
            self.seen.statuses[endpoint, str(answer.status)] += 1
            answer = whole(replace(answer, body=answer.body.replace(b"alias.same", f"alias.same.{cursor}".encode())))
        return answer

    def _look_at(self, endpoint: str, headers: Mapping[str, str]) -> None:
        self.seen.requests[endpoint] += 1
        if "cookie" in headers:
            self.seen.wrong.add("a cookie came back")
        if headers.get("accept-encoding") != "gzip":
            self.seen.wrong.add(f"accept-encoding is {headers.get('accept-encoding')}, not gzip")

    def _due(self, endpoint: str) -> Fault | None:
        for fault in self._faults:
            if fault.endpoint == endpoint and fault.count:
                if not fault.after:
                    return fault
                fault.after -= 1
        return None


def _bypasses(cursor: str) -> bool:
    """What an earlier fault has led to is answered well, unless it is to go round for ever."""
    return cursor.startswith(ALIAS) and not cursor.startswith("alias.loop.")
