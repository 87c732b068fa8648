"""One request to the Admin API: headers, time limits, retries, and errors translated once."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import msgspec

from exporter import __version__
from exporter.api.address import is_loopback
from exporter.api.errors import ApiError, Reason, reason_of
from exporter.api.key import AdminKey
from exporter.api.redact import one_line
from exporter.api.retry import asked_delay_seconds, backoff_seconds, should_retry

MAX_TRIES = 5
LONGEST_REQUEST_ID = 100
# A page of a thousand rows is about a megabyte.
LARGEST_PAGE_BYTES = 128_000_000
LARGEST_ERROR_BYTES = 64_000

# (endpoint, HTTP status or "timeout" or "network", seconds) of every single request.
Observer = Callable[[str, str, float], None]


class ConnectionSettingsError(Exception):
    """The environment's proxy or certificates cannot be used."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"cannot use the environment's proxy or certificates ({kind}): check HTTPS_PROXY, ALL_PROXY (http or https "
            "with a host), SSL_CERT_FILE and SSL_CERT_DIR"
        )


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
    body: bytes
    request_id: str | None


class _Error(msgspec.Struct):
    message: str = ""


class _ErrorBody(msgspec.Struct):
    error: _Error = field(default_factory=_Error)


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
        self._base_url = base_url
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._retry_seconds = retry_seconds
        self._now = now
        self._observe = observe
        # A proxy for loopback would send the demo's traffic off the machine.
        use_environment = not is_loopback(base_url)
        try:
            self._http = httpx.AsyncClient(
                verify=_tls(ca_file) if base_url.startswith("https:") else False,
                trust_env=use_environment,
                timeout=timeout_seconds,
                limits=httpx.Limits(max_connections=8),
                headers={"user-agent": f"anthropic-exporter/{__version__}", "accept": "application/json"},
                follow_redirects=False,  # the key would travel to the other host
            )
        except (ImportError, ValueError, httpx.InvalidURL, OSError) as error:
            # Without the library's own words: the address of a proxy may hold a password.
            raise ConnectionSettingsError(type(error).__name__) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

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
            if not outcome.may_pass or tries == MAX_TRIES or limit_seconds <= 0:
                raise outcome.error
            await asyncio.sleep(delay)

    async def _try(self, request: Request, limit_seconds: float) -> Reply | _Failure:
        key = self._key.current
        outcome = await self._send(request, key.get_secret_value(), limit_seconds)
        if isinstance(outcome, _Failure) and outcome.error.reason is Reason.AUTH and self._key.renew(key):
            outcome = await self._send(request, self._key.current.get_secret_value(), limit_seconds)
        return outcome

    async def _send(self, request: Request, key: str, limit_seconds: float) -> Reply | _Failure:
        headers = {"x-api-key": key, "anthropic-version": request.version}
        if request.betas:
            headers["anthropic-beta"] = ",".join(request.betas)
        loop = asyncio.get_running_loop()
        start = loop.time()
        status = None  # stays so when the request is cancelled: that is no answer of the API's or the network's
        try:
            # httpx limits each read; a body that drips needs a limit on the whole.
            async with asyncio.timeout(limit_seconds):
                url = self._base_url + request.path
                async with self._http.stream("GET", url, params=list(request.params), headers=headers) as response:
                    body = await _body(response)
            status = str(response.status_code)
        except (TimeoutError, httpx.TimeoutException):
            status = Reason.TIMEOUT.value
            return _Failure(ApiError(Reason.TIMEOUT, request.endpoint, f"no whole answer within {limit_seconds:.3g} s"))
        except _TooLargeError:
            status = str(HTTPStatus.OK.value)
            message = f"the answer is larger than {LARGEST_PAGE_BYTES} bytes"
            return _Failure(ApiError(Reason.SCHEMA, request.endpoint, message, status=HTTPStatus.OK), may_pass=False)
        except httpx.RequestError as error:
            status = Reason.NETWORK.value
            message = one_line(f"{type(error).__name__}: {error}", key)
            return _Failure(ApiError(Reason.NETWORK, request.endpoint, message))
        finally:
            if status:
                self._observe(request.endpoint, status, loop.time() - start)
        if response.status_code == HTTPStatus.OK:
            return Reply(body, _request_id(response))
        return self._failure(request, response, body, key)

    def _failure(self, request: Request, response: httpx.Response, body: bytes, key: str) -> _Failure:
        status = response.status_code
        error = ApiError(
            reason_of(status),
            request.endpoint,
            one_line(_message(response, body), key),
            status=status,
            request_id=_request_id(response),
            retry_after_seconds=asked_delay_seconds(response.headers, self._now()),
        )
        return _Failure(error, should_retry(status, response.headers))


@dataclass(frozen=True)
class _Failure:
    error: ApiError
    may_pass: bool = True


class _TooLargeError(Exception):
    """An answer that would fill the memory."""


async def _body(response: httpx.Response) -> bytes:
    """The whole body of a page, the start of an error's. Raises `_TooLargeError`.

    httpx's own copy would stay in a cycle until the garbage collector comes.
    """
    is_page = response.status_code == HTTPStatus.OK
    most = LARGEST_PAGE_BYTES if is_page else LARGEST_ERROR_BYTES
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most:
            if is_page:
                raise _TooLargeError
            break
    return bytes(body)


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _message(response: httpx.Response, body: bytes) -> str:
    """The API's own message; an edge's HTML page has none."""
    if response.is_redirect:
        return "an unexpected redirect, not followed: is the base URL right?"
    try:
        return msgspec.json.decode(body, type=_ErrorBody).error.message
    except (msgspec.DecodeError, ValueError, RecursionError):
        return "the answer is not the API's error format"


def _request_id(response: httpx.Response) -> str | None:
    headers: Mapping[str, str] = response.headers
    request_id = one_line(headers.get("request-id", ""))[:LONGEST_REQUEST_ID]
    return request_id or None
