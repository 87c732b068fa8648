"""Deadlines for clients: uvicorn by itself waits for ever for a request's end, and for a reader that does not read."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REQUEST_SECONDS = 10.0
READ_SECONDS = 60.0
LARGEST_REQUEST_BYTES = 65_536


class DeadlineProtocol(HttpToolsProtocol):
    """Cuts off a client that is slow to ask, asks for too much, or does not read what it is sent.

    From a connection's first byte, or from the last answer's end, a whole request has to arrive within
    `REQUEST_SECONDS` and `LARGEST_REQUEST_BYTES`. An unread chunk of an answer waits for `READ_SECONDS`.
    """

    _requesting: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    _request_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self._await_request()

    def data_received(self, data: bytes) -> None:
        self._request_bytes += len(data)
        if self._request_bytes > LARGEST_REQUEST_BYTES:
            self.transport.abort()
            return
        if self._requesting is None:
            self._await_request()
        super().data_received(data)

    def on_message_complete(self) -> None:
        self._request_bytes = 0
        _cancel(self._requesting)
        self._requesting = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        _cancel(self._reading)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._requesting)
        _cancel(self._reading)
        super().connection_lost(exc)

    def _await_request(self) -> None:
        self._requesting = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer:
        timer.cancel()
