"""Claude Code activity by day, actor and terminal.

API page: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_claude_code
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from exporter.api.client import Client, Request
from exporter.api.pages import pages
from exporter.api.wire import Actor, ClaudeCodePage, ClaudeCodeRecord
from exporter.collectors.directory import Directory
from exporter.collectors.entitlement import Entitlement
from exporter.collectors.window import ONE_DAY, end_of, exposed_days, is_stale, utc_day
from exporter.metrics import NONE, Family, Metric, Sample, day_families, day_label, joined, label_text

REPORT = Request("usage_report/claude_code", "/v1/organizations/usage_report/claude_code", (("limit", "1000"),))
DAYS_AT_ONCE = 4
CENTS = 100
ACTOR_TYPES = {"user_actor": "user", "api_actor": "api_key"}
ALWAYS_COUNTED = tuple((actor, customer) for actor in ("user", "api_key") for customer in ("api", "subscription"))


@dataclass(frozen=True)
class ClaudeCodeDay:
    """All rows of a day, and when the refresh that read them began."""

    records: Sequence[ClaudeCodeRecord]
    read_at: datetime


@dataclass(frozen=True)
class ClaudeCodeReading:
    days: Mapping[date, ClaudeCodeDay]
    read_at: datetime


def _tool_actions(record: ClaudeCodeRecord) -> Iterator[Sample]:
    for key, action in record.tool_actions.items():
        tool = key.removesuffix("_tool")
        yield (tool, "accepted"), action.accepted
        yield (tool, "rejected"), action.rejected


def _tokens(record: ClaudeCodeRecord) -> Iterator[Sample]:
    for use in record.model_breakdown:
        model, tokens = use.model or NONE, use.tokens
        yield (model, "uncached_input"), tokens.input
        yield (model, "cache_read"), tokens.cache_read
        yield (model, "cache_write"), tokens.cache_creation
        yield (model, "output"), tokens.output


def _estimated_cost(record: ClaudeCodeRecord) -> Iterator[Sample]:
    # The text of a float is the API's own decimal number; its sums are exact.
    return (((use.model or NONE,), Decimal(str(use.estimated_cost.amount))) for use in record.model_breakdown)


def _help(what: str) -> str:
    return (
        f"{what} of the UTC day that lies days_ago days back, by actor and terminal, about an hour late; "
        "refreshed in the background, not at the scrape."
    )


METRICS: tuple[Metric[ClaudeCodeRecord], ...] = (
    Metric(
        "anthropic_claude_code_sessions",
        _help("Claude Code sessions"),
        "core_metrics.num_sessions",
        lambda record: (((), record.core_metrics.num_sessions),),
    ),
    Metric(
        "anthropic_claude_code_lines_of_code",
        _help("Lines of code added or removed with Claude Code"),
        "core_metrics.lines_of_code",
        lambda record: (
            (("added",), record.core_metrics.lines_of_code.added),
            (("removed",), record.core_metrics.lines_of_code.removed),
        ),
        labels=("change",),
    ),
    Metric(
        "anthropic_claude_code_commits",
        _help("Commits made by Claude Code"),
        "core_metrics.commits_by_claude_code",
        lambda record: (((), record.core_metrics.commits_by_claude_code),),
    ),
    Metric(
        "anthropic_claude_code_pull_requests",
        _help("Pull requests made by Claude Code"),
        "core_metrics.pull_requests_by_claude_code",
        lambda record: (((), record.core_metrics.pull_requests_by_claude_code),),
    ),
    Metric(
        "anthropic_claude_code_tool_actions",
        _help("Proposals of Claude Code tools, accepted or rejected,"),
        "tool_actions",
        _tool_actions,
        labels=("tool", "decision"),
    ),
    Metric(
        "anthropic_claude_code_tokens",
        _help("Tokens used by Claude Code"),
        "model_breakdown.tokens",
        _tokens,
        labels=("model", "token_type"),
    ),
    Metric(
        "anthropic_claude_code_estimated_cost_usd",
        _help("Cost in US dollars as the API estimates it, which is not billing,"),
        "model_breakdown.estimated_cost.amount",
        _estimated_cost,
        labels=("model",),
        divisor=CENTS,
    ),
)
ACTIVE_ACTORS_NAME = "anthropic_claude_code_active_actors"
ACTIVE_ACTORS_SOURCE = "actor, customer_type"
ACTIVE_ACTORS_HELP = (
    "Distinct actors with Claude Code activity on the UTC day that lies days_ago days back, about an hour late; "
    "refreshed in the background, not at the scrape."
)


@dataclass(frozen=True)
class ClaudeCodeCollector:
    """Re-reads today and yesterday at every refresh, older days hourly."""

    client: Client
    interval_seconds: float
    days: int
    prefix: str = ""
    entitlement: Entitlement = field(default_factory=Entitlement)
    name: str = "claude_code"
    source: str = "admin"
    uses_names: bool = False

    async def refresh(self, previous: ClaudeCodeReading | None, now: datetime) -> ClaudeCodeReading:
        """The days of the window. Raises `ApiError`, `NotEntitled`."""
        return await self.entitlement.attempt(REPORT.endpoint, partial(self._read, previous, now), now)

    def families(self, reading: ClaudeCodeReading, today: date, directory: Directory) -> Iterator[Family]:  # noqa: ARG002  no names
        days = {day: reading.days[day].records for day in exposed_days(today, self.days) if day in reading.days}
        yield from day_families(METRICS, days, _text, today=today, prefix=self.prefix, zero_fill=False)
        counts = [(joined(self.prefix, day_label(day, today)), _active_actors(days[day])) for day in days]
        yield Family(ACTIVE_ACTORS_NAME, ACTIVE_ACTORS_HELP, counts)

    def data_through(self, reading: ClaudeCodeReading) -> datetime | None:
        return min(end_of(max(reading.days)), reading.read_at)

    async def _read(self, previous: ClaudeCodeReading | None, now: datetime) -> ClaudeCodeReading:
        today = utc_day(now)
        held = previous.days if previous else {}
        window = exposed_days(today, self.days)
        kept = {day: held[day] for day in window if day in held and not _is_due(day, held[day], now)}
        due = [day for day in window if day not in kept]
        records = await self._fetch(due)
        days = kept | {day: ClaudeCodeDay(rows, now) for day, rows in records.items()}
        return ClaudeCodeReading(days, now)

    async def _fetch(self, days: Iterable[date]) -> dict[date, list[ClaudeCodeRecord]]:
        at_once = asyncio.Semaphore(DAYS_AT_ONCE)

        async def fetch(day: date) -> list[ClaudeCodeRecord]:
            async with at_once:
                return await self._fetch_day(day)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = {day: group.create_task(fetch(day)) for day in days}
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return {day: task.result() for day, task in tasks.items()}

    async def _fetch_day(self, day: date) -> list[ClaudeCodeRecord]:
        request = REPORT.having(("starting_at", day.isoformat()))
        return [
            record
            async for page in pages(self.client, request, ClaudeCodePage)
            for record in page.data
            if utc_day(record.date) == day
        ]


def _is_due(day: date, held: ClaudeCodeDay, now: datetime) -> bool:
    return day >= utc_day(now) - ONE_DAY or is_stale(held.read_at, now)


def _actor(actor: Actor) -> tuple[str, str]:
    """(`actor`, `actor_type`)."""
    name = actor.email_address or actor.api_key_name or actor.service_account_id or actor.subject
    return name or NONE, ACTOR_TYPES.get(actor.type, actor.type)


def _text(record: ClaudeCodeRecord) -> str:
    actor, actor_type = _actor(record.actor)
    return label_text(
        [
            ("actor", actor),
            ("actor_type", actor_type),
            ("terminal", record.terminal_type or NONE),
            ("customer_type", record.customer_type or NONE),
        ]
    )


def _active_actors(records: Iterable[ClaudeCodeRecord]) -> dict[str, int]:
    """Distinct actors by label text; the four usual combinations are always there."""
    actors = {(*_actor(record.actor), record.customer_type or NONE) for record in records}
    counts = Counter((actor_type, customer_type) for _, actor_type, customer_type in actors)
    for combination in ALWAYS_COUNTED:
        counts.setdefault(combination, 0)
    return {
        label_text([("actor_type", actor_type), ("customer_type", customer_type)]): count
        for (actor_type, customer_type), count in sorted(counts.items())
    }
