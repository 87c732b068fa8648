"""When a day's bill is published: late, row by row, and not for good.

Days appear in order: none has a row before the day before it is complete.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

from exporter.demo.simulation.cost import CostKey, CostRow

DAY = timedelta(days=1)
# Hours after the day's end.
FIRST_ROWS = (3.0, 10.0)
COMPLETE, COMPLETE_LATE, LATE_CHANCE = (26.0, 34.0), (50.0, 66.0), 0.05
HOUR = timedelta(hours=1)
LATE_DAYS = 3  # that a late one can hold up, itself among them
# Of the time between a day's first row and its last, when a row appears at the latest.
LAST_APPEARANCE = 0.9
REVISED, REVISED_DAYS = 0.06, 12.0
MOST_REVISION = 300  # ten thousandths
HUNDREDTHS, TEN_THOUSANDTHS = 100, 10_000


class Line(NamedTuple):
    """A row of the bill: what it says at first and in the end, and when it appears, is whole and is revised."""

    key: CostKey
    first: Decimal
    revision: Decimal
    appears: datetime
    whole: datetime
    revised: datetime

    @property
    def final(self) -> Decimal:
        return self.first * self.revision

    def amount(self, at: datetime) -> Decimal:
        if at < self.appears:
            return Decimal(0)
        if at < self.whole:
            share = (at - self.appears) / (self.whole - self.appears)
            return self.first * int(share * HUNDREDTHS) / HUNDREDTHS
        return self.final if at >= self.revised else self.first


class Bill:
    """Of a day, at any moment."""

    def __init__(self, seed: int, day: date, rows: Iterable[CostRow]) -> None:
        begins, complete = first_row_at(seed, day), complete_at(seed, day)
        rng = Random(f"{seed}/{day}/bill")
        self._lines = [_line(row, begins, complete, rng) for row in rows]
        self.revisions: Mapping[CostKey, Decimal] = {line.key: line.revision for line in self._lines}

    def rows(self, at: datetime) -> list[CostRow]:
        """As published by then."""
        return [CostRow(line.key, amount) for line in self._lines if (amount := line.amount(at))]

    @property
    def final(self) -> list[CostRow]:
        return [CostRow(line.key, line.final) for line in self._lines]


def _line(row: CostRow, begins: datetime, complete: datetime, rng: Random) -> Line:
    appears = begins + (complete - begins) * rng.uniform(0, LAST_APPEARANCE)
    whole = appears + (complete - appears) * rng.uniform(0, 1)
    revised = complete + DAY * rng.uniform(0, REVISED_DAYS)
    revision = rng.randint(-MOST_REVISION, MOST_REVISION) if rng.random() < REVISED else 0
    return Line(row.key, row.amount, 1 + Decimal(revision) / TEN_THOUSANDTHS, appears, whole, revised)


def first_row_at(seed: int, day: date) -> datetime:
    own = _end(day) + HOUR * Random(f"{seed}/{day}/first-rows").uniform(*FIRST_ROWS)
    return max(own, complete_at(seed, day - DAY))


def complete_at(seed: int, day: date) -> datetime:
    """When every row is whole, though it may be revised; an hour after the day before at the earliest."""
    return max(_alone(seed, day - n * DAY) + n * HOUR for n in range(LATE_DAYS))


def _alone(seed: int, day: date) -> datetime:
    """When a day would be complete if no other were."""
    rng = Random(f"{seed}/{day}/complete")
    return _end(day) + HOUR * rng.uniform(*(COMPLETE_LATE if rng.random() < LATE_CHANCE else COMPLETE))


def _end(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + DAY
