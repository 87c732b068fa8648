"""A complete day's tokens and bill, side by side at the finest dimensions that both reports have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import fsum
from typing import NamedTuple

from exporter.contract.cost import CENTS, CostRecord
from exporter.contract.labels import NONE
from exporter.contract.nowcast import TOKEN_TYPES, Meter
from exporter.nowcast.list_prices import MILLION, WEB_SEARCH_USD, ListPrices, multiplier

TOKENS, WEB_SEARCH = "tokens", "web_search"
STANDARD = "standard"
# Paid by contract: no bill has them.
PRIORITY = ("priority", "priority_on_demand")


class PriceKey(NamedTuple):
    """What a price is learned for; `service_tier` as billed. A search has none of the dimensions of tokens."""

    workspace_id: str
    model: str
    service_tier: str
    inference_geo: str
    context_window: str
    token_type: str


class Line(NamedTuple):
    """US dollars as billed and by the price list (where there is none: weighted units), and tokens or searches."""

    billed_usd: float
    listed: float
    units: float


class Billed(NamedTuple):
    """Which service tiers, places of inference and context windows bills of tokens have."""

    service_tiers: frozenset[str] = frozenset()
    inference_geos: frozenset[str] = frozenset()
    context_windows: frozenset[str] = frozenset()

    def key(self, key: PriceKey) -> PriceKey:
        """Tokens of a tier that no bill has are in the standard tier's; a dimension that bills lack is none."""
        tier, geo, context = key.service_tier, key.inference_geo, key.context_window
        if tier not in self.service_tiers and STANDARD in self.service_tiers and tier not in (*PRIORITY, NONE):
            tier = STANDARD
        if geo not in self.inference_geos and NONE in self.inference_geos:
            geo = NONE
        if context and context not in self.context_windows and NONE in self.context_windows:
            context = NONE
        return PriceKey(key.workspace_id, key.model, tier, geo, context, key.token_type)

    def has(self, other: Billed) -> bool:
        """Whether every key with those dimensions is billed as it is."""
        return all(theirs <= own for own, theirs in zip(self, other, strict=True))


def search_key(workspace_id: str) -> PriceKey:
    return PriceKey(workspace_id, NONE, NONE, NONE, "", WEB_SEARCH)


def is_metered(record: CostRecord) -> bool:
    """Whether the usage report counts what was billed."""
    return record.cost_type in (TOKENS, WEB_SEARCH)


@dataclass(frozen=True)
class Book:
    """`billed_usd` is everything, `metered_usd` what has a meter; `used` are the dimensions that tokens have."""

    entries: Mapping[PriceKey, Line]
    billed_usd: float
    metered_usd: float
    billed: Billed
    used: Billed
    meters: Sequence[Meter]


def book(meters: Sequence[Meter], bill: Iterable[CostRecord], prices: ListPrices) -> Book:
    """Of a day. Context windows are told apart where the meters do."""
    by_context = any(meter.context_window for meter in meters)
    billed: dict[PriceKey, Decimal] = {}
    every = metered = Decimal(0)
    tiers, geos, contexts = set(), set(), set()
    for record in bill:
        every += record.cents
        if not is_metered(record):
            continue
        metered += record.cents
        if record.cost_type == TOKENS:
            tiers.add(record.service_tier)
            geos.add(record.inference_geo)
            contexts.add(record.context_window)
        key = key_of_bill(record, by_context=by_context)
        billed[key] = billed.get(key, Decimal(0)) + record.cents
    listed: dict[PriceKey, list[float]] = {}
    units: dict[PriceKey, float] = {}
    for meter in meters:
        if meter.service_tier not in PRIORITY:
            for key, count, weight in weighted(meter, prices):
                listed.setdefault(key, []).append(weight)
                units[key] = units.get(key, 0) + count
        if meter.web_searches:
            key = search_key(meter.workspace_id)
            listed.setdefault(key, []).append(meter.web_searches * WEB_SEARCH_USD)
            units[key] = units.get(key, 0) + meter.web_searches
    return Book(
        {
            key: Line(float(billed.get(key, 0)) / CENTS, fsum(listed.get(key, ())), units.get(key, 0))
            for key in sorted(billed.keys() | listed.keys())
        },
        float(every / CENTS),
        float(metered / CENTS),
        Billed(frozenset(tiers), frozenset(geos), frozenset(contexts)),
        _used(meters),
        meters,
    )


def _used(meters: Iterable[Meter]) -> Billed:
    of = [meter for meter in meters if meter.service_tier not in PRIORITY]
    return Billed(
        frozenset(meter.service_tier for meter in of),
        frozenset(meter.inference_geo for meter in of),
        frozenset(meter.context_window for meter in of if meter.context_window),
    )


def key_of_bill(record: CostRecord, *, by_context: bool) -> PriceKey:
    workspace_id = record.workspace_id or ""
    if record.cost_type == WEB_SEARCH:
        return search_key(workspace_id)
    context = record.context_window if by_context else ""
    return PriceKey(workspace_id, record.model, record.service_tier, record.inference_geo, context, record.token_type)


def weighted(meter: Meter, prices: ListPrices) -> Iterable[tuple[PriceKey, float, float]]:
    """Of each token type that the row has: its key, tokens, and dollars by the list, else tokens times multipliers."""
    price = prices.of(meter.model)
    times = multiplier(meter.service_tier, meter.inference_geo, meter.speed)
    own = (meter.workspace_id, meter.model, meter.service_tier, meter.inference_geo, meter.context_window)
    for token_type, count in zip(TOKEN_TYPES, meter.tokens, strict=True):
        if count:
            unit = price.of(token_type) / MILLION if price else 1.0
            yield PriceKey(*own, token_type), count, count * unit * times
