"""The HTTP routes. A scrape sends bytes that already exist: no I/O, no lock, nothing that can fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from exporter import __version__
from exporter.exposition.gzip_member import Body
from exporter.exposition.store import Snapshot
from exporter.status.answers import Answers, Document
from exporter.status.page import CONTENT_SECURITY_POLICY as PAGE_POLICY
from exporter.web.guard import MOST_REQUESTS, Guard
from exporter.web.negotiation import accepts_gzip, choose_format

HEALTHY_PATH = "/-/healthy"
READY_PATH = "/-/ready"
COLLECT = "collect[]"
LONGEST_QUOTE = 50
MOST_AT_ONCE_BYTES = 1_000_000  # that a reader who does not read holds
STATUS_PATH = "/api/v1/status"
HTML = "text/html; charset=utf-8"
GUARDED = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Anthropic exporter</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:40rem;padding:0 1rem}}</style></head>
<body>
<h1>Anthropic exporter</h1>
<p>Usage, cost and Claude Code activity of an Anthropic organization, for Prometheus. Version {version}.</p>
{notice}<ul>
<li><a href="{metrics}">Metrics</a></li>
<li><a href="{status}">Status</a> as JSON</li>
<li><a href="{healthy}">Healthy</a>: the process answers</li>
<li><a href="{ready}">Ready</a>: every collector has finished a first attempt</li>
</ul>
</body>
</html>
"""
DEMO_NOTICE = "<p><strong>Demo: these numbers are invented.</strong></p>\n"


class _BodyResponse(Response):
    """Sends the chunks of a body one by one, so that a slow reader holds no more than one."""

    def __init__(self, body: Body, headers: dict[str, str]) -> None:
        super().__init__(headers=headers | {"content-length": str(body.length)})
        self._chunks = body.chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  an ASGI application takes it
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for chunk in () if scope["method"] == "HEAD" else self._chunks:
            for start in range(0, len(chunk), MOST_AT_ONCE_BYTES):
                part = chunk if len(chunk) <= MOST_AT_ONCE_BYTES else chunk[start : start + MOST_AT_ONCE_BYTES]
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _unknown(name: str, collectors: Collection[str]) -> Response:
    text = f"{COLLECT}={name[:LONGEST_QUOTE]!a} is no collector that is enabled: {', '.join(collectors)}\n"
    return PlainTextResponse(text, status_code=400, headers=GUARDED)


def _answer(request: Request, answer: Document, headers: dict[str, str]) -> Response:
    headers = GUARDED | {"vary": "Accept-Encoding"} | headers
    if accepts_gzip(",".join(request.headers.getlist("accept-encoding"))):
        return Response(answer.gzipped, headers=headers | {"content-encoding": "gzip"})
    return Response(answer.plain, headers=headers)


def application(
    snapshot: Callable[[], Snapshot],
    answers: Callable[[], Answers],
    *,
    telemetry_path: str,
    collectors: Collection[str] = (),
    demo: bool = False,
    has_page: bool = True,
    most_requests: int = MOST_REQUESTS,
    answers_by_status: Counter[int] | None = None,
) -> ASGIApp:
    """The endpoint: metrics, health, readiness, the page (or but links) and its JSON; `collectors` may be chosen of.

    All but GET and HEAD is answered with 405.
    """
    page = PAGE.format(
        version=escape(__version__),
        notice=DEMO_NOTICE if demo else "",
        metrics=escape(telemetry_path),
        status=STATUS_PATH,
        healthy=HEALTHY_PATH,
        ready=READY_PATH,
    )

    async def metrics(request: Request) -> Response:
        headers = request.headers
        form = choose_format(",".join(headers.getlist("accept")))
        wanted = request.query_params.getlist(COLLECT)
        if unknown := [name for name in wanted if name not in collectors]:
            return _unknown(unknown[0], collectors)
        current = snapshot().only(frozenset(wanted)) if wanted else snapshot()
        answer = {"content-type": form.value, "vary": "Accept, Accept-Encoding"}
        if accepts_gzip(",".join(headers.getlist("accept-encoding"))):
            return _BodyResponse(current.gzipped[form], answer | {"content-encoding": "gzip"})
        return _BodyResponse(current.plain[form], answer)

    async def home(request: Request) -> Response:
        if has_page:
            return _answer(request, answers().page, {"content-type": HTML, "content-security-policy": PAGE_POLICY})
        return HTMLResponse(page, headers=GUARDED)

    async def status(request: Request) -> Response:
        return _answer(request, answers().json, {"content-type": "application/json"})

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("healthy\n")

    async def ready(_: Request) -> Response:
        if snapshot().is_ready:
            return PlainTextResponse("ready\n")
        return PlainTextResponse("not ready: waiting for the collectors' first attempts\n", status_code=503)

    endpoint = Starlette(
        routes=[
            Route("/", home),
            Route(STATUS_PATH, status),
            Route(HEALTHY_PATH, healthy),
            Route(READY_PATH, ready),
            Route(telemetry_path, metrics),
        ]
    )
    endpoint.router.redirect_slashes = False  # a redirect would name whatever host the client said
    counted = Counter[int]() if answers_by_status is None else answers_by_status
    return Guard(endpoint, most_requests, {HEALTHY_PATH, READY_PATH}, counted)
