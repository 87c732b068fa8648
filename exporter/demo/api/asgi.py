"""The Admin API of a simulated organization, as an ASGI application."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import NamedTuple

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from exporter.demo.api.endpoints import PARAMETERS, Answer, Endpoints, Incoming
from exporter.demo.api.errors import ApiError, error_body
from exporter.demo.api.reports import Reports
from exporter.demo.faults.delivery import DRIP_SECONDS, STALL_SECONDS, Cut, Dripping, Late
from exporter.demo.faults.fault import Fault, Faults
from exporter.demo.faults.spoiling import spoiled
from exporter.demo.simulation.organization import SimulatedOrganization

PREFIX = "/v1/organizations/"
FAULTS_PATH = "/demo/faults"
REMEMBERED_REQUESTS = 10_000
SECRET_HEADERS = ("x-api-key", "authorization")
ANOTHER_HOST = "https://elsewhere.example/"
JSON = "application/json"


class SeenRequest(NamedTuple):
    """A request as it came in. Names of headers are in lower case; credentials are left out."""

    endpoint: str
    params: dict[str, list[str]]
    headers: dict[str, str]
    time: datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


class AdminApi:
    """Serves the legacy reports, the inventory and the rate limits; everything else is 404.

    A number is visible once it is as old as the report's lag, and cost once its bill was published before that lag.
    `forbidden` names endpoints that answer 403.
    `POST /demo/faults` takes a `Fault` as JSON, `DELETE /demo/faults` forgets all pending ones.
    """

    def __init__(
        self,
        organization: SimulatedOrganization,
        *,
        key: str,
        now: Callable[[], datetime] = utc_now,
        usage_lag: timedelta = timedelta(minutes=5),
        cost_lag: timedelta = timedelta(0),
        claude_code_lag: timedelta = timedelta(hours=1),
        forbidden: frozenset[str] = frozenset(),
    ) -> None:
        self.faults = Faults()
        self.requests: deque[SeenRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        reports = Reports(organization, usage_lag=usage_lag, cost_lag=cost_lag, claude_code_lag=claude_code_lag)
        self._endpoints = Endpoints(organization, reports, key=key, forbidden=forbidden)
        self._organization_id = organization.me.id
        self._now = now
        self._numbers = count(1)
        self._app = Starlette(
            routes=[
                *(Route(PREFIX + endpoint, partial(self._serve, endpoint)) for endpoint in PARAMETERS),
                Route(FAULTS_PATH, self._list_faults, methods=["GET"]),
                Route(FAULTS_PATH, self._add_fault, methods=["POST"]),
                Route(FAULTS_PATH, self._clear_faults, methods=["DELETE"]),
            ],
            exception_handlers={HTTPException: self._refuse, ApiError: self._refuse},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def _serve(self, endpoint: str, request: Request) -> Response:
        incoming = Incoming(
            endpoint, request.query_params.multi_items(), request.headers, self._now(), request.path_params
        )
        self._remember(incoming)
        fault = self.faults.take(endpoint)
        replaced = self._replacement(fault) if fault else None
        if replaced is not None:
            return replaced
        answer = await asyncio.to_thread(self._endpoints.answer, incoming)
        return self._delivered(answer, fault)

    def _remember(self, incoming: Incoming) -> None:
        params: dict[str, list[str]] = {}
        for name, value in incoming.params:
            params.setdefault(name, []).append(value)
        headers = {name: value for name, value in incoming.headers.items() if name not in SECRET_HEADERS}
        self.requests.append(SeenRequest(incoming.endpoint, params, headers, incoming.time))

    def _headers(self, request_id: str, extra: Mapping[str, str]) -> dict[str, str]:
        return {"request-id": request_id, "anthropic-organization-id": self._organization_id, **extra}

    def _request_id(self) -> str:
        return f"req_011{next(self._numbers):021d}"

    def _error(self, status: int, message: str, headers: Mapping[str, str], error_code: str | None = None) -> Response:
        request_id = self._request_id()
        body = error_body(status, message, request_id, error_code)
        return Response(body, status, self._headers(request_id, headers), JSON)

    def _replacement(self, fault: Fault) -> Response | None:
        """The answer of a fault that needs no healthy answer."""
        match fault.kind:
            case "status":
                return self._error(fault.status or 500, fault.message, fault.headers, fault.error_code)
            case "html":
                html = f"<html><body><h1>{fault.message}</h1></body></html>"
                return Response(
                    html, fault.status or 502, self._headers(self._request_id(), fault.headers), "text/html"
                )
            case "redirect":
                headers = {"location": ANOTHER_HOST, **fault.headers}
                return Response(b"", HTTPStatus.FOUND, self._headers(self._request_id(), headers))
        return None

    def _delivered(self, answer: Answer, fault: Fault | None) -> Response:
        if fault is None:
            return Response(answer.body, 200, self._headers(self._request_id(), {}), JSON)
        headers = self._headers(self._request_id(), fault.headers)
        match fault.kind:
            case "stall":
                return Late(answer.body, headers, STALL_SECONDS if fault.seconds is None else fault.seconds)
            case "drip":
                return Dripping(answer.body, headers, DRIP_SECONDS if fault.seconds is None else fault.seconds)
            case "cut":
                return Cut(answer.body, 200, headers, JSON)
            case "headers":
                return Response(answer.body, 200, headers, JSON)
        return Response(spoiled(answer.body, fault, answer.same_page), 200, headers, JSON)

    def _refuse(self, _request: Request, error: Exception) -> Response:
        match error:
            case ApiError():
                return self._error(error.status, error.message, error.headers, error.code)
            case HTTPException():
                return self._error(error.status_code, error.detail, error.headers or {})
        raise error

    def _list_faults(self, _request: Request) -> Response:
        return Response(msgspec.json.encode(self.faults.pending), media_type=JSON)

    async def _add_fault(self, request: Request) -> Response:
        try:
            fault = msgspec.json.decode(await request.body(), type=Fault)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ApiError(400, str(error)) from error
        self.faults.add(fault)
        return Response(msgspec.json.encode(self.faults.pending), HTTPStatus.CREATED, media_type=JSON)

    def _clear_faults(self, _request: Request) -> Response:
        self.faults.clear()
        return Response(status_code=HTTPStatus.NO_CONTENT)
