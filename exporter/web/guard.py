"""What stands before the routes: no head that HTTP does not allow, not too many requests; every answer is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

VERSIONS = ("1.0", "1.1")
RETRY_SECONDS = 5
MOST_REQUESTS = 40


class Guard:
    """`most_requests` are answered at the same time, and probes whatever there is; `answers` counts by status."""

    def __init__(
        self, application: ASGIApp, most_requests: int, probes: Collection[str], answers: Counter[int]
    ) -> None:
        self._application = application
        self._most_requests = most_requests
        self._probes = probes
        self._answers = answers
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answers[message["status"]] += 1
            await send(message)

        if refusal := self._refusal(scope):
            await refusal(scope, receive, counted)
        elif scope["path"] in self._probes:
            await self._application(scope, receive, counted)
        else:
            self._running += 1
            try:
                await self._application(scope, receive, counted)
            finally:
                self._running -= 1

    def _refusal(self, scope: Scope) -> Response | None:
        hosts = sum(name == b"host" for name, _ in scope["headers"])
        if scope["http_version"] not in VERSIONS:
            return _refused("HTTP/1.1 is spoken here")
        if hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1"):
            return _refused("one header Host is wanted")
        if self._running >= self._most_requests and scope["path"] not in self._probes:
            retry = {"retry-after": str(RETRY_SECONDS)}
            return PlainTextResponse("too many requests at the same time\n", status_code=503, headers=retry)
        return None


def _refused(text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=400, headers={"connection": "close"})
