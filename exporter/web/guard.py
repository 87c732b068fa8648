"""What stands before the routes: no head that HTTP does not allow, not too many requests; every answer is counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

VERSIONS = ("1.0", "1.1")
RETRY_SECONDS = 5
MOST_REQUESTS = 40
# Who has not read for so long makes room for others, where there is none.
STUCK_SECONDS = 1.0
ABORT = "abort"  # in a request's state: what cuts its connection off


@dataclass(eq=False)
class _Request:
    abort: Callable[[], None]
    waits_since: float | None = None  # for its reader


class Guard:
    """`most_requests` are answered at the same time, and `probes` whatever there is; `answers` counts by status."""

    def __init__(
        self, application: ASGIApp, most_requests: int, probes: Collection[str], answers: Counter[int]
    ) -> None:
        self._application = application
        self._most_requests = most_requests
        self._probes = probes
        self._answers = answers
        self._requests: set[_Request] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        now = asyncio.get_running_loop().time
        request = _Request(scope.get("state", {}).get(ABORT, lambda: None))

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answers[message["status"]] += 1
            request.waits_since = now()
            await send(message)
            request.waits_since = None

        if scope["path"] not in self._probes:
            self._make_room(now())
        if refusal := self._refusal(scope):
            await refusal(scope, receive, counted)
            return
        if scope["path"] not in self._probes:
            self._requests.add(request)
        try:
            await self._application(scope, receive, counted)
        finally:
            self._requests.discard(request)

    def _make_room(self, now: float) -> None:
        if len(self._requests) >= self._most_requests:
            stuck = {each: each.waits_since for each in self._requests if each.waits_since is not None}
            longest = min(stuck, key=lambda each: stuck[each], default=None)
            if longest and now - stuck[longest] >= STUCK_SECONDS:
                self._requests.discard(longest)
                longest.abort()

    def _refusal(self, scope: Scope) -> Response | None:
        hosts = sum(name == b"host" for name, _ in scope["headers"])
        if scope["http_version"] not in VERSIONS:
            return _refused("HTTP/1.1 is spoken here")
        if hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1"):
            return _refused("one header Host is wanted")
        if len(self._requests) >= self._most_requests and scope["path"] not in self._probes:
            retry = {"retry-after": str(RETRY_SECONDS)}
            return PlainTextResponse("too many requests at the same time\n", status_code=503, headers=retry)
        return None


def _refused(text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=400, headers={"connection": "close"})
