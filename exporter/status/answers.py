"""The page and its JSON as bytes: made with a snapshot of the metrics when something has changed, never on request."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from exporter.status.document import About, Status
from exporter.status.organization import Story, View
from exporter.status.page import rendered

# Of a core, which may be spent on them where something changes every second.
MOST_OF_A_CORE = 0.01
COMPRESSION = 6


def _isoformat(moment: date) -> str:
    """Of dates and times of another class than Python's own, such as a test's clock has."""
    return moment.isoformat()


_JSON = msgspec.json.Encoder(decimal_format="number", enc_hook=_isoformat)


@dataclass(frozen=True)
class Document:
    plain: bytes
    gzipped: bytes

    @classmethod
    def of(cls, content: bytes) -> Document:
        return cls(content, gzip.compress(content, COMPRESSION, mtime=0))


@dataclass(frozen=True)
class Answers:
    """Both tell the same moment."""

    page: Document
    json: Document

    @classmethod
    def of(cls, status: Status) -> Answers:
        return cls(Document.of(rendered(status)), Document.of(_JSON.encode(status)))


class StatusBoard:
    """The answers that are true now."""

    def __init__(self, about: About, cost_days: int, organizations: int, now: datetime) -> None:
        self._about = about
        self._stories = [Story(cost_days) for _ in range(organizations)]
        self._seen: tuple[datetime, bool, Sequence[View]] | None = None
        self._rests_until = 0.0
        self.answers = Answers.of(Status(about, now, is_ready=False, organizations=()))

    async def show(
        self, views: Sequence[View], today: date, now: datetime, *, is_ready: bool, exposition_bytes: int = 0
    ) -> None:
        """Made anew where something has changed, or the minute, of which it tells how long ago things were."""
        minute = now.replace(second=0, microsecond=0)
        if self._is_seen(minute, is_ready, views) or time.monotonic() < self._rests_until:
            return
        self.answers, cpu_seconds = await asyncio.to_thread(self._made, views, today, now, is_ready, exposition_bytes)
        self._seen = minute, is_ready, views
        # There are no more than a publication a second.
        self._rests_until = time.monotonic() + cpu_seconds / MOST_OF_A_CORE - 1

    def _is_seen(self, minute: datetime, is_ready: bool, views: Sequence[View]) -> bool:
        if self._seen is None:
            return False
        *moment, before = self._seen
        return moment == [minute, is_ready] and len(before) == len(views) and all(map(View.is_as, views, before))

    def _made(
        self, views: Sequence[View], today: date, now: datetime, is_ready: bool, exposition_bytes: int
    ) -> tuple[Answers, float]:
        """The answers, and the CPU seconds that they took."""
        start = time.thread_time()
        told = tuple(story.told(view, today, now) for story, view in zip(self._stories, views, strict=True))
        status = Status(self._about, now, is_ready, told, exposition_bytes)
        return Answers.of(status), time.thread_time() - start
