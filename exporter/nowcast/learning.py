"""Prices as factors over list value, from the newest complete days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Any

from exporter.contract.labels import NONE
from exporter.nowcast.books import WEB_SEARCH, Billed, Book, Line, PriceKey
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

Cell = tuple[str, str, str, str]
Amounts = tuple[float, float]  # billed, and by the list
Factors = Mapping[Hashable, float]


@dataclass(frozen=True)
class Prices:
    """What is paid for what: `factors` by class, narrow to wide."""

    list_prices: ListPrices
    billed: Billed
    factors: Sequence[Factors]
    # By what a row's prices depend on: days repeat it.
    known: dict[tuple[str, ...], Sequence[float | None]] = field(default_factory=dict, compare=False, repr=False)

    def usd_per_unit(self, key: PriceKey, times: float) -> float | None:
        """Of a token or search, where `times` are the multipliers of its list price; None without any price."""
        listed, factor = self.listed_usd(key), self.factor(key)
        if listed is None:
            return None if factor is None else factor * times
        return listed * times * (1.0 if factor is None else factor)

    def factor(self, key: PriceKey, *, of_workspace: bool = True) -> float | None:
        """What is paid over what is listed, or over a token where nothing is; None where no bill says."""
        key = self.billed.key(key)
        of_place, everywhere, of_tier, of_model, of_family = self.factors
        factor = of_place.get(key) if of_workspace else None
        for factors, name in (
            (everywhere, key[1:]),
            (of_tier, (key.model, key.service_tier)),
            (of_model, key.model),
            (of_family, family_of(key.model)),
        ):
            if factor is not None:
                break
            factor = factors.get(name)
        return factor

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
    of_place: dict[Hashable, list[float]] = {}
    for age, entries in enumerate(days):
        for key, line in entries.items():
            if age < taken.get((key.model, key.token_type), WINDOW_DAYS):
                _add(of_place, key, line)
    everywhere = _wider(of_place, lambda key: key[1:])
    models = {key[0] for key in everywhere}
    listed = {model for model in models if model == NONE or list_prices.of(model)}
    of_tier = _wider({key: sums for key, sums in everywhere.items() if key[0] in listed}, lambda key: key[:2])
    of_model = _wider(of_tier, lambda key: key[0])
    of_family = _wider(of_model, family_of)
    return Prices(
        list_prices,
        billed,
        (
            _factors(of_place, lambda key: key[1] in listed),
            _factors(everywhere, lambda key: key[0] in listed),
            *(_factors(sums, lambda _: True) for sums in (of_tier, of_model, of_family)),
        ),
    )


def _as_billed(book: Book, billed: Billed) -> Mapping[PriceKey, Line]:
    if billed.has(book.used):
        return book.entries
    entries: dict[Any, list[float]] = {}
    for key, line in book.entries.items():
        _add(entries, billed.key(key), line)
    return {key: Line(*sums) for key, sums in entries.items()}


def _add(sums: dict[Any, list[float]], name: Hashable, line: Iterable[float]) -> None:
    """In the order of the keys, which is that of every replica."""
    billed, listed, units = line
    before = sums.get(name)
    if before is None:
        sums[name] = [billed, listed, units]
    else:
        before[0] += billed
        before[1] += listed
        before[2] += units


def _wider(sums: Mapping[Any, Sequence[float]], class_of: Callable[[Any], Hashable]) -> dict[Any, list[float]]:
    found: dict[Hashable, list[float]] = {}
    for key, numbers in sums.items():
        _add(found, class_of(key), numbers)
    return found


def _factors(sums: Mapping[Any, Sequence[float]], is_listed: Callable[[Any], bool]) -> Factors:
    found = {}
    for key, (billed, listed, units) in sums.items():
        if is_listed(key):
            says_enough = listed >= LEAST_LISTED_USD
        else:
            says_enough = units >= LEAST_UNITS and billed >= LEAST_BILLED_USD
        if says_enough:
            found[key] = billed / listed
    return found


def _taken(days: Sequence[Mapping[PriceKey, Line]]) -> Mapping[tuple[str, str], int]:
    """By model and token type: how many of the days, from the newest on, have the price that holds now."""
    nothing = [(0.0, 0.0)] * len(days)
    cells: defaultdict[tuple[str, str], dict[Cell, list[Amounts]]] = defaultdict(dict)
    for age, entries in enumerate(days):
        for key, line in entries.items():
            workspace_id, model, tier, geo, context, token_type = key
            of_cells = cells[model, token_type]
            cell = (workspace_id, tier, geo, context)
            if cell not in of_cells:
                of_cells[cell] = nothing.copy()
            of_cells[cell][age] = line[:2]
    taken = {name: _newest_alike([*of_cells.values()]) for name, of_cells in cells.items()}
    return {name: newest for name, newest in taken.items() if newest}


def _newest_alike(cells: Sequence[Sequence[Amounts]]) -> int | None:
    """Of cells' days, newest first: the smallest number of the newest ones that the older ones are priced unlike."""
    days = [*zip(*cells, strict=True)]
    newer: Sequence[Amounts] = [(0.0, 0.0)] * len(cells)
    older = [(fsum(billed for billed, _ in cell), fsum(listed for _, listed in cell)) for cell in cells]
    for count, day in enumerate(days[:-1], start=1):
        newer = [(billed + more, listed + rest) for (billed, listed), (more, rest) in zip(newer, day, strict=True)]
        older = [(billed - less, listed - rest) for (billed, listed), (less, rest) in zip(older, day, strict=True)]
        if _has_changed(zip(newer, older, strict=True)):
            return count
    return None


def _has_changed(cells: Iterable[tuple[Amounts, Amounts]]) -> bool:
    """Whether most of what was billed costs so much more or less than before, by the same ratio."""
    ratios = [
        (billed / listed * listed_before / billed_before, billed + billed_before)
        for (billed, listed), (billed_before, listed_before) in cells
        if billed >= LEAST_CELL_USD and billed_before >= LEAST_CELL_USD and listed > 0 and listed_before > 0
    ]
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
