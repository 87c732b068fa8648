"""What exporters have exposed over time, minute by minute, for `promtool test rules`, whose time begins in 1970."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TODAY = EPOCH.date()
YESTERDAY = TODAY - timedelta(days=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DAYS = 12  # more than any rule looks at; an exporter has 31

# By family of days: their collector, and their month to date.
MONTHS = {
    "anthropic_cost_usd": ("cost", "anthropic_cost_month_to_date_usd"),
    "anthropic_cost_nowcast_usd": ("nowcast", "anthropic_cost_nowcast_month_to_date_usd"),
}

# Of a UTC day, as the API tells it at an instant; None while the day is not reported.
Amount = Callable[[date, datetime], float | None]
Value = Callable[[datetime], float | None]


# What the API tells


def daily(amount: float, on: Mapping[date, float] | None = None) -> Amount:
    """The same each day but for some, told whole as soon as the day begins."""
    return lambda day, _: (on or {}).get(day, amount)


def hourly(amount: float, on: Mapping[datetime, float] | None = None) -> Callable[[datetime], float]:
    """The same each hour but for some."""
    return lambda start: (on or {}).get(start, amount)


def growing(amount: Amount) -> Amount:
    """As much of the day's amount as of the day has passed."""

    def so_far(day: date, now: datetime) -> float | None:
        whole = amount(day, now)
        return whole and whole * min((now - start(day)) / DAY, 1)

    return so_far


def late(amount: Amount, hours: float, *, half: float = 0) -> Amount:
    """Told so many hours after the day's end, if wanted only a half of it for some more."""

    def told(day: date, now: datetime) -> float | None:
        age = now - start(day) - DAY - timedelta(hours=hours)
        whole = amount(day, now)
        if age < timedelta(0) or whole is None:
            return None
        return whole / 2 if age < timedelta(hours=half) else whole

    return told


def start(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


# What an exporter makes of it


@dataclass(frozen=True)
class Daily:
    """A sample for each exposed day."""

    name: str
    labels: Mapping[str, str]
    amount: Amount
    days: int

    def of(self, today: date, now: datetime) -> Iterable[tuple[str, float]]:
        for age in range(self.days):
            amount = self.amount(today - age * DAY, now)
            if amount is not None:
                yield str(age), amount


@dataclass(frozen=True)
class Gauge:
    name: str
    labels: Mapping[str, str]
    value: Value


class Workspace(NamedTuple):
    name: str
    identifier: str


DEFAULT = Workspace("default", "default")
RESEARCH = Workspace("Research", "wrkspc_01AbCdEfGhIjKlMnOpQrStUv")


def cost(amount: Amount, workspace: Workspace = DEFAULT, *, model: str = "claude-opus-4-8", days: int = DAYS) -> Daily:
    named = {"workspace": workspace.name, "workspace_id": workspace.identifier}
    return Daily("anthropic_cost_usd", {**named, "cost_type": "tokens", "model": model}, amount, days)


def nowcast(
    amount: Amount, workspace: Workspace = DEFAULT, *, billed: Amount | None = None, days: int = DAYS
) -> list[Daily]:
    """What the days cost as far as known, and the part of the newest five that is not billed yet."""
    named = {"workspace": workspace.name, "workspace_id": workspace.identifier, "model": "claude-opus-4-8"}

    def estimated(day: date, now: datetime) -> float | None:
        known = amount(day, now)
        of_bill = billed(day, now) if billed else known
        return None if known is None else max(0.0, known - (of_bill or 0))

    return [
        Daily("anthropic_cost_nowcast_usd", named, amount, days),
        Daily("anthropic_cost_nowcast_estimated_usd", named, estimated, 5),
    ]


def unpriced(amount: Amount, *, tier: str = "standard") -> Daily:
    labels = {"model": "claude-next", "token_type": "output", "service_tier": tier}
    return Daily("anthropic_unpriced_tokens", labels, amount, DAYS)


def tokens(amount: Amount, token_type: str = "output", *, days: int = 10) -> Daily:
    named = {"workspace": "default", "workspace_id": "default", "token_type": token_type}
    return Daily("anthropic_usage_tokens", named, amount, days)


HOURS = (1, *range(25, 170, 24))  # that are looked at


def hours(
    amount: Callable[[datetime], float | None], workspace: Workspace = DEFAULT, token_type: str = "output"
) -> list[Gauge]:
    """Tokens of the last full hour and of the same one of the seven days before, each by its start."""
    named = {"workspace": workspace.name, "workspace_id": workspace.identifier, "token_type": token_type}

    def of(ago: int) -> Value:
        return lambda now: amount(now.replace(minute=0, second=0, microsecond=0) - ago * HOUR)

    return [gauge("anthropic_usage_hour_tokens", of(ago), **named, hours_ago=str(ago)) for ago in HOURS]


def proposals(amount: Amount, decision: str) -> Daily:
    labels = {"actor": "all", "tool": "edit", "decision": decision}
    return Daily("anthropic_claude_code_tool_actions", labels, amount, 9)


def active_actors(amount: Amount, *, days: int = 9) -> Daily:
    labels = {"actor_type": "user", "customer_type": "api"}
    return Daily("anthropic_claude_code_active_actors", labels, amount, days)


def always(value: float) -> Value:
    return lambda _: float(value)


def clock(now: datetime) -> float:
    return now.timestamp()


def gauge(name: str, value: Value | float, **labels: str) -> Gauge:
    return Gauge(name, labels, value if callable(value) else always(value))


def collector(name: str, **state: Value | float) -> list[Gauge]:
    """A collector's own families, `state` by the end of the family's name."""
    return [gauge(f"anthropic_exporter_collector_{end}", value, collector=name) for end, value in state.items()]


@dataclass(frozen=True)
class Exporter:
    days: Sequence[Daily] = ()
    gauges: Sequence[Gauge] = ()
    instance: str = "exporter-0:9817"
    organization: str = "example"
    target: Mapping[str, str] = field(default_factory=dict)
    behind: timedelta = timedelta(0)  # so much after midnight it is scraped with the new day
    scraped: Callable[[datetime], bool] = lambda _: True

    def samples(self, now: datetime) -> dict[str, float]:
        if not self.scraped(now):
            return {}
        today = (now - self.behind).date()
        found = dict(self._calendar(today))
        found[self._series("anthropic_exporter_up", {}, of_organization=True)] = 1
        for each in self.days:
            for age, amount in each.of(today, now):
                found[self._series(each.name, each.labels, of_organization=True, days_ago=age)] = amount
        found |= self._months(today, now)
        for one in self.gauges:
            value = one.value(now)
            if value is not None:
                of_organization = one.name != "anthropic_exporter_demo"
                found[self._series(one.name, one.labels, of_organization=of_organization)] = value
        return found

    def _calendar(self, today: date) -> Iterable[tuple[str, float]]:
        for age in range(DAYS):
            day = today - age * DAY
            labels = {"days_ago": str(age), "date": day.isoformat(), "weekday": f"{day:%a}"}
            yield self._series("anthropic_exporter_day_info", labels), 1
            name = "anthropic_exporter_bucket_start_timestamp_seconds"
            yield self._series(name, {"days_ago": str(age)}), start(day).timestamp()

    def _months(self, today: date, now: datetime) -> dict[str, float]:
        """Month to date of each workspace, and how far each report reaches."""
        found: dict[str, float] = {}
        through: dict[str, datetime] = {}
        for each in self.days:
            if each.name not in MONTHS:
                continue
            collector, month = MONTHS[each.name]
            labels = {name: each.labels[name] for name in ("workspace", "workspace_id")}
            series = self._series(month, labels, of_organization=True)
            for age, amount in each.of(today, now):
                day = today - int(age) * DAY
                through[collector] = max(through.get(collector, EPOCH - 99 * DAY), min(start(day) + DAY, now))
                if (day.year, day.month) == (today.year, today.month):
                    found[series] = found.get(series, 0) + amount
        name = "anthropic_exporter_collector_data_through_timestamp_seconds"
        for collector, moment in through.items():
            found[self._series(name, {"collector": collector}, of_organization=True)] = moment.timestamp()
        return found

    def _series(self, name: str, labels: Mapping[str, str], *, of_organization: bool = False, **more: str) -> str:
        organization = {"organization": self.organization} if of_organization and self.organization else {}
        every = {"job": "anthropic", "instance": self.instance, **self.target, **organization, **labels, **more}
        return _text(name, tuple(every.items()))


@cache
def _text(name: str, labels: tuple[tuple[str, str], ...]) -> str:
    return f"{name}{{{', '.join(f'{label}={json.dumps(value)}' for label, value in labels)}}}"


def replicas(exporter: Exporter, name: str = "exporter", behind: timedelta = timedelta(0)) -> list[Exporter]:
    """The exporter, and one that has read the workspaces' names before it, when they were others."""

    def renamed(labels: Mapping[str, str]) -> Mapping[str, str]:
        return {label: f"old {value}" if label == "workspace" else value for label, value in labels.items()}

    return [
        replace(
            exporter,
            days=[replace(each, labels=renamed(each.labels)) for each in exporter.days],
            gauges=[*(replace(each, labels=renamed(each.labels)) for each in exporter.gauges), *_names_read_at(0)],
            instance=f"{name}-1:9817",
            target={"pod": f"{name}-1", "node": "node-1"},
            behind=behind,
        ),
        replace(
            exporter,
            gauges=[*exporter.gauges, *_names_read_at(1)],
            instance=f"{name}-0:9817",
            target={"pod": f"{name}-0", "node": "node-0"},
        ),
    ]


def _names_read_at(seconds: float) -> list[Gauge]:
    return collector("organization", last_success_timestamp_seconds=seconds)


# In promtool's words


def input_series(
    exporters: Sequence[Exporter],
    end: timedelta,
    step: timedelta,
    *,
    federated: bool = False,
    since: timedelta = timedelta(0),
) -> list[dict[str, str]]:
    """`since` is how long after the epoch the first sample was scraped."""
    count = end // step + 1
    history: dict[str, list[float | None]] = {}
    for number in range(count):
        for exporter in exporters:
            for series, value in exporter.samples(EPOCH + since + number * step).items():
                history.setdefault(series, [None] * count)[number] = value
    return [{"series": series, "values": notation(values, federated=federated)} for series, values in history.items()]


def notation(values: Sequence[float | None], *, federated: bool = False) -> str:
    """Expanding notation. A sample that is gone is stale, as after a scrape without it; but for five minutes it stays
    where another Prometheus is scraped.
    """
    words: list[str] = []
    for value, run in groupby(values):
        count = len(list(run))
        if value is not None:
            words.append(f"{value!r}+0x{count - 1}")
        elif federated or not words:
            words.append(f"_x{count}")
        else:
            words.append(f"stale _x{count - 1}" if count > 1 else "stale")
    return " ".join(words)
