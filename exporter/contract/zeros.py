"""Zeros where something is known to be nothing: one for a workspace and model that has rows on days nearby.

They are needed by workspace, model or organization (medians, means, what has moved, the newest reported day), never
finer, or every key and tier of a single day would be a series on all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
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
    @cached_property
    def zeros(self) -> Mapping[Pair, tuple[tuple[str, ...], R]]:
        """A row of nothing for each pair that the day has, with its order."""
        smallest: dict[Pair, tuple[tuple[str, ...], R]] = {}
        for row in self.rows:
            pair, order = row.pair, row.order
            if pair not in smallest or order < smallest[pair][0]:
                smallest[pair] = order, row
        return {pair: (order, row.nothing()) for pair, (order, row) in smallest.items()}

    @cached_property
    def pairs(self) -> frozenset[Pair]:
        return frozenset(self.zeros)


def zero_rows(reported: Iterable[date], days: Mapping[date, PairedDay[R]]) -> dict[date, tuple[R, ...]]:
    """The rows of nothing to add to each of the reported days.

    A pair of workspace and model that has no row on the day, but one on a day at most 11 days older or 7 newer, gets
    one, with a label set of theirs; so does a day that would have none at all, where any day has one.
    """
    filled: dict[date, tuple[R, ...]] = {}
    # Most days of a large organization have the same pairs.
    same: dict[frozenset[Pair], frozenset[Pair]] = {}
    pairs = {day: same.setdefault(held.pairs, held.pairs) for day, held in days.items()}
    anything: tuple[R, ...] | None = None
    for day in reported:
        there = pairs.get(day, frozenset())
        nearby: dict[Pair, tuple[tuple[str, ...], R]] = {}
        for other, held in days.items():
            if pairs[other] is not there and day - LONGEST_BEFORE <= other <= day + LONGEST_AFTER:
                for pair in pairs[other] - there:
                    zero = held.zeros[pair]
                    if pair not in nearby or zero[0] < nearby[pair][0]:
                        nearby[pair] = zero
        if there or nearby:
            filled[day] = tuple(nearby[pair][1] for pair in sorted(nearby))
        else:
            anything = _any(days.values()) if anything is None else anything
            filled[day] = anything
    return filled


def _any(days: Iterable[PairedDay[R]]) -> tuple[R, ...]:
    """One row, the same everywhere; none where there is none."""
    every = [zero for held in days for zero in held.zeros.values()]
    return (min(every, key=lambda zero: zero[0])[1],) if every else ()
