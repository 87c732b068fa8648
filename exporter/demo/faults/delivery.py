"""Ways of sending an answer that a client must survive."""

import asyncio
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

# Servers put a function here that closes the connection; without it, `Cut` leaves that to the server.
CLOSE = "exporter.demo.close"
STALL_SECONDS = 60.0
DRIP_SECONDS = 0.01


async def disconnected(receive: Receive, seconds: float | None = None) -> bool:
    """Waits until the client has gone, at most `seconds`; says whether it has."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


class Late(Response):
    """Sends nothing for some seconds, then everything."""

    def __init__(self, body: bytes, headers: Mapping[str, str], seconds: float) -> None:
        super().__init__(body, headers=headers, media_type="application/json")
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not await disconnected(receive, self._seconds):
            await super().__call__(scope, receive, send)


class Dripping(Response):
    """Sends the body byte by byte, some seconds apart."""

    def __init__(self, body: bytes, headers: Mapping[str, str], seconds: float) -> None:
        super().__init__(body, headers=headers, media_type="application/json")
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # as in Response
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for byte in bytes(self.body):
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            if await disconnected(receive, self._seconds):
                return
        await send({"type": "http.response.body", "body": b""})


class Cut(Response):
    """Promises the whole body, sends half of it and closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        close = scope.get("extensions", {}).get(CLOSE, {}).get("close")
        if close is not None:
            close()
            await disconnected(receive)
