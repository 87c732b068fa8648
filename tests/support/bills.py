"""An organization's usage and bills, row by row, for tests of what is learned from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from exporter.contract.cost import CostReading, CostRecord
from exporter.contract.days import Day, exposed_days, midnight
from exporter.contract.labels import NONE
from exporter.contract.nowcast import TOKEN_TYPES, Cell, CostNowcast, Meter, MeterReading
from exporter.contract.zeros import Pair, PairedDay
from exporter.nowcast.list_prices import ListPrice, ListPrices
from exporter.nowcast.nowcaster import Nowcaster

TODAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-4-5"
LISTED = {(OPUS, "output"): 20.0, (SONNET, "output"): 10.0, (HAIKU, "output"): 5.0}


def meter(workspace_id: str, model: str, output: float, **values: object) -> Meter:
    """Standard output tokens, unless said otherwise."""
    tokens = tuple(output if token_type == "output" else 0 for token_type in TOKEN_TYPES)
    row: dict[str, Any] = {
        "service_tier": "standard",
        "inference_geo": "global",
        "context_window": "",
        "speed": "standard",
        "tokens": tokens,
        "web_searches": 0,
    }
    row.update(values)
    return Meter(workspace_id=workspace_id, model=model, **row)


def billed(workspace_id: str, model: str, usd: float, **values: object) -> CostRecord:
    row: dict[str, Any] = {
        "cost_type": "tokens",
        "token_type": "output",
        "service_tier": "standard",
        "inference_geo": "global",
        "context_window": "0-200k",
    }
    row.update(values)
    return CostRecord(workspace_id=workspace_id or None, model=model, cents=Decimal(repr(usd)) * 100, **row)


def unmetered(workspace_id: str, usd: float) -> CostRecord:
    none = dict.fromkeys(("token_type", "service_tier", "inference_geo", "context_window"), NONE)
    return billed(workspace_id, NONE, usd, cost_type="code_execution", **none)


def bill(meters: Iterable[Meter], price: Callable[[Meter], float]) -> list[CostRecord]:
    """Of output tokens, at so many dollars a million."""
    return [
        billed(
            row.workspace_id,
            row.model,
            row.tokens[-1] * price(row) / 1e6,
            service_tier=row.service_tier,
            inference_geo=row.inference_geo,
        )
        for row in meters
    ]


def reading(days: Mapping[int, Sequence[Meter]], now: datetime = NOON) -> MeterReading:
    """By how many days ago."""
    held = {TODAY - timedelta(days=age): Day(list(rows), now) for age, rows in days.items()}
    return MeterReading(held, dict.fromkeys(held, now), now)


def cost(days: Mapping[int, Sequence[CostRecord]], now: datetime = NOON) -> CostReading:
    """By how many days ago; a day without rows has none in the report."""
    held = {TODAY - timedelta(days=age): PairedDay(list(rows), now) for age, rows in days.items() if rows}
    first = min([*held, exposed_days(TODAY, 31)[-1]])
    through = max([*held, (now - timedelta(hours=72)).date() - timedelta(days=1)])
    return CostReading(first, held, through, now, now)


def nowcast(
    meters: MeterReading, bills: CostReading, own: Mapping[str, ListPrice] | None = None, today: date = TODAY
) -> CostNowcast:
    return Nowcaster(ListPrices(own or {}), lambda: NOON).nowcast(meters, bills, today)


def cells(found: CostNowcast, age: int) -> dict[Pair, Cell]:
    """Of the day that lies so many days back."""
    return {cell.pair: cell for cell in found.days[midnight(TODAY).date() - timedelta(days=age)].rows}


def total(found: CostNowcast, age: int) -> float:
    return sum(cell.usd for cell in cells(found, age).values())
