"""The API's three pagination families (section "Pagination" of https://platform.claude.com/docs/en/api/admin)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import msgspec

from exporter.api.client import Client, Reply, Request
from exporter.api.errors import ApiError, Reason
from exporter.api.redact import one_line
from exporter.api.refusal import foreign
from exporter.api.wire import IdPage, Page

MAX_PAGES = 10_000
LONGEST_CURSOR = 4_000  # characters; longer ones may not fit a URL

T = TypeVar("T")
P = TypeVar("P", bound=Page)
L = TypeVar("L", bound=IdPage)


async def pages(client: Client, request: Request, kind: type[P]) -> AsyncIterator[P]:
    """Every page of a report or token list, following `next_page`.

    Raises `ApiError`: `pagination` for a missing or repeated cursor, `schema` for a body of another shape.
    """

    def cursor(page: P) -> str | None:
        return (page.next_page or "") if page.more else None

    async for page in _follow(client, request, kind, "page", cursor):
        yield page


async def id_pages(client: Client, request: Request, kind: type[L]) -> AsyncIterator[L]:
    """Every page of an ID-cursor list, following `last_id`. Raises as `pages` does."""

    def cursor(page: L) -> str | None:
        return (page.last_id or "") if page.has_more else None

    async for page in _follow(client, request, kind, "after_id", cursor):
        yield page


def decode(reply: Reply, kind: type[T], endpoint: str) -> T:
    """The body as `kind`. Raises `ApiError` with reason `schema`."""
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        message = one_line(str(error))
        if not isinstance(error, msgspec.ValidationError) and reply.body[:100].lstrip()[:1] not in (b"{", b"["):
            message = foreign(reply.body, reply.content_type)
        raise ApiError(Reason.SCHEMA, endpoint, message, status=200, request_id=reply.request_id) from None


async def _follow(
    client: Client, request: Request, kind: type[T], parameter: str, cursor_of: Callable[[T], str | None]
) -> AsyncIterator[T]:
    seen: set[str] = set()
    following = request
    while True:
        reply = await client.get(following)
        page = decode(reply, kind, request.endpoint)
        cursor = cursor_of(page)
        problem = _problem(cursor, seen)
        if problem:
            raise ApiError(Reason.PAGINATION, request.endpoint, problem, status=200, request_id=reply.request_id)
        yield page
        if cursor is None:
            return
        seen.add(cursor)
        following = request.having((parameter, cursor))


def _problem(cursor: str | None, seen: set[str]) -> str | None:
    if cursor == "":
        return "the answer promises more pages but has no cursor"
    if cursor and len(cursor) > LONGEST_CURSOR:
        return f"the answer's cursor is longer than {LONGEST_CURSOR} characters"
    if cursor in seen:
        return "the answer repeats an earlier cursor"
    if len(seen) >= MAX_PAGES:
        return f"the answer goes on after {MAX_PAGES} pages"
    return None
