"""What comes twice within one reading of a report or list, where it would be counted twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from exporter.api.mending import whole_unicode
from exporter.api.shapes.claude_code import Actor, ClaudeCodeRow
from exporter.api.shapes.cost import CostResult
from exporter.api.shapes.envelope import IdPage, Page, ReportPage, TokenPage
from exporter.api.shapes.usage import UsageResult
from exporter.contract.state import Reason

# Why a page cannot be used, and a message.
Found = tuple[Reason, str]
Dimensions = tuple[Any, ...]
RawRow = dict[str, msgspec.Raw]
# Names and JSON texts.
Unknown = frozenset[tuple[str, bytes]]
NUMBERS = b"-0123456789"
UNREAD = {"organization_id"}

_named = attrgetter(
    *("date", "customer_type", "subscription_type", "terminal", "is_remote"),
    *(f"actor.{name}" for name in Actor.__struct_fields__),
)


def _of_claude_code(row: ClaudeCodeRow) -> Dimensions:
    """With the numbers, but for people: the name of an API key may be that of two."""
    numbers = (row.core, row.tools, row.models)
    return (*_named(row), None if row.actor.address else msgspec.json.encode(numbers))


# All that the API documents, and not only what becomes a label.
DIMENSIONS: Mapping[type[msgspec.Struct], Callable[[Any], Dimensions]] = {
    UsageResult: attrgetter(
        *("workspace_id", "model", "service_tier", "api_key_id", "account_id", "service_account_id"),
        *("context_window", "inference_geo", "speed"),
    ),
    CostResult: attrgetter(
        *("workspace_id", "description", "cost_type", "token_type", "model", "service_tier"),
        *("context_window", "inference_geo"),
    ),
    ClaudeCodeRow: _of_claude_code,
}


class _RawRows(msgspec.Struct):
    data: list[RawRow]


class _RawBucket(msgspec.Struct):
    results: list[RawRow]


class _RawBuckets(msgspec.Struct):
    data: list[_RawBucket]


# Pages are read in threads, which must not make decoders at once.
_RAW_ROWS, _RAW_BUCKETS = msgspec.json.Decoder(_RawRows), msgspec.json.Decoder(_RawBuckets)


class Repeats:
    """Knows what the pages so far had. A report's bucket or row may not come again, a list goes on with new IDs."""

    def __init__(self) -> None:
        self._buckets: set[datetime] = set()
        # Hashes of their dimensions: to free a hundred thousand tuples at once would hold up scrapes.
        self._rows: set[int] = set()
        self._ids: set[str] = set()
        # Of an earlier reading, which held them against one another; None as soon as there is something new.
        self._known: list[ReportPage] | None = []

    def found(self, page: Page | IdPage, body: bytes | bytearray, *, is_known: bool = False) -> Found | None:
        """What of the page, whose body that is, has come before."""
        if isinstance(page, ReportPage):
            if is_known and self._known is not None:
                self._known.append(page)
                return None
            self._count_known()
            return self._in_report(page, body)
        if isinstance(page, TokenPage | IdPage):
            return self._in_list(page)
        return None

    def _count_known(self) -> None:
        for page in self._known or ():
            for start, rows in page.buckets():
                self._begin(start)
                self._rows |= {hash(DIMENSIONS[type(row)](row)) for row in rows}
        self._known = None

    def _begin(self, start: datetime | None) -> None:
        if start is not None:
            self._buckets.add(start)
            self._rows.clear()

    def _in_list(self, page: TokenPage | IdPage) -> Found | None:
        ids = {row.id for row in page.data}
        if ids and self._ids and ids <= self._ids:
            return Reason.PAGINATION, "the answer goes on with nothing but what came before"
        self._ids |= ids
        return None

    def _in_report(self, page: ReportPage, body: bytes | bytearray) -> Found | None:
        for number, (start, rows) in enumerate(page.buckets()):
            if start in self._buckets:
                return Reason.PAGINATION, "the answer repeats a bucket"
            self._begin(start)
            if rows and self._has_row(rows, number, start, body):
                return Reason.SCHEMA, "the answer has a row twice: all its dimensions are those of another one"
        return None

    def _has_row(
        self, rows: Sequence[msgspec.Struct], number: int, start: datetime | None, body: bytes | bytearray
    ) -> bool:
        kind = type(rows[0])
        dimensions_of = DIMENSIONS[kind]
        # No set(map(…)), which would hold the interpreter's lock for all of a large page.
        new = {hash(dimensions_of(row)) for row in rows}
        if len(new) == len(rows) and self._rows.isdisjoint(new):
            self._rows |= new
            return False
        of_page: set[tuple[Dimensions, Unknown]] = set()
        for row, raw in zip(rows, _raw_rows(body, None if start is None else number), strict=True):
            dimensions, unknown = dimensions_of(row), _unknown(raw, kind)
            if (hash(dimensions) in self._rows and not unknown) or (dimensions, unknown) in of_page:
                return True
            self._rows.add(hash(dimensions))
            of_page.add((dimensions, unknown))
        return False


def _raw_rows(body: bytes | bytearray, bucket: int | None) -> list[RawRow]:
    """All rows of the page, or those of a bucket."""
    body = whole_unicode(body)
    if bucket is None:
        return _RAW_ROWS.decode(body).data
    return _RAW_BUCKETS.decode(body).data[bucket].results


def _unknown(raw: RawRow, kind: type[msgspec.Struct]) -> Unknown:
    """The row's fields that are not known and no number: they may be dimensions that the API has added."""
    actor = msgspec.json.decode(raw["actor"], type=RawRow) if "actor" in raw else {}
    new = [(name, raw[name]) for name in raw.keys() - {*kind.__struct_encode_fields__, *UNREAD}]
    new += [(f"actor.{name}", actor[name]) for name in actor.keys() - set(Actor.__struct_encode_fields__)]
    return frozenset((name, text) for name, value in new if (text := bytes(value))[0] not in NUMBERS)
