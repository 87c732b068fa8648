"""An organization whose money nobody has to be woken for: office hours, weekends, holidays, nightly and weekly jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache, partial
from itertools import accumulate
from math import exp
from random import Random

from tests.support.grafana.history import DAY, Daily, Exporter, Workspace, nowcast, start
from tests.support.grafana.organizations import watched

QUARTER = timedelta(minutes=15)
QUARTERS = DAY // QUARTER
LAG = timedelta(minutes=10)  # how old the newest tokens are
BILLED_AFTER = timedelta(hours=30)
TEAMS = {Workspace(f"Team {size}", f"wrkspc_team_{size}"): float(size) for size in (900, 200, 30)}
JOBS = Workspace("Jobs", "wrkspc_jobs")
MONTHLY = Workspace("Monthly", "wrkspc_monthly")
EXCLUDED = Workspace("Monthly", "wrkspc_01ZyXwVuTsRqPoNmLkJiHgFe")  # by the example in thresholds.yml
NIGHT_USD, WEEK_USD = 120.0, 70.0
HOLIDAYS = {(1, 1), (4, 3), (5, 1), (10, 3), (12, 25)}  # month and day
QUIET_SHARE = 0.2  # of a usual day, on a day off

Quarters = Sequence[float]  # dollars until the end of each


def quiet(seed: int) -> Exporter:
    """Three teams and a workspace of jobs; billed after thirty hours, a little other than estimated."""
    days: list[Daily] = []
    for team, usd in TEAMS.items():
        days += _known(seed, team, partial(_of_team, usd))
    return watched(*days, *_known(seed, JOBS, _of_jobs))


def with_monthly_job(exporter: Exporter, *, is_excluded: bool = False) -> Exporter:
    """Two hundred dollars on the first of each month, in a workspace of its own."""

    def of(day: date, _: Random) -> Quarters:
        return [200.0 * min(max(quarter - 40, 0), 4) / 4 if day.day == 1 else 0.0 for quarter in range(QUARTERS)]

    return replace(exporter, days=[*exporter.days, *_known(0, EXCLUDED if is_excluded else MONTHLY, of)])


def _known(seed: int, workspace: Workspace, of: Callable[[date, Random], Quarters]) -> list[Daily]:
    @cache
    def quarters(day: date) -> tuple[Quarters, float]:
        rng = Random(f"{seed}/{workspace.identifier}/{day}")
        return of(day, rng), rng.gauss(1, 0.004)

    def known(day: date, now: datetime) -> float | None:
        of_day, billed = quarters(day)
        count = min((now - LAG - start(day)) // QUARTER, QUARTERS)
        so_far = of_day[count - 1] if count > 0 else 0.0
        return round(so_far * (billed if _is_billed(day, now) else 1), 2)

    def of_bill(day: date, now: datetime) -> float | None:
        return known(day, now) if _is_billed(day, now) else 0.0

    return nowcast(known, workspace, billed=of_bill)


def _is_billed(day: date, now: datetime) -> bool:
    return now - start(day) >= DAY + BILLED_AFTER


def _of_team(usd: float, day: date, rng: Random) -> Quarters:
    is_off = day.weekday() > 4 or (day.month, day.day) in HOLIDAYS
    whole = usd * (QUIET_SHARE if is_off else 1) * exp(rng.gauss(0, 0.12))
    shift = rng.gauss(0, 0.5)
    weights = [
        (0.15 + exp(-(((quarter / 4 - 14 - shift) / 3.5) ** 2))) * exp(rng.gauss(0, 0.25))
        for quarter in range(QUARTERS)
    ]
    return [whole * share / sum(weights) for share in accumulate(weights)]


def _of_jobs(day: date, rng: Random) -> Quarters:
    """Each night for an hour or so from two or so on, and once a week another at six."""
    parts = [0.5] * QUARTERS
    jobs = [(8 + rng.randrange(-1, 2), rng.randrange(4, 7), NIGHT_USD * exp(rng.gauss(0, 0.08)))]
    if day.weekday() == 0:
        jobs.append((24 + rng.randrange(-1, 2), 3, WEEK_USD * exp(rng.gauss(0, 0.08))))
    for first, length, usd in jobs:
        for quarter in range(first, first + length):
            parts[quarter] += usd / length
    return list(accumulate(parts))
