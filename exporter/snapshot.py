"""What a scrape gets: rendered aside, swapped in with one assignment, immutable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from exporter.collectors import Collector
from exporter.collectors.directory import Directory
from exporter.collectors.window import exposed_days, midnight, utc_day
from exporter.exposition import Body, Part, gzipped, plain, render
from exporter.log import report_unforeseen
from exporter.metrics import Family, label_text
from exporter.telemetry import Telemetry

CLOCK_DAYS = 31
# Scrapers that cut off a long answer keep its beginning: cost, then how the exporter is doing.
BEFORE_OWN_METRICS = "cost"


class Format(Enum):
    """An exposition format, by its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @property
    def end(self) -> bytes:
        """What the last family is followed by."""
        return b"# EOF\n" if self is Format.OPENMETRICS else b""


@dataclass(frozen=True)
class Snapshot:
    """The answers to all scrapes until the next snapshot."""

    plain: Mapping[Format, Body]
    gzipped: Mapping[Format, Body]


@dataclass(frozen=True)
class _Rendered:
    """A collector's part and what it was made from."""

    part: Part
    samples: int
    reading: object
    directory: Directory | None
    today: date


class Publisher:
    """Holds the collectors' readings and the snapshot made from them.

    All of a snapshot's parts are rendered for the same day. What is rendered without an error replaces what was there;
    otherwise everything stays as it was.
    """

    def __init__(self, collectors: Sequence[Collector[Any]], telemetry: Telemetry, now: Callable[[], datetime]) -> None:
        self._collectors = collectors
        self._telemetry = telemetry
        self._now = now
        self._lock = asyncio.Lock()
        self._readings: dict[str, Any] = {}
        self._rendered: dict[str, _Rendered] = {}
        self._today = utc_day(now())
        self._clock = Part.of(render(clock_families(self._today)))
        self.snapshot = self._assembled()

    def reading(self, collector: str) -> Any:  # noqa: ANN401  each collector knows its own
        return self._readings.get(collector)

    async def replace(self, collector: str, reading: object) -> None:
        """Publish the collector's new reading; None withdraws its families. Raises what rendering it raises."""
        async with self._lock:
            await self._publish(self._readings | {collector: reading}, collector)

    async def roll(self) -> None:
        """Move the buckets to their new `days_ago` when the UTC day is another one."""
        async with self._lock:
            if utc_day(self._now()) != self._today:
                await self._publish(self._readings)

    async def renew_own_metrics(self) -> None:
        """Publish the exporter's own metrics as they are now."""
        async with self._lock:
            self.snapshot = await asyncio.to_thread(self._assembled)

    async def _publish(self, readings: dict[str, Any], changed: str | None = None) -> None:
        today = utc_day(self._now())
        rendered = await asyncio.to_thread(self._render, readings, today, changed)
        clock = self._clock if today == self._today else Part.of(render(clock_families(today)))
        self._readings, self._rendered, self._today, self._clock = readings, rendered, today, clock
        self._telemetry.series = {name: one.samples for name, one in rendered.items()}
        self.snapshot = await asyncio.to_thread(self._assembled)

    def _render(self, readings: Mapping[str, Any], today: date, changed: str | None) -> dict[str, _Rendered]:
        organization = readings.get("organization")
        directory = organization.directory if organization else Directory()
        rendered = {}
        for collector in self._collectors:
            try:
                if (reading := readings.get(collector.name)) is not None:
                    rendered[collector.name] = self._rendering(collector, reading, today, directory)
            except Exception as unforeseen:
                if collector.name == changed:
                    raise
                # Rather no data than those of another day, and no harm to the other collectors.
                report_unforeseen(unforeseen, collector=collector.name)
        return rendered

    def _rendering(self, collector: Collector[Any], reading: object, today: date, directory: Directory) -> _Rendered:
        """The collector's part, made anew only where what it is made from is new."""
        names = directory if collector.uses_names else None
        before = self._rendered.get(collector.name)
        if before and before.reading is reading and before.today == today and before.directory == names:
            return before
        samples = 0

        def counted() -> Iterator[Family]:
            nonlocal samples
            for family in collector.families(reading, today, directory):
                samples += family.size
                yield family

        part = Part.of(render(counted()))
        return _Rendered(part, samples, reading, names, today)

    def _assembled(self) -> Snapshot:
        first = [one.part for name, one in self._rendered.items() if name == BEFORE_OWN_METRICS]
        others = [one.part for name, one in self._rendered.items() if name != BEFORE_OWN_METRICS]
        own = {
            Format.TEXT: Part.of([self._telemetry.render_text()]),
            Format.OPENMETRICS: Part.of([self._telemetry.render_openmetrics().removesuffix(Format.OPENMETRICS.end)]),
        }
        parts = {form: [*first, part, *others, self._clock] for form, part in own.items()}
        snapshot = Snapshot(
            {form: plain(of_form, form.end) for form, of_form in parts.items()},
            {form: gzipped(of_form, form.end) for form, of_form in parts.items()},
        )
        self._telemetry.exposition_bytes = {
            "identity": snapshot.plain[Format.TEXT].length,
            "gzip": snapshot.gzipped[Format.TEXT].length,
        }
        return snapshot


def clock_families(today: date) -> list[Family]:
    """Which day each `days_ago` is: rendered with the day families, so that they never disagree."""
    days = {str(age): day for age, day in enumerate(exposed_days(today, CLOCK_DAYS))}
    starts = {label_text([("days_ago", age)]): int(midnight(day).timestamp()) for age, day in days.items()}
    infos = {
        label_text([("days_ago", age), ("date", day.isoformat()), ("weekday", f"{day:%a}")]): 1
        for age, day in days.items()
    }
    return [
        Family(
            "anthropic_exporter_bucket_start_timestamp_seconds",
            "Unix time of the start of the UTC day that lies days_ago days back.",
            [("", starts)],
        ),
        Family(
            "anthropic_exporter_day_info",
            "Date and weekday of the UTC day that lies days_ago days back.",
            [("", infos)],
        ),
    ]
