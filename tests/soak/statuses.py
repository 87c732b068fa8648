"""Answers that are no page: errors of the API's own, and those of what stands in front of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace

from tests.soak.kinds import EMAIL, ENDPOINTS, JSON, MARKER, OTHER_KEY, Act, Kind, Reply, fatal, passing

# Hinders the client from its own, longer back-off.
SOON = ("retry-after-ms", "1")
HTML = ("content-type", "text/html; charset=utf-8")
RETRIED = {408: "timeout", 409: "request", 429: "rate_limited"}
API_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
API_STATUSES = (400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 422, 429, 451, 500, 501, 503, 504, 529, 599)
GATEWAY_BODIES = {
    "{}": b"{}",
    "a message": json.dumps({"message": f"Service Unavailable {EMAIL} {OTHER_KEY}"}).encode(),
    "a list": b"[]",
    "an error of text": json.dumps({"error": MARKER}).encode(),
    "null": b"null",
    "an error of null": b'{"type":"error","error":null}',
    "an error without a type": json.dumps({"error": {"message": 7, "code": EMAIL}}).encode(),
}
GATEWAY_STATUSES = (400, 401, 403, 404, 429, 500, 503)
PORTAL = f"<html><head><title>Sign in</title></head><body>{EMAIL} {MARKER} {OTHER_KEY}</body></html>".encode()
EDGE = f"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>{MARKER}</body></html>".encode()


def always(*headers: tuple[str, str], body: bytes = b"", status: int = 200) -> Act:
    return lambda _: Reply(body, status, headers)


def api_error(status: int, *headers: tuple[str, str]) -> Act:
    """As the API answers; its message is shown, so there is no more in it than a key and a query."""
    message = f"made to order, see https://api.example.com/v1?token={MARKER} or {OTHER_KEY}"
    error = {"type": API_TYPES.get(status, "api_error"), "message": message}
    body = json.dumps({"type": "error", "error": error, "request_id": "req_soak"}).encode()
    return always(JSON, ("request-id", "req_soak"), *(headers or (SOON,)), body=body, status=status)


def reason(status: int) -> str:
    """By the status alone."""
    if status == 401:
        return "auth"
    return RETRIED.get(status, "server" if status >= 500 else "request")


def of_status(name: str, act: Act, status: int) -> Kind:
    # A bad request for the workspaces is how an older API declines a parameter.
    others = {"endpoints": ALL_BUT_WORKSPACES} if status == 400 else {}
    # Whether a stray 403 or 404 is tried again at once or by the next refresh is the client's affair.
    is_retried = status in (*RETRIED, 403, 404) or status >= 500
    return (passing if is_retried else fatal)(name, act, reason(status), **others)


ALL_BUT_WORKSPACES = tuple(each for each in ENDPOINTS if each != "workspaces")


def kinds() -> Iterator[Kind]:
    for status in API_STATUSES:
        if status in (403, 404):
            yield fatal(f"api {status}", api_error(status), "forbidden", refusal=True)
        else:
            yield of_status(f"api {status}", api_error(status), status)
    for status in GATEWAY_STATUSES:
        for what, body in GATEWAY_BODIES.items():
            yield of_status(f"gateway {status} {what}", always(JSON, SOON, body=body, status=status), status)
    for status in (401, 403, 404, 429, 502, 511):
        yield of_status(f"portal {status}", always(HTML, SOON, body=PORTAL, status=status), status)
    for status in (403, 503):
        yield of_status(f"edge {status}", always(HTML, SOON, body=EDGE, status=status), status)
    for status in (403, 500):
        yield of_status(f"empty {status}", always(SOON, status=status), status)
        binary = always(("content-type", "application/octet-stream"), SOON, body=bytes(range(256)), status=status)
        yield of_status(f"binary {status}", binary, status)
    for status in (400, 403):
        kind = fatal(f"another type of organization {status}", _of_another_type(status), "forbidden", refusal=True)
        yield replace(kind, endpoints=ALL_BUT_WORKSPACES if status == 400 else kind.endpoints)
    yield from _odd()
    yield from _redirects()


def _of_another_type(status: int) -> Act:
    """A refusal whatever its status."""
    details = {"error_code": "organization_type_not_supported"}
    error = {"type": "invalid_request_error", "message": "not for this organization", "details": details}
    return always(JSON, SOON, body=json.dumps({"type": "error", "error": error}).encode(), status=status)


def _odd() -> Iterator[Kind]:
    for status in (204, 304):
        yield fatal(f"odd {status}", always(status=status), "request")
    for status in (201, 206, 299, 300, 305):
        yield fatal(f"odd {status}", always(JSON, body=b"{}", status=status), "request")
    yield passing("odd 999", always(JSON, SOON, body=b"{}", status=999), "server", "request")
    compressed = ("content-encoding", "gzip")
    body = json.dumps({"type": "error", "error": {"type": "api_error", "message": "compressed"}}).encode()
    yield passing("api 500 in gzip", always(JSON, SOON, compressed, body=gzip.compress(body), status=500), "server")
    bomb = gzip.compress(bytes(20_000_000))
    yield passing("bomb 500", always(JSON, SOON, compressed, body=bomb, status=500), "server")
    yield passing("error of 5 MB", always(JSON, SOON, body=b"[" * 5_000_000, status=500), "server")
    yield passing("broken gzip 503", always(JSON, SOON, compressed, body=b"no gzip", status=503), "server", "schema")


def _redirects() -> Iterator[Kind]:
    targets = {
        "to another host": f"https://elsewhere.example/?token={MARKER}",
        "to javascript:": "javascript:alert(1)",
        "to itself": "/v1/organizations/me",
        "to no host": "http://",
        "to a bad port": "https://elsewhere.example:99999999/",
        "to garbage": "http://[::1/\x7f%%%",
    }
    for what, target in targets.items():
        yield fatal(f"redirect {what}", always(("location", target), status=302), "request")
    yield fatal("redirect to nowhere", always(status=307), "request")
    yield fatal(
        "redirect to a portal",
        always(("location", "https://portal.example/"), HTML, body=PORTAL, status=303),
        "request",
    )
