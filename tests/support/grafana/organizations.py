"""Organizations, and what becomes of them, as an exporter shows them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from tests.support.grafana.history import (
    DAY,
    DEFAULT,
    EPOCH,
    HOUR,
    RESEARCH,
    TODAY,
    YESTERDAY,
    Amount,
    Daily,
    Exporter,
    Gauge,
    Value,
    Workspace,
    active_actors,
    clock,
    collector,
    cost,
    daily,
    gauge,
    growing,
    nowcast,
    proposals,
    start,
    tokens,
)


def prompts(cached: float) -> Exporter:
    """Usually four of five prompt tokens come from the cache; today so many of the same 1e8."""
    days = {"cache_read": daily(8e7, {TODAY: cached}), "uncached_input": daily(2e7, {TODAY: 1e8 - cached})}
    return Exporter([tokens(daily(1e7)), *(tokens(amount, token_type) for token_type, amount in days.items())])


def models(newcomer: float) -> Exporter:
    return Exporter([cost(daily(100)), cost(daily(0, {YESTERDAY: newcomer}), model="claude-sonnet-5")])


def accepting(share: float, of: float = 1000) -> Exporter:
    """Usually four of five; yesterday another share of other many proposals."""
    accepted = daily(800, {YESTERDAY: share * of})
    return Exporter([proposals(accepted, "accepted"), proposals(daily(200, {YESTERDAY: of - share * of}), "rejected")])


def watched(*days: Daily, organization: str = "example") -> Exporter:
    """Whose nowcast is read all the time."""
    read = collector("nowcast", last_success_timestamp_seconds=clock, refresh_interval_seconds=300)
    return Exporter(days, read, instance=f"{organization}:9817", organization=organization)


def runaway(usual: float, more: float, since: timedelta, workspace: Workspace = DEFAULT) -> Exporter:
    """So many dollars a day evenly, and from then on for that day so many more an hour; nothing is billed."""
    return watched(*nowcast(surging(usual, more, since), workspace, billed=daily(0)))


def surging(usual: float, more: float, since: timedelta) -> Amount:
    begins = EPOCH + since

    def amount(day: date, now: datetime) -> float | None:
        so_far = growing(daily(usual))(day, now) or 0
        until = min(now, start(day) + DAY)
        return so_far + more * max(until - begins, timedelta(0)) / HOUR if day == begins.date() else so_far

    return amount


def outpacing(usual: float, on: date, amount: float, workspace: Workspace = DEFAULT) -> Exporter:
    """So many dollars a day evenly, and on one day another amount; nothing is billed."""
    return watched(*nowcast(growing(daily(usual, {on: amount})), workspace, billed=daily(0)))


def estimating(error: float) -> Exporter:
    """A hundred dollars a day, and what would have been estimated three to nine days later."""

    def judged(day: date, now: datetime) -> float | None:
        return error if 3 <= (now.date() - day).days <= 9 else None

    return watched(cost(daily(100)), Daily("anthropic_cost_nowcast_error_ratio", {"of": "metered"}, judged, 12))


def api_key(*, status: str = "active", **timestamps: float) -> list[Gauge]:
    workspace = {"workspace": RESEARCH.name, "workspace_id": RESEARCH.identifier}
    key = {"api_key_id": "apikey_01", "api_key": "batch", "status": status, "created_by": "user_01"}
    times = {f"anthropic_api_key_{end}_timestamp_seconds": seconds for end, seconds in timestamps.items()}
    return [
        gauge("anthropic_api_key_info", 1, **workspace, **key),
        *collector("organization", last_success_timestamp_seconds=1),
        *(gauge(name, seconds, api_key_id="apikey_01") for name, seconds in times.items()),
    ]


def listed(workspace: Workspace) -> Gauge:
    """In the organization's list, whether or not it costs anything."""
    return gauge("anthropic_workspace_info", 1, workspace=workspace.name, workspace_id=workspace.identifier)


def failing(reason: str, other: str, **state: float) -> list[Gauge]:
    return [
        *collector("cost", **state),
        gauge("anthropic_exporter_collector_failing", 1, collector="cost", reason=reason),
        gauge("anthropic_exporter_collector_failing", 0, collector="cost", reason=other),
    ]


def report(name: str, rows: Collection[date], days: int, at: timedelta = timedelta(0)) -> Exporter:
    """A collector that works, and has rows of these days only, each from so long after the day's start on."""

    def amount(day: date, now: datetime) -> float:
        return float(day in rows and now - start(day) >= at)

    def through(now: datetime) -> float | None:
        window = [now.date() - age * DAY for age in range(days)]
        return next((min(start(day) + DAY, now).timestamp() for day in window if amount(day, now)), None)

    by_day = {"usage": tokens, "claude_code": active_actors}[name](amount, days=days)
    return Exporter([by_day], collector(name, up=1, data_through_timestamp_seconds=through))


def near_limit(peak: float) -> Exporter:
    """Of a hundred tokens a minute; another limit of the group is far away."""
    group = {"group": "Claude Opus 5.x", "group_id": "rlg_01"}
    used = {"output_tokens_per_minute": peak, "input_tokens_per_minute_cache_aware": 10}
    ceilings = {**dict.fromkeys(used, 100), "requests_per_minute": 1}
    return Exporter(
        gauges=[
            *(
                gauge("anthropic_usage_peak_tokens_per_minute", tokens, **group, limiter=each)
                for each, tokens in used.items()
            ),
            *(
                gauge("anthropic_rate_limit", ceiling, **group, group_type="model_group", limiter=each, unit="x")
                for each, ceiling in ceilings.items()
            ),
        ]
    )


def spend_limits(*, of: Workspace | None = None, period: str = "monthly", **usd: float) -> list[Gauge]:
    """By scope; `of` the workspace where that is the scope."""
    name, identifier = of or ("none", "none")
    labels = {"workspace": name, "workspace_id": identifier, "period": period}
    return [gauge("anthropic_spend_limit_usd", each, scope=scope, **labels) for scope, each in usd.items()]


def nothing_served(**usage: Value | float) -> Exporter:
    """Two collectors that are refused, but for what is said of one of them."""
    up = gauge("anthropic_exporter_up", 0)
    return Exporter(gauges=[up, *collector("cost", available=0), *collector("usage", **{"available": 0, **usage})])


def ago(span: timedelta) -> Value:
    return lambda now: (now - span).timestamp()


def at_first(before: float, then: float | None) -> Value:
    return lambda now: before if minute_of(now) < 5 else then


def minute_of(now: datetime) -> int:
    return int(now.timestamp()) // 60
