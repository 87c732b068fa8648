"""Deadlines and bounds for clients: uvicorn by itself waits for ever for a request's end, and for who does not read."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from exporter.web.guard import ABORT

REQUEST_SECONDS = 10.0
# For a whole answer, from the first time that its reader lags behind.
READ_SECONDS, SLOWEST_BYTES_PER_SECOND = 30.0, 500_000
LARGEST_REQUEST_BYTES = 16_384
BAD_REQUEST = 400


class BoundedProtocol(HttpToolsProtocol):
    """Cuts off a client that is slow to ask, asks for too much, or does not read what it is sent.

    From a connection's first byte, or from the last answer's end, a whole request has to arrive within
    `REQUEST_SECONDS` and `LARGEST_REQUEST_BYTES`. An answer has to be read within `READ_SECONDS` and what it takes at
    `SLOWEST_BYTES_PER_SECOND`. Where there are more than `most_connections`, one that waits goes: the one that is idle
    for the longest time, else one whose request is not whole, else the oldest.
    """

    _requesting: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    _request_bytes = 0
    _since = 0.0

    def __init__(self, *arguments: Any, most_connections: int, answers: Counter[int], **named: Any) -> None:  # noqa: ANN401  uvicorn's own
        super().__init__(*arguments, **named)
        self._most_connections = most_connections
        self._answers = answers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        # Whatever is not sent yet counts as unread, be it ever so little.
        transport.set_write_buffer_limits(high=0)
        self._since = self.loop.time()
        self._await_request()
        others = [
            each
            for each in self.connections
            if isinstance(each, BoundedProtocol) and each is not self and each.is_counted and self.is_counted
        ]
        if len(others) >= self._most_connections:
            min(others, key=BoundedProtocol.worth).transport.abort()

    @property
    def is_counted(self) -> bool:
        """But for those that are closing, and the health check's, whose clients have no address."""
        return self.client is not None and not self.transport.is_closing()

    def worth(self) -> tuple[int, float]:
        """Who is worth least has to go first."""
        is_asking = self._request_bytes > 0
        return (2 if self._answering else 1 if is_asking else 0), self._since

    @property
    def _answering(self) -> RequestResponseCycle | None:
        cycle: RequestResponseCycle | None = getattr(self, "cycle", None)  # there is none before the first request
        return None if cycle is None or cycle.response_complete else cycle

    def data_received(self, data: bytes) -> None:
        self._request_bytes += len(data)
        if self._request_bytes > LARGEST_REQUEST_BYTES:
            self.transport.abort()
            return
        if self._requesting is None:
            self._await_request()
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][ABORT] = self.transport.abort

    def on_message_complete(self) -> None:
        self._request_bytes = 0
        self._since = self.loop.time()
        _cancel(self._requesting)
        self._requesting = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._answers[BAD_REQUEST] += 1
        super().send_400_response(msg)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reading is None:
            left = self._answering.expected_content_length if self._answering else 0
            seconds = READ_SECONDS + left / SLOWEST_BYTES_PER_SECOND
            self._reading = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        if not self._answering:
            self._end_reading()
        super().resume_writing()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        if not self.flow.write_paused:
            self._end_reading()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._requesting)
        _cancel(self._reading)
        super().connection_lost(exc)

    def _end_reading(self) -> None:
        _cancel(self._reading)
        self._reading = None

    def _await_request(self) -> None:
        self._requesting = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer:
        timer.cancel()
