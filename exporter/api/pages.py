"""The API's three pagination families (section "Pagination" of https://platform.claude.com/docs/en/api/admin)."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

from exporter.api.client import Client, Reply, Request
from exporter.api.endpoints import Paging
from exporter.api.errors import ApiError
from exporter.api.mending import whole_unicode, without_unreadable
from exporter.api.redact import one_line
from exporter.api.refusal import foreign
from exporter.api.repeats import Repeats
from exporter.api.shapes.envelope import IdPage, Listed, Page, TokenPage
from exporter.contract.state import Reason

MAX_PAGES = 10_000
LARGE_BYTES = 50_000  # what is larger takes a millisecond and more to read
REST = 4  # times as long as a large page took to read
DIGEST_BYTES = 16
LONGEST_CURSOR = 4_000  # characters; longer ones may not fit a URL
# Of msgspec's messages the only one that has the value in it; currencies are the only enumeration.
_WITH_VALUE = re.compile(r"Invalid enum value .*(?= - at `[^`]*`$)", re.DOTALL)

# To decode holds the interpreter's lock: of several at once, a scrape would have to wait for all.
_one_at_a_time = threading.Lock()

T = TypeVar("T")
E = TypeVar("E", bound=Page | IdPage)


async def pages(
    client: Client,
    request: Request,
    shape: type[E],
    paging: Paging = Paging.TOKEN,
    *,
    made: Callable[[E], T],
    unreadable: Counter[str] | None = None,
    known: dict[bytes, E] | None = None,
) -> AsyncIterator[T]:
    """What is made of every page of a report or list. Large pages are read in a thread.

    Counts in `unreadable`, by field, what is left out of a list's rows. `known` has the pages of the last reading of
    this request by the digest of their bytes, which are not decoded again; after a whole reading, those of this one.
    Raises `ApiError`: `pagination` for a missing or repeated cursor or bucket and for a list that goes on with nothing
    new, `schema` for a body of another shape or a row that comes twice.
    """
    seen: set[str] = set()
    repeats = Repeats()
    whole: dict[bytes, E] = {}

    def of(reply: Reply) -> tuple[E, bool]:
        """The page, and whether it is as it was."""
        if known is None:
            return decode(reply, shape, request.endpoint, unreadable), False
        digest = hashlib.blake2b(reply.body, digest_size=DIGEST_BYTES).digest()
        before = known.get(digest)
        whole[digest] = before or decode(reply, shape, request.endpoint, unreadable)
        return whole[digest], before is not None

    def read(reply: Reply) -> tuple[str | None, T]:
        page, is_known = of(reply)
        cursor = _cursor(page)
        problem = _problem(cursor, seen)
        found = (Reason.PAGINATION, problem) if problem else repeats.found(page, reply.body, is_known=is_known)
        if found:
            reason, message = found
            raise ApiError(reason, request.endpoint, message, status=200, request_id=reply.request_id)
        return cursor, made(page)

    _decoder(shape)  # here, and not in several threads at once
    following = request
    while True:
        reply = await client.get(following)
        is_large = len(reply.body) > LARGE_BYTES
        cursor, result = await asyncio.to_thread(_unhurried, partial(read, reply)) if is_large else read(reply)
        if cursor is None and known is not None:
            known.clear()
            known.update(whole)
        yield result
        if cursor is None:
            return
        seen.add(cursor)
        following = request.having((paging.value, cursor))


def _unhurried(read: Callable[[], T]) -> T:
    """In a thread, which then rests: a scrape wants the interpreter's lock half a dozen times."""
    with _one_at_a_time:
        start = time.perf_counter()
        try:
            return read()
        finally:
            time.sleep(REST * (time.perf_counter() - start))


def _cursor(page: Page | IdPage) -> str | None:
    """What the next page is asked for with; empty where it should be there and is not, None at the end."""
    if isinstance(page, IdPage):
        return (page.last_id or "") if page.has_more else None
    return (page.next_page or "") if page.more else None


def decode(reply: Reply, kind: type[T], endpoint: str, unreadable: Counter[str] | None = None) -> T:
    """The body as `kind`. Raises `ApiError` with reason `schema`."""
    try:
        return _read(reply.body, kind, Counter() if unreadable is None else unreadable)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        message = one_line(_WITH_VALUE.sub("Expected `USD`", str(error)))
        if not isinstance(error, msgspec.ValidationError) and reply.body[:100].lstrip()[:1] not in (b"{", b"["):
            message = foreign(reply.body, reply.content_type)
        raise ApiError(Reason.SCHEMA, endpoint, message, status=200, request_id=reply.request_id) from None


def _read(body: bytes | bytearray, kind: type[T], unreadable: Counter[str]) -> T:
    try:
        return _decoder(kind).decode(body)
    except (msgspec.DecodeError, ValueError):
        mended = whole_unicode(body)
        if issubclass(kind, Listed | TokenPage | IdPage):
            return without_unreadable(mended, kind, unreadable)
        if mended == body:
            raise
        return _decoder(kind).decode(mended)


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Made once, by one thread: two that make some of the same structs may end the process (msgspec 0.22)."""
    decoder: msgspec.json.Decoder[T] = _decoders.get(kind) or msgspec.json.Decoder(kind)
    _decoders[kind] = decoder
    return decoder


_decoders: dict[type, Any] = {}


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
