"""One request to the Admin API: headers, time limits, retries, and errors translated once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from exporter.api.errors import ApiError, reason_of
from exporter.api.key import AdminKey, advice
from exporter.api.redact import one_line
from exporter.api.refusal import Refusal, refusal_of
from exporter.api.retry import asked_delay_seconds, backoff_seconds, should_retry
from exporter.api.transport import Answer, Fault, Transport
from exporter.contract.state import Reason

MAX_TRIES = 5
# With less time left, a try would say that it took too long instead of what is wrong.
SHORTEST_TRY_SECONDS = 1.0
LONGEST_REQUEST_ID = 100

log = structlog.get_logger()

# (endpoint, HTTP status or "timeout" or "network", seconds) of every single request.
Observer = Callable[[str, str, float], None]


@dataclass(frozen=True)
class Request:
    """A GET: `endpoint` is its short bounded name, for labels and messages."""

    endpoint: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    version: str = "2023-06-01"
    betas: tuple[str, ...] = ()

    def having(self, *params: tuple[str, str]) -> Request:
        """The same request with further parameters."""
        return replace(self, params=self.params + params)


@dataclass(frozen=True)
class Reply:
    body: bytes | bytearray
    request_id: str | None
    content_type: str = ""


class Client:
    """Asks the Admin API, with bounded retries. Raises `ApiError` and nothing else."""

    def __init__(
        self,
        *,
        base_url: str,
        key: AdminKey,
        timeout_seconds: float,
        retry_seconds: float,
        now: Callable[[], datetime],
        observe: Observer,
        ca_file: Path | None = None,
    ) -> None:
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._retry_seconds = retry_seconds
        self._now = now
        self._observe = observe
        self._transport = Transport(base_url, timeout_seconds, ca_file)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.aclose()

    async def get(self, request: Request) -> Reply:
        """The body of a 200. Retries what may pass, for `retry_seconds` at the most, then raises `ApiError`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._retry_seconds
        limit_seconds = self._timeout_seconds
        tries = 0
        while True:
            outcome = await self._try(request, limit_seconds)
            if isinstance(outcome, Reply):
                return outcome
            # Back-off also where the API asks for no delay at all, or for one that is over.
            delay = outcome.error.retry_after_seconds or backoff_seconds(tries, random.random())  # noqa: S311  no secret
            tries = outcome.error.tries = tries + 1
            limit_seconds = min(self._timeout_seconds, deadline - loop.time() - delay)
            if (
                not outcome.may_pass
                or tries == MAX_TRIES
                or limit_seconds < min(self._timeout_seconds, SHORTEST_TRY_SECONDS)
            ):
                raise outcome.error
            await asyncio.sleep(delay)

    async def _try(self, request: Request, limit_seconds: float) -> Reply | _Failure:
        key = self._key.current
        outcome = await self._send(request, key.get_secret_value(), limit_seconds)
        if _is_refused_key(outcome) and await self._key.renew(key):
            outcome = await self._send(request, self._key.current.get_secret_value(), limit_seconds)
        return outcome

    async def _send(self, request: Request, key: str, limit_seconds: float) -> Reply | _Failure:
        headers = {"x-api-key": key, "anthropic-version": request.version}
        if request.betas:
            headers["anthropic-beta"] = ",".join(request.betas)
        loop = asyncio.get_running_loop()
        start = loop.time()
        answer = await self._transport.get(request.path, request.params, headers, limit_seconds)
        fault = None if answer.is_error else answer.fault
        seen = str(answer.status) if fault is None or fault.reason is Reason.SCHEMA else fault.reason.value
        seconds = loop.time() - start
        self._observe(request.endpoint, seen, seconds)
        log.debug(
            "request",
            method="GET",
            endpoint=request.endpoint,
            status=seen,
            seconds=round(seconds, 3),
            bytes=len(answer.body),
            request_id=_request_id(answer),
        )
        if answer.is_page:
            return Reply(answer.body, _request_id(answer), answer.headers.get("content-type", ""))
        return self._failure(request, answer, key)

    def _failure(self, request: Request, answer: Answer, key: str) -> _Failure:
        status = answer.status
        if status is None or not answer.is_error:
            return _unanswered(request.endpoint, answer, key)
        refusal = refusal_of(bytes(answer.body), answer.headers.get("content-type", ""), key)
        reason = reason_of(status, refusal.error_type, refusal.error_code)
        error = ApiError(
            reason,
            request.endpoint,
            _message(answer, refusal, reason, key),
            status=status,
            request_id=_request_id(answer),
            retry_after_seconds=asked_delay_seconds(status, answer.headers, self._now()),
        )
        return _Failure(error, should_retry(status, answer.headers, reason))


@dataclass(frozen=True)
class _Failure:
    error: ApiError
    may_pass: bool = True


def _is_refused_key(outcome: Reply | _Failure) -> bool:
    return isinstance(outcome, _Failure) and outcome.error.status == HTTPStatus.UNAUTHORIZED


def _unanswered(endpoint: str, answer: Answer, key: str) -> _Failure:
    """No answer, or a page that cannot be used: that does not pass by itself."""
    fault = answer.fault or Fault(Reason.NETWORK, "no answer")
    is_page = fault.reason is Reason.SCHEMA
    error = ApiError(
        fault.reason,
        endpoint,
        one_line(fault.message, key),
        status=answer.status if is_page else None,
        request_id=_request_id(answer) if is_page else None,
    )
    return _Failure(error, may_pass=not is_page)


def _message(answer: Answer, refusal: Refusal, reason: Reason, key: str) -> str:
    """The API's own message, or what seems to answer in its place; and advice on a key that is refused."""
    said = refusal.message
    if answer.status and HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        said = "an unexpected redirect, not followed: is the base URL right?"
    elif answer.status == HTTPStatus.NOT_FOUND and refusal.error_type and "not found" not in said.lower():
        said = f"not found: {said}" if said else "not found"
    elif answer.fault and not refusal.error_type:
        said = f"{said} ({one_line(answer.fault.message, key)})"
    is_of_key = reason is Reason.AUTH or (reason is Reason.FORBIDDEN and answer.status == HTTPStatus.FORBIDDEN)
    return "; ".join(filter(None, (said, advice(key) if is_of_key else "")))


def _request_id(answer: Answer) -> str | None:
    request_id = one_line(answer.headers.get("request-id", ""))[:LONGEST_REQUEST_ID]
    return request_id or None
