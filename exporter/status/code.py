"""Claude Code of yesterday and of the same weekday a week before; no people."""

from __future__ import annotations

from datetime import date, timedelta

from exporter.contract.activity_metrics import COMMITS, METRICS, SESSIONS, TOOL_ACTIONS
from exporter.contract.claude_code import (
    ClaudeCodeDay,
    ClaudeCodeReading,
    FoldedRows,
    active_actors,
)
from exporter.contract.days import ONE_DAY
from exporter.contract.sums import add_up
from exporter.status.document import ClaudeCodeStatus, CodeDay

A_WEEK = timedelta(days=7)
SHOWN = (SESSIONS, COMMITS, TOOL_ACTIONS)
ACCEPTED = 'decision="accepted"'


class CodeDays:
    """Adds up the two days; again only when they have become others: a day may have a hundred thousand rows."""

    def __init__(self) -> None:
        self._added_up: dict[ClaudeCodeDay, CodeDay] = {}

    def status(self, reading: ClaudeCodeReading, today: date) -> ClaudeCodeStatus:
        yesterday = today - ONE_DAY
        days = (yesterday, yesterday - A_WEEK)
        held = {day: reading.days[day] for day in days if day in reading.days}
        self._added_up = {one: self._added_up.get(one) or _added_up(day, one) for day, one in held.items()}
        newest, week_before = (self._added_up[held[day]] if day in held else None for day in days)
        return ClaudeCodeStatus(newest, week_before)


def _added_up(day: date, held: ClaudeCodeDay) -> CodeDay:
    if isinstance(held.rows, FoldedRows):
        sums, active = held.rows.sums, held.rows.active_actors
    else:
        sums = {metric.name: add_up(metric, {"": held.rows}) for metric in METRICS if metric.name in SHOWN}
        active = active_actors(held.rows)
    proposals, accepted = (
        sum(number for text, number in sums[TOOL_ACTIONS].items() if text.endswith(end)) for end in ("", ACCEPTED)
    )
    return CodeDay(
        day,
        active_developers=int(sum(active.values())),
        sessions=int(sum(sums[SESSIONS].values())),
        commits=int(sum(sums[COMMITS].values())),
        acceptance=float(accepted) / float(proposals) if proposals else None,
    )
