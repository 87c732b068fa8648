"""Zeros where something is known to be nothing: one for a workspace and model that has rows on days nearby.

They are needed by workspace, model or organization (medians, means, what has moved, the newest reported day), never
finer, or every key and tier of a single day would be a series on all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple, Protocol, Self, TypeVar

from exporter.contract.days import Day

LONGEST_BEFORE = timedelta(days=11)
LONGEST_AFTER = timedelta(days=7)


class Pair(NamedTuple):
    workspace_id: str
    model: str


class Paired(Protocol):
    """A row of a report by workspace and model."""

    @property
    def pair(self) -> Pair: ...

    @property
    def order(self) -> tuple[str, ...]:
        """All its dimensions: which of several label sets is taken is the same everywhere."""

    def nothing(self) -> Self:
        """A row with the same dimensions and no numbers but zeros."""


R = TypeVar("R", bound=Paired)


@dataclass(frozen=True, eq=False)
class PairedDay(Day[R]):
    @classmethod
    def of(cls, rows: Sequence[R], read_at: datetime, before: PairedDay[R] | None) -> PairedDay[R]:
        """The earlier day itself where its rows are equal."""
        return before if before and before.rows == rows else cls(rows, read_at)

    @cached_property
    def zeros(self) -> Mapping[Pair, R]:
        """A row of nothing for each pair that the day has."""
        smallest: dict[Pair, R] = {}
        for row in self.rows:
            before = smallest.get(row.pair)
            if before is None or row.order < before.order:
                smallest[row.pair] = row
        return {pair: row.nothing() for pair, row in smallest.items()}


def zero_rows(reported: Iterable[date], days: Mapping[date, PairedDay[R]]) -> dict[date, tuple[R, ...]]:
    """The rows of nothing to add to each of the reported days.

    A pair of workspace and model that has no row on the day, but one on a day at most 11 days older or 7 newer, gets
    one, with a label set of theirs; so does a day that would have none at all, where any day has one.
    """
    any_row = min((row for held in days.values() for row in held.zeros.values()), key=_order, default=None)
    filled: dict[date, tuple[R, ...]] = {}
    for day in reported:
        there = days[day].zeros.keys() if day in days else frozenset[Pair]()
        nearby: dict[Pair, R] = {}
        for other, held in days.items():
            if day - LONGEST_BEFORE <= other <= day + LONGEST_AFTER:
                for pair, row in held.zeros.items():
                    if pair not in there and (pair not in nearby or row.order < nearby[pair].order):
                        nearby[pair] = row
        zeros = tuple(nearby[pair] for pair in sorted(nearby))
        filled[day] = (any_row,) if any_row is not None and not (there or zeros) else zeros
    return filled


def _order(row: Paired) -> tuple[str, ...]:
    return row.order
