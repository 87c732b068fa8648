"""One exchange over HTTP, in whose place anything may answer: what came of it is always told, never raised."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx

from exporter import __version__
from exporter.api.address import host_and_port, joined
from exporter.api.body import BodyError, TooLargeError, read
from exporter.api.certificates import tls
from exporter.api.proxy import Proxy, proxy_of
from exporter.api.redact import one_line
from exporter.api.refusal import LARGEST_ERROR_BYTES
from exporter.contract.state import Reason

# A page of a thousand rows is about a megabyte.
LARGEST_PAGE_BYTES = 128_000_000
HEADERS = {
    "user-agent": f"anthropic-exporter/{__version__}",
    "accept": "application/json",
    "accept-encoding": "gzip",
}


@dataclass(frozen=True)
class Fault:
    """Why there is no answer, or no whole one."""

    reason: Reason
    message: str


@dataclass
class Answer:
    """What came: nothing (no status), an answer, or the beginning of one (a fault)."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    fault: Fault | None = None

    @property
    def is_page(self) -> bool:
        return self.status == HTTPStatus.OK and self.fault is None

    @property
    def is_error(self) -> bool:
        """Whether the status decides, however little of the body has come."""
        return self.status is not None and self.status != HTTPStatus.OK


class Transport:
    """Connections to the API, through the environment's proxy if it names one.

    httpx's own client is not used: it keeps cookies and builds requests of redirects. Raises `ConnectionSettingsError`.
    """

    def __init__(self, base_url: str, timeout_seconds: float, ca_file: Path | None) -> None:
        self._base_url = base_url
        self._timeout = httpx.Timeout(timeout_seconds).as_dict()
        self._proxy = proxy_of(base_url, os.environ)
        uses_tls = base_url.startswith("https:") or (self._proxy is not None and self._proxy.url.startswith("https:"))
        context = tls(os.environ, ca_file) if uses_tls else False
        self._http = httpx.AsyncHTTPTransport(
            verify=context,
            trust_env=False,
            limits=httpx.Limits(max_connections=8),
            proxy=_of_httpx(self._proxy, context),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def get(
        self, path: str, params: tuple[tuple[str, str], ...], headers: Mapping[str, str], limit_seconds: float
    ) -> Answer:
        """The answer within the limit, which is one on the whole: a body may drip."""
        answer = Answer()
        try:
            async with asyncio.timeout(limit_seconds):
                request = httpx.Request(
                    "GET",
                    self._base_url + path,
                    params=list(params),
                    headers=HEADERS | dict(headers),
                    extensions={"timeout": self._timeout},
                )
                await self._receive(request, answer)
        except (TimeoutError, httpx.TimeoutException):
            message = f"no whole answer within {limit_seconds:.3g} s from {self._where}"
            answer.fault = Fault(Reason.TIMEOUT, message)
        except BodyError as error:
            answer.fault = Fault(Reason.SCHEMA, str(error))
        except Exception as error:  # noqa: BLE001  whatever the libraries make of what came over the wire
            answer.fault = Fault(Reason.NETWORK, self._told(error))
        return answer

    async def _receive(self, request: httpx.Request, answer: Answer) -> None:
        response = await self._http.handle_async_request(request)
        try:
            answer.status, answer.headers = response.status_code, response.headers
            most = LARGEST_ERROR_BYTES if answer.is_error else LARGEST_PAGE_BYTES
            pieces = response.stream
            assert isinstance(pieces, httpx.AsyncByteStream)  # noqa: S101  as its transport says
            await read(pieces, response.headers.get("content-encoding", ""), most, answer.body)
        except TooLargeError:
            if not answer.is_error:  # of an error the beginning is enough
                raise
        finally:
            with suppress(Exception):  # what has come stays
                await response.aclose()

    @property
    def _where(self) -> str:
        where = joined(*host_and_port(self._base_url))
        return f"{where} through the proxy {self._proxy}" if self._proxy else where

    def _told(self, error: Exception) -> str:
        """With the library's words only where they cannot hold a header of ours or a body."""
        text = ""
        if isinstance(error, httpx.TransportError) and not isinstance(error, httpx.LocalProtocolError):
            text = re.sub(r"[:,]? *\(?(bytearray\()?b['\"].*", "", str(error), flags=re.DOTALL)
        # A proxy's own words may repeat what it was sent.
        secrets = self._proxy.auth if self._proxy and self._proxy.auth and isinstance(error, httpx.ProxyError) else ()
        told = one_line(": ".join(filter(None, (type(error).__name__, text))), *secrets)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return f"{told}, at {self._where}: --api.ca-file names a company's own certificate authority"
        return f"{told}, at {self._where}"


def _of_httpx(proxy: Proxy | None, context: ssl.SSLContext | bool) -> httpx.Proxy | None:
    if proxy is None:
        return None
    own_tls = context if isinstance(context, ssl.SSLContext) and proxy.url.startswith("https:") else None
    return httpx.Proxy(proxy.url, auth=proxy.auth, ssl_context=own_tls)
