"""What the page may have to tell, made up: every state that a person may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from exporter.contract.state import Failure, Reason, Unserved
from exporter.status.document import (
    About,
    Amount,
    ClaudeCodeStatus,
    CodeDay,
    CollectorState,
    CollectorStatus,
    DayCost,
    NowcastStatus,
    OrganizationStatus,
    Spend,
    Status,
)

NOW = datetime(2026, 11, 26, 12, 30, 15, tzinfo=UTC)
TODAY = NOW.date()
ABOUT = About("1.2.3", "revision", "3.11.9", NOW - timedelta(hours=30), "https://api.anthropic.com", "/metrics", False)
WORKSPACES = ("Production", 'R&D "alpha"', "default", "Claude Code", "Data Platform", "Evaluations")
WEIGHTS = (40, 20, 12, 11, 9, 8)
COLLECTORS = ("cost", "usage", "nowcast", "claude_code", "organization", "limits")
REFUSED = Failure(
    Reason.AUTH,
    "cost_report",
    "invalid x-api-key; the key looks like a workspace's key (sk-ant-api03-…); an Admin key begins with sk-ant-admin "
    "(Console > Settings > Admin keys)",
    401,
    "req_011CVexample",
    NOW - timedelta(minutes=3),
)
GATEWAY = replace(
    REFUSED, reason=Reason.SERVER, endpoint="usage_report/messages", message="text/html, 'Bad gateway'", status=502
)


def status(
    now: datetime = NOW, *organizations: OrganizationStatus, telemetry_path: str = "/metrics", is_demo: bool = False
) -> Status:
    about = replace(ABOUT, telemetry_path=telemetry_path, is_demo=is_demo)
    return Status(about, now, is_ready=True, organizations=organizations)


def collector(name: str, **changes: Any) -> CollectorStatus:  # noqa: ANN401  as in replace
    works = CollectorStatus(
        collector=name,
        source="admin",
        state=CollectorState.WORKS,
        interval_seconds=900,
        last_success=NOW - timedelta(minutes=4),
        data_through=NOW - timedelta(hours=12, minutes=30, seconds=15),
        next_try=NOW + timedelta(minutes=11),
        failing_since=None,
        failures_in_a_row=0,
        failure=None,
        unserved=(),
        series=3_551,
    )
    return replace(works, **changes)


def days(newest: date, count: int = 31, unreported: int = 1, spike: bool = False) -> tuple[DayCost, ...]:
    def of(age: int) -> DayCost:
        day = newest - timedelta(days=age)
        if age < unreported:
            return DayCost(day, None, is_partial=False)
        total = Decimal(1000 if day.weekday() < 5 else 400)
        parts = [total * weight / 100 for weight in WEIGHTS]
        if spike and age == unreported:
            parts[0] += 3_600
        return DayCost(day, sum(parts, Decimal(0)), age == unreported, tuple(parts))

    return tuple(of(age) for age in reversed(range(count)))


def spend(today: date = TODAY, *, unreported: int = 1, is_spike: bool = False) -> Spend:
    found = days(today, unreported=unreported, spike=is_spike)
    newest = today - timedelta(days=max(1, unreported))
    by_day = {each.day: each.usd for each in found}
    moved = tuple(
        Amount(name, usd, before)
        for name, usd, before in zip(
            WORKSPACES, found[-1 - unreported].workspaces_usd, found[-8 - unreported].workspaces_usd, strict=False
        )
    )
    return Spend(
        month=today.replace(day=1),
        month_to_date_usd=sum((each.usd or Decimal(0) for each in found if each.day.month == today.month), Decimal(0)),
        projected_usd=Decimal(25_800),
        pace_usd=Decimal(41_300) if is_spike else Decimal(26_100),
        previous_month_usd=Decimal("25938.12"),
        newest=newest,
        newest_usd=by_day[newest],
        week_before_usd=by_day[newest - timedelta(days=7)],
        today_usd=by_day[today],
        days=found,
        workspaces=WORKSPACES,
        moved_workspaces=moved,
        moved_models=(Amount("claude-opus-5-5", Decimal(500), Decimal(387)), Amount("none", Decimal(12), Decimal(12))),
    )


def before_the_bill(today: date = TODAY) -> Spend:
    """Two days are not billed, and the one before in part."""
    billed = spend(today, unreported=2)
    shares = {
        today: Decimal("412.5"),
        today - timedelta(days=1): Decimal(1_030),
        today - timedelta(days=2): Decimal(90),
    }
    known = NowcastStatus(
        today_usd=Decimal("412.5"),
        today_estimated_usd=Decimal("412.5"),
        month_to_date_usd=(billed.month_to_date_usd or Decimal(0)) + sum(shares.values()),
        newest_complete=today - timedelta(days=3),
        error_ratio=-0.0132,
        today_unpriced_tokens=74_500_000,
    )
    days = tuple(replace(each, estimated_usd=shares.get(each.day)) for each in billed.days)
    return replace(billed, days=days, nowcast=known)


def organization(name: str | None = "Northwind Robotics", **changes: Any) -> OrganizationStatus:  # noqa: ANN401  as in replace
    yesterday = TODAY - timedelta(days=1)
    ordinary = OrganizationStatus(
        name=name,
        label=None,
        spend=spend(),
        today_tokens=3_310_000_000,
        claude_code=ClaudeCodeStatus(
            CodeDay(yesterday, 47, 249, 100, 0.91), CodeDay(yesterday - timedelta(days=7), 49, 248, 105, None)
        ),
        collectors=tuple(map(collector, COLLECTORS)),
        switched_off=(),
    )
    return replace(ordinary, **changes)


def failing(
    *names: str, failure: Failure = GATEWAY, last_success: datetime | None = NOW - timedelta(hours=2)
) -> Sequence[CollectorStatus]:
    changes: dict[str, Any] = {
        "state": CollectorState.FAILING,
        "failure": failure,
        "failing_since": NOW - timedelta(hours=2),
        "failures_in_a_row": 12,
        "last_success": last_success,
    }
    return tuple(collector(name, **(changes if name in names else {})) for name in COLLECTORS)


NOTHING: dict[str, Any] = {"spend": None, "today_tokens": None, "claude_code": None}
UNSEEN = tuple(
    collector(
        name,
        state=CollectorState.NOT_SERVED,
        last_success=None,
        data_through=None,
        series=0,
        unserved=(Unserved(f"{name}_report", "this key has no access to the Admin API", 403, "req_011CVexample"),),
    )
    for name in COLLECTORS
)
LONG_NAME = "<script>alert(1)</script> \N{RIGHT-TO-LEFT OVERRIDE}& \N{PILE OF POO} " + "long " * 2_000
STATES: dict[str, Status] = {
    "ordinary": status(NOW, organization()),
    "large": replace(status(NOW, organization()), exposition_bytes=34 << 20),
    "spike": status(NOW, organization(spend=spend(is_spike=True)), is_demo=True),
    "before_the_bill": status(NOW, organization(spend=before_the_bill())),
    "nothing_is_complete": status(
        NOW,
        organization(
            spend=replace(
                spend(unreported=4),
                nowcast=NowcastStatus(None, None, Decimal(0), None, None, 0),
            )
        ),
    ),
    "failing": status(NOW, organization(collectors=failing("usage"))),
    "refused": status(
        NOW, organization(None, **NOTHING, collectors=failing(*COLLECTORS, failure=REFUSED, last_success=None))
    ),
    "sees_nothing": status(NOW, organization(None, **NOTHING, collectors=UNSEEN)),
    "starting": status(
        NOW,
        organization(
            None,
            **NOTHING,
            collectors=tuple(
                collector(
                    name, state=CollectorState.STARTING, last_success=None, data_through=None, next_try=None, series=0
                )
                for name in COLLECTORS
            ),
        ),
    ),
    "late": status(
        NOW,
        organization(
            collectors=(
                collector("cost", state=CollectorState.LATE, last_success=NOW - timedelta(hours=3)),
                *map(collector, COLLECTORS[1:]),
            )
        ),
    ),
    "two_days_late": status(NOW, organization(spend=spend(unreported=2))),
    "nothing_reported": status(
        NOW,
        organization(
            spend=replace(
                spend(),
                month_to_date_usd=None,
                projected_usd=None,
                pace_usd=None,
                previous_month_usd=None,
                newest=None,
                newest_usd=None,
                week_before_usd=None,
                days=tuple(replace(each, usd=None, workspaces_usd=(), is_partial=False) for each in days(TODAY)),
                workspaces=(),
                moved_workspaces=(),
                moved_models=(),
            ),
            today_tokens=None,
            claude_code=ClaudeCodeStatus(None, None),
        ),
    ),
    "without_claude_code": status(
        NOW,
        organization(
            claude_code=None,
            collectors=tuple(map(collector, ("cost", "usage"))),
            switched_off=("claude_code", "organization"),
        ),
    ),
    "odd_names": status(
        NOW,
        organization(
            LONG_NAME,
            spend=replace(
                spend(),
                workspaces=(LONG_NAME, *WORKSPACES[1:]),
                moved_workspaces=(Amount(LONG_NAME, Decimal(12_345_678), Decimal("0.01")),),
            ),
        ),
    ),
    "organizations": status(
        NOW,
        *(organization(None, label=f"company-{number}") for number in range(4)),
        organization(None, label="failing", collectors=failing(*COLLECTORS)),
        *(organization(None, label=f"more-{number}") for number in range(200)),
    ),
    "no_organization": status(NOW),
}
