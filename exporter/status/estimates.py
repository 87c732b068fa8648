"""What the nowcast says of today and the month, and how far it has been right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from math import fsum

from exporter.contract.cost import CostReading
from exporter.contract.nowcast import CostNowcast
from exporter.nowcast.books import is_metered
from exporter.status.document import NowcastStatus

CENTS_OF_CENTS = Decimal("0.000001")
METERED = "metered"


def nowcast_of(found: CostNowcast, reading: CostReading, exposed: Sequence[date]) -> NowcastStatus:
    """Of the exposed days, today the first of them."""
    today = exposed[0]
    return NowcastStatus(
        today_usd=day_usd(found, today),
        today_estimated_usd=estimated_usd(found, today),
        month_to_date_usd=_usd(cell.usd for cell in found.month),
        newest_complete=max((day for day in found.days if day not in found.incomplete), default=None),
        error_ratio=_error_ratio(found, reading, exposed),
        today_unpriced_tokens=int(sum(row.tokens for row in found.unpriced.get(today, ()))),
    )


def _error_ratio(found: CostNowcast, reading: CostReading, exposed: Sequence[date]) -> float | None:
    """All that would have been estimated for the judged days, over all that was billed for it, less one."""
    ratios = {day: miss.ratio for day in exposed for miss in found.misses.get(day, ()) if miss.of == METERED}
    billed = {day: float(sum(row.cents for row in reading.days[day].rows if is_metered(row))) for day in ratios}
    return fsum(ratios[day] * cents for day, cents in billed.items()) / fsum(billed.values()) if ratios else None


def day_usd(found: CostNowcast, day: date) -> Decimal | None:
    return _usd(cell.usd for cell in found.days[day].rows) if day in found.days else None


def estimated_usd(found: CostNowcast, day: date) -> Decimal | None:
    """None on days of which nothing is estimated any more."""
    return _usd(cell.estimated_usd for cell in found.days[day].rows) if day in found.incomplete else None


def _usd(amounts: Iterable[float]) -> Decimal:
    return Decimal(repr(fsum(amounts))).quantize(CENTS_OF_CENTS)
