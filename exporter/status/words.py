"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

MINUS = "\N{MINUS SIGN}"
WHOLE_FROM = 10  # dollars: below it, cents matter
MILLIONS_FROM = 10_000_000
LONGEST_NAME = 60
NOT_REPORTED = "not reported"
RIGHT_PERCENT = 0.1
MILLION, BILLION = 1_000_000, 1_000_000_000


def dollars(usd: Decimal | None) -> str:
    """`$1,234`, `$12.34`; a day that is not reported is no zero."""
    if usd is None:
        return NOT_REPORTED
    if abs(usd) >= MILLIONS_FROM:
        size = f"{abs(usd) / MILLION:,.1f} M"
    else:
        size = f"{abs(usd):,.0f}" if abs(usd) >= WHOLE_FROM or usd == 0 else f"{abs(usd):,.2f}"
    return f"{MINUS if usd < 0 else ''}${size}"


def change(usd: Decimal | None) -> str:
    if usd is None:
        return ""
    return dollars(usd) if usd <= 0 else f"+{dollars(usd)}"


def percent(now: Decimal | None, before: Decimal | None) -> str:
    """The change in percent, without decimals; "new" from nothing."""
    if now is None or before is None or (now == before == 0):
        return ""
    if before <= 0:
        return "new" if now > 0 and before == 0 else ""
    ratio = now / before - 1
    if ratio >= MILLION:
        return "new"
    rounded = round(100 * ratio)
    return f"{'±' if rounded == 0 else MINUS if rounded < 0 else '+'}{abs(rounded):,} %"


def count(number: int) -> str:
    if number >= BILLION:
        return f"{number / BILLION:,.2f} billion"
    return f"{number / MILLION:,.1f} million" if number >= MILLION else f"{number:,}"


def ratio(share: float | None) -> str:
    return "none proposed" if share is None else f"{100 * share:.0f} %"


def error(share: float) -> str:
    """Of estimates: `right to 0.1 %`, `2.3 % too high`."""
    percent_off = 100 * share
    if abs(percent_off) < RIGHT_PERCENT:
        return f"right to {RIGHT_PERCENT} %"
    return f"{abs(percent_off):.1f} % too {'high' if percent_off > 0 else 'low'}"


def day(of: date) -> str:
    return f"{of:%a} {of.day} {of:%b}"


def month(of: date) -> str:
    return f"{of:%B}"


def moment(at: datetime) -> str:
    return f"{at:%H:%M} UTC"


def date_and_time(at: datetime) -> str:
    return f"{at.day} {at:%b} {at:%H:%M}"


def since(past: datetime, now: datetime) -> str:
    """`4 min`: how much time lies between; never negative, for clocks are set."""
    return span(max(timedelta(), now - past))


def span(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    for unit, size, most in (("s", 1, 60), ("min", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds < most:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86_400} days"


def short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
