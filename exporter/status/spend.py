"""What the organization is billed, as the Cost dashboard and the alerts have it: of the exposed days alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from exporter.contract.cost import CENTS, CostReading
from exporter.contract.days import ONE_DAY, day_range, exposed_days, midnight, month_of, through
from exporter.contract.names import Names
from exporter.contract.nowcast import CostNowcast
from exporter.status.document import Amount, DayCost, Spend
from exporter.status.estimates import day_usd, estimated_usd, nowcast_of

# Cost may be more than a day late; it counts as reported three days after the day's end at the latest.
NEWEST_AGES = range(1, 5)
# Seven days, the newest two left out.
MEAN_AGES = range(2, 9)
A_WEEK = timedelta(days=7)
MOST_WORKSPACES = 7
MOST_MOVED = 5
NOTHING = Decimal(0)

Dollars = dict[str, Decimal]


@dataclass
class _Day:
    """What a reported day cost, by workspace ID and by model."""

    usd: Decimal = NOTHING
    workspaces: Dollars = field(default_factory=dict)
    models: Dollars = field(default_factory=dict)

    def add(self, usd: Decimal, workspace_id: str, model: str) -> None:
        self.usd += usd
        self.workspaces[workspace_id] = self.workspaces.get(workspace_id, NOTHING) + usd
        self.models[model] = self.models.get(model, NOTHING) + usd


Days = Mapping[date, _Day]


def spend(reading: CostReading, names: Names, today: date, days: int, nowcast: CostNowcast | None = None) -> Spend:
    """With `days` exposed; from the nowcast on what is not billed yet, where there is one."""
    exposed = exposed_days(today, days)
    of = {day: _day(reading, names, day) for day in exposed if reading.is_reported(day)}
    known_days = of if nowcast is None else {**of, **_of_nowcast(nowcast, names, today - ONE_DAY)}
    newest = next((day for age in NEWEST_AGES if (day := today - age * ONE_DAY) in known_days), None)
    days_of_mean = [day for day in exposed if (today - day) // ONE_DAY in MEAN_AGES]
    week = [usd for day in days_of_mean if (usd := _known_usd(nowcast, of, day)) is not None]
    month = month_of(today)
    to_date = _of_days(reading, [day for day in day_range(month, today) if reading.is_reported(day)])
    before = list(day_range(month_of(month - ONE_DAY), month - ONE_DAY))
    places, workspaces = _bars(of, names)
    known = nowcast_of(nowcast, reading, exposed) if nowcast else None
    so_far, known_through = to_date, through(reading.days, reading.read_at)
    if nowcast and known:
        so_far, known_through = known.month_to_date_usd, nowcast.through
    return Spend(
        month=month,
        month_to_date_usd=to_date,
        projected_usd=_month_end(month, so_far, known_through, sum(week, NOTHING) / len(week) if week else None),
        pace_usd=_month_end(month, so_far, known_through, known_days[newest].usd if newest else None),
        previous_month_usd=_of_days(reading, before) if all(map(reading.is_reported, before)) else None,
        newest=newest,
        newest_usd=known_days[newest].usd if newest else None,
        week_before_usd=of[newest - A_WEEK].usd if newest and newest - A_WEEK in of else None,
        today_usd=of[today].usd if today in of else None,
        days=tuple(
            replace(
                _bar(reading, day, of.get(day), today, places, len(workspaces)),
                estimated_usd=estimated_usd(nowcast, day) if nowcast else None,
            )
            for day in reversed(exposed)
        ),
        workspaces=workspaces,
        moved_workspaces=_moved(known_days, newest, lambda day: day.workspaces, lambda each: _name(names, each)),
        moved_models=_moved(known_days, newest, lambda day: day.models, str),
        nowcast=known,
    )


def _day(reading: CostReading, names: Names, day: date) -> _Day:
    found = _Day()
    for row in reading.days[day].rows if day in reading.days else ():
        found.add(row.cents / CENTS, names.workspace(row.workspace_id)[1], row.model)
    return found


def _of_nowcast(nowcast: CostNowcast, names: Names, day: date) -> Days:
    """The day, if it is known."""
    if day not in nowcast.days:
        return {}
    found = _Day()
    for cell in nowcast.days[day].rows:
        found.add(Decimal(repr(cell.usd)), names.workspace(cell.workspace_id or None)[1], cell.model)
    return {day: found}


def _known_usd(nowcast: CostNowcast | None, of: Days, day: date) -> Decimal | None:
    """With what is not billed yet, where there is a nowcast."""
    if nowcast and (usd := day_usd(nowcast, day)) is not None:
        return usd
    return of[day].usd if day in of else None


def _of_days(reading: CostReading, reported: Sequence[date]) -> Decimal | None:
    """None where there is no day."""
    rows = (row for day in reported if day in reading.days for row in reading.days[day].rows)
    return sum((row.cents for row in rows), NOTHING) / CENTS if reported else None


def _month_end(
    month: date, to_date: Decimal | None, known_through: datetime | None, day_usd: Decimal | None
) -> Decimal | None:
    """So much for each day of the month, or part of one, of which nothing is known yet."""
    if day_usd is None or known_through is None:
        return None
    following = month_of(month + 31 * ONE_DAY)
    left = Decimal((midnight(following) - known_through) / ONE_DAY)
    return (to_date or NOTHING) + min(max(left, NOTHING), Decimal((following - month).days)) * day_usd


def _name(names: Names, workspace_id: str) -> str:
    return names.workspaces.get(workspace_id) or workspace_id


def _bars(of: Days, names: Names) -> tuple[Mapping[str, int], tuple[str, ...]]:
    """The place of each workspace ID in a bar, the largest first, and the places' names: the last is of many."""
    totals: Dollars = {}
    for day in of.values():
        for each, usd in day.workspaces.items():
            totals[each] = totals.get(each, NOTHING) + usd
    ordered = sorted(totals, key=lambda each: (-totals[each], each))
    shown = len(ordered) if len(ordered) <= MOST_WORKSPACES else MOST_WORKSPACES - 1
    rest = [f"{len(ordered) - shown} others"] if shown < len(ordered) else []
    return {each: min(place, shown) for place, each in enumerate(ordered)}, (
        *(_name(names, each) for each in ordered[:shown]),
        *rest,
    )


def _bar(
    reading: CostReading, day: date, found: _Day | None, today: date, places: Mapping[str, int], count: int
) -> DayCost:
    if found is None:
        return DayCost(day, None, is_partial=False)
    sums = [NOTHING] * count
    for each, usd in found.workspaces.items():
        sums[places[each]] += usd
    still_comes_in = day == reading.reported_through and day in reading.days
    return DayCost(day, found.usd, day == today or still_comes_in, tuple(sums))


def _moved(
    of: Days, newest: date | None, amounts: Callable[[_Day], Dollars], name: Callable[[str], str]
) -> tuple[Amount, ...]:
    """What has moved most since the week before; what is largest where that day is not there."""
    if newest is None:
        return ()
    now, week_before = amounts(of[newest]), of.get(newest - A_WEEK)
    before = amounts(week_before) if week_before else {}

    def moved(each: str) -> tuple[Decimal, str]:
        return -abs(now.get(each, NOTHING) - before.get(each, NOTHING)), each

    most = sorted({*now, *before}, key=moved)[:MOST_MOVED]
    return tuple(
        Amount(name(each), now.get(each, NOTHING), before.get(each, NOTHING) if week_before else None) for each in most
    )
