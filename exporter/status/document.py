"""What the page and `/api/v1/status` say, organization by organization. Dollars are exact; unknown is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from exporter.contract.state import Failure, Unserved


class CollectorState(StrEnum):
    """In words that a person reads first."""

    WORKS = "works"
    STARTING = "starting"  # its first refresh is under way
    LATE = "late"  # it does not fail, and has missed three refreshes
    FAILING = "failing"
    NOT_SERVED = "not served"  # the API does not serve it to this key


@dataclass(frozen=True)
class CollectorStatus:
    """A job; `next_try` is when it refreshes next, None while it does."""

    collector: str
    source: str
    state: CollectorState
    interval_seconds: float
    last_success: datetime | None
    data_through: datetime | None
    next_try: datetime | None
    failing_since: datetime | None
    failures_in_a_row: int
    failure: Failure | None
    unserved: tuple[Unserved, ...]
    series: int


@dataclass(frozen=True)
class Amount:
    """What a workspace or model cost on the newest day, and on the same weekday of the week before."""

    name: str
    usd: Decimal
    before_usd: Decimal | None


@dataclass(frozen=True)
class DayCost:
    """A UTC day; `usd` is None where it is not reported, and `workspaces_usd` is in the order of `Spend.workspaces`.

    A day is partial as long as its bill still comes in: until a later day is reported too, or three days have passed.
    `estimated_usd` is what comes to it and no bill has yet, None where nothing is estimated.
    """

    day: date
    usd: Decimal | None
    is_partial: bool
    workspaces_usd: tuple[Decimal, ...] = ()
    estimated_usd: Decimal | None = None


@dataclass(frozen=True)
class NowcastStatus:
    """What is known before the bill: billed, or tokens at learned prices; and how far that is to be trusted.

    `error_ratio` is of the judged days of the last week, each by what it was billed: 0.01 is one percent too much.
    """

    today_usd: Decimal | None
    today_estimated_usd: Decimal | None
    month_to_date_usd: Decimal
    newest_complete: date | None
    error_ratio: float | None
    today_unpriced_tokens: int


@dataclass(frozen=True)
class Spend:
    """Billed cost, but for what says otherwise. The newest day is yesterday with what is estimated of it; without the
    nowcast the newest one that is reported.

    `projected_usd`: month to date, with what is estimated, and for each day that is left the mean of seven days, today
    and yesterday left out; `pace_usd` takes the newest day instead. `days` are the exposed ones, oldest first; of
    `workspaces` the last stands for all others, where there are many.
    """

    month: date
    month_to_date_usd: Decimal | None
    projected_usd: Decimal | None
    pace_usd: Decimal | None
    previous_month_usd: Decimal | None
    newest: date | None
    newest_usd: Decimal | None
    week_before_usd: Decimal | None
    today_usd: Decimal | None
    days: tuple[DayCost, ...]
    workspaces: tuple[str, ...]
    moved_workspaces: tuple[Amount, ...]
    moved_models: tuple[Amount, ...]
    nowcast: NowcastStatus | None = None


@dataclass(frozen=True)
class CodeDay:
    """Claude Code on a day; the acceptance is a ratio, None where nothing was proposed."""

    day: date
    active_developers: int
    sessions: int
    commits: int
    acceptance: float | None


@dataclass(frozen=True)
class ClaudeCodeStatus:
    """The newest complete day with a reading, and the same weekday of the week before."""

    newest: CodeDay | None
    week_before: CodeDay | None


@dataclass(frozen=True)
class OrganizationStatus:
    """`name` is the API's, `label` that of the settings; what is None is switched off, or has no reading yet."""

    name: str | None
    label: str | None
    spend: Spend | None
    today_tokens: int | None
    claude_code: ClaudeCodeStatus | None
    collectors: tuple[CollectorStatus, ...]
    switched_off: tuple[str, ...]


@dataclass(frozen=True)
class About:
    """The process; the API's address has no credentials in it."""

    version: str
    revision: str
    python_version: str
    started_at: datetime
    api_base_url: str
    telemetry_path: str
    is_demo: bool


@dataclass(frozen=True)
class Status:
    about: About
    made_at: datetime
    is_ready: bool
    organizations: tuple[OrganizationStatus, ...]
    exposition_bytes: int = 0  # of an answer that is not compressed
