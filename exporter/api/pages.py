"""The API's three pagination families (section "Pagination" of https://platform.claude.com/docs/en/api/admin)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import msgspec

from exporter.api.client import Client, Reply, Request
from exporter.api.errors import ApiError, Reason
from exporter.api.mending import whole_unicode, without_unreadable
from exporter.api.redact import one_line
from exporter.api.refusal import foreign
from exporter.api.repeats import Repeats
from exporter.api.wire import IdPage, Listed, Page, TokenPage

MAX_PAGES = 10_000
LONGEST_CURSOR = 4_000  # characters; longer ones may not fit a URL
# Of msgspec's messages the only one that has the value in it; currencies are the only enumeration.
_WITH_VALUE = re.compile(r"Invalid enum value .*(?= - at `[^`]*`$)", re.DOTALL)

T = TypeVar("T")
P = TypeVar("P", bound=Page)
L = TypeVar("L", bound=IdPage)
E = TypeVar("E", bound=Page | IdPage)


async def pages(
    client: Client, request: Request, kind: type[P], unreadable: Counter[str] | None = None
) -> AsyncIterator[P]:
    """Every page of a report or token list, following `next_page`.

    Counts in `unreadable`, by field, what is left out of a list's rows. Raises `ApiError`: `pagination` for a missing
    or repeated cursor or bucket and for a list that goes on with nothing new, `schema` for a body of another shape or a
    row that comes twice.
    """

    def cursor(page: P) -> str | None:
        return (page.next_page or "") if page.more else None

    async for page in _follow(client, request, kind, "page", cursor, unreadable):
        yield page


async def id_pages(
    client: Client, request: Request, kind: type[L], unreadable: Counter[str] | None = None
) -> AsyncIterator[L]:
    """Every page of an ID-cursor list, following `last_id`. Counts and raises as `pages` does."""

    def cursor(page: L) -> str | None:
        return (page.last_id or "") if page.has_more else None

    async for page in _follow(client, request, kind, "after_id", cursor, unreadable):
        yield page


def decode(reply: Reply, kind: type[T], endpoint: str, unreadable: Counter[str] | None = None) -> T:
    """The body as `kind`. Raises `ApiError` with reason `schema`."""
    try:
        return _read(reply.body, kind, Counter() if unreadable is None else unreadable)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        message = one_line(_WITH_VALUE.sub("Expected `USD`", str(error)))
        if not isinstance(error, msgspec.ValidationError) and reply.body[:100].lstrip()[:1] not in (b"{", b"["):
            message = foreign(reply.body, reply.content_type)
        raise ApiError(Reason.SCHEMA, endpoint, message, status=200, request_id=reply.request_id) from None


def _read(body: bytes, kind: type[T], unreadable: Counter[str]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, ValueError):
        mended = whole_unicode(body)
        if issubclass(kind, Listed | TokenPage | IdPage):
            return without_unreadable(mended, kind, unreadable)
        if mended == body:
            raise
        return msgspec.json.decode(mended, type=kind)


async def _follow(
    client: Client,
    request: Request,
    kind: type[E],
    parameter: str,
    cursor_of: Callable[[E], str | None],
    unreadable: Counter[str] | None,
) -> AsyncIterator[E]:
    seen: set[str] = set()
    repeats = Repeats()
    following = request
    while True:
        reply = await client.get(following)
        page = decode(reply, kind, request.endpoint, unreadable)
        cursor = cursor_of(page)
        problem = _problem(cursor, seen)
        found = (Reason.PAGINATION, problem) if problem else repeats.found(page, reply.body)
        if found:
            reason, message = found
            raise ApiError(reason, request.endpoint, message, status=200, request_id=reply.request_id)
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
