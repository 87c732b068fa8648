"""Prices as factors over list value, from the newest complete days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import fsum

from exporter.nowcast.books import NOTHING, WEB_SEARCH, Billed, Book, Line, PriceKey
from exporter.nowcast.list_prices import MILLION, WEB_SEARCH_USD, ListPrices, family_of

WINDOW_DAYS = 7
# Less than that says nothing about a price.
LEAST_LISTED_USD = 1.0
LEAST_UNITS, LEAST_BILLED_USD = 10_000, 0.01
# A new price moves all cells of a model and token type alike, a new mix does not.
LEAST_CELL_USD = 0.10
LEAST_CELLS = 2
LEAST_CHANGE = 0.02
AGREEMENT = 0.01
LEAST_AGREEING = 0.6

# From narrow to wide; tokens of a model without list price are not compared across token types.
Class = Callable[[PriceKey], Hashable]
NARROW: tuple[Class, ...] = (lambda key: key, lambda key: key[1:])
WIDE: tuple[Class, ...] = (
    lambda key: (key.model, key.service_tier),
    lambda key: key.model,
    lambda key: family_of(key.model),
)

Cell = tuple[str, str, str, str]


@dataclass(frozen=True)
class Prices:
    """What is paid for what: `factors` by class, narrow to wide."""

    list_prices: ListPrices
    billed: Billed
    factors: Sequence[Mapping[Hashable, float]]

    def usd_per_unit(self, key: PriceKey, times: float) -> float | None:
        """Of a token or search, where `times` are the multipliers of its list price; None without any price."""
        listed, factor = self.listed_usd(key), self.factor(key)
        if listed is None:
            return None if factor is None else factor * times
        return listed * times * (1.0 if factor is None else factor)

    def factor(self, key: PriceKey, *, of_workspace: bool = True) -> float | None:
        """What is paid over what is listed, or over a token where nothing is; None where no bill says."""
        key = self.billed.key(key)
        classes = zip((*NARROW, *WIDE), self.factors, strict=True)
        found = (factors.get(class_of(key)) for class_of, factors in islice(classes, 0 if of_workspace else 1, None))
        return next((factor for factor in found if factor is not None), None)

    def listed_usd(self, key: PriceKey) -> float | None:
        if key.token_type == WEB_SEARCH:
            return WEB_SEARCH_USD
        price = self.list_prices.of(key.model)
        return price.of(key.token_type) / MILLION if price else None


def learn(books: Sequence[Book], list_prices: ListPrices) -> Prices:
    """From complete days, newest first, of which the first seven are taken."""
    window = books[:WINDOW_DAYS]
    billed = Billed(*(frozenset().union(*values) for values in zip(*(book.billed for book in window), strict=True)))
    days = [_as_billed(book, billed) for book in window]
    taken = _taken(days)
    factors = []
    for position, class_of in enumerate((*NARROW, *WIDE)):
        sums: defaultdict[Hashable, list[Line]] = defaultdict(list)
        unlisted = set()
        for age, entries in enumerate(days):
            for key, entry in entries.items():
                if age >= taken.get((key.model, key.token_type), len(days)):
                    continue
                name = class_of(key)
                if not (key.token_type == WEB_SEARCH or list_prices.of(key.model)):
                    if position >= len(NARROW):
                        continue
                    unlisted.add(name)
                sums[name].append(entry)
        factors.append(_factors(sums, unlisted))
    return Prices(list_prices, billed, factors)


def _as_billed(book: Book, billed: Billed) -> Mapping[PriceKey, Line]:
    entries: dict[PriceKey, Line] = {}
    for key, entry in book.entries.items():
        name = billed.key(key)
        before = entries.get(name)
        entries[name] = Line(*map(sum, zip(before, entry, strict=True))) if before else entry
    return entries


def _factors(sums: Mapping[Hashable, Sequence[Line]], unlisted: Collection[Hashable]) -> dict[Hashable, float]:
    found = {}
    for name, entries in sums.items():
        billed, listed, units = map(fsum, zip(*entries, strict=True))
        if name in unlisted:
            says_enough = units >= LEAST_UNITS and billed >= LEAST_BILLED_USD
        else:
            says_enough = listed >= LEAST_LISTED_USD
        if says_enough:
            found[name] = billed / listed
    return found


def _taken(days: Sequence[Mapping[PriceKey, Line]]) -> Mapping[tuple[str, str], int]:
    """By model and token type: how many of the days, from the newest on, have the price that holds now."""
    cells: defaultdict[tuple[str, str], dict[Cell, list[Line]]] = defaultdict(dict)
    for age, entries in enumerate(days):
        for key, entry in entries.items():
            cell = (key.workspace_id, key.service_tier, key.inference_geo, key.context_window)
            cells[key.model, key.token_type].setdefault(cell, [NOTHING] * len(days))[age] = entry
    taken = {}
    for name, of_cells in cells.items():
        for newest in range(1, len(days)):
            if _has_changed(list(of_cells.values()), newest):
                taken[name] = newest
                break
    return taken


def _has_changed(cells: Sequence[Sequence[Line]], newest: int) -> bool:
    """Whether most of what was billed costs so much more or less than before, by the same ratio."""
    ratios = []
    for days in cells:
        billed, listed = (fsum(entry[field] for entry in days[:newest]) for field in (0, 1))
        billed_before, listed_before = (fsum(entry[field] for entry in days[newest:]) for field in (0, 1))
        if min(billed, billed_before) >= LEAST_CELL_USD and listed > 0 and listed_before > 0:
            ratios.append((billed / listed * listed_before / billed_before, billed + billed_before))
    if len(ratios) < LEAST_CELLS:
        return False
    middle, every = _weighted_median(ratios), fsum(weight for _, weight in ratios)
    agreeing = fsum(weight for ratio, weight in ratios if abs(ratio / middle - 1) <= AGREEMENT)
    return abs(middle - 1) > LEAST_CHANGE and agreeing >= LEAST_AGREEING * every


def _weighted_median(values: Iterable[tuple[float, float]]) -> float:
    ordered = sorted(values)
    half = fsum(weight for _, weight in ordered) / 2
    seen = 0.0
    for value, weight in ordered:
        seen += weight
        if seen >= half:
            return value
    return ordered[-1][0]
