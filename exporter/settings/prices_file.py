"""A YAML file of list prices, in US dollars per million tokens, by model:

claude-next-1:
uncached_input: 3
output: 15
cache_read: 0.30
cache_write_5m: 3.75  # without it 1.25 times as much as input
cache_write_1h: 6     # without it twice as much
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from exporter.contract.nowcast import TOKEN_TYPES
from exporter.nowcast.list_prices import ListPrice, priced
from exporter.settings.yaml_file import Entry, entries_of, read

NEEDED = ("uncached_input", "output", "cache_read")
MOST_USD = 10_000


def read_prices(path: Path) -> Mapping[str, ListPrice]:
    """Raises ValueError with the first thing that is wrong, by model and name."""
    given: dict[str, dict[str, float]] = {}
    for entry in entries_of(path, read):
        where = f"{path}: {'.'.join(entry.path)}"
        if entry.problem:
            raise ValueError(f"{where}: {entry.problem}")
        model, *names = entry.path
        prices = given.setdefault(model, {})
        for name in names:
            if name not in TOKEN_TYPES:
                raise ValueError(f"{where}: no such price; they are {', '.join(TOKEN_TYPES)}")
            prices[name] = _usd(where, entry)
    return {model: _price(f"{path}: {model}", prices) for model, prices in given.items()}


def _usd(where: str, entry: Entry) -> float:
    try:
        usd = float(entry.value if isinstance(entry.value, str) else "")
    except ValueError:
        usd = math.nan
    if not 0 <= usd <= MOST_USD:
        raise ValueError(f"{where}: must be US dollars per million tokens, 0 to {MOST_USD}")
    return usd


def _price(where: str, prices: Mapping[str, float]) -> ListPrice:
    missing = [name for name in NEEDED if name not in prices]
    if missing:
        raise ValueError(f"{where}: lacks {', '.join(missing)}")
    usual = priced(prices["uncached_input"], prices["output"], prices["cache_read"])
    return replace(
        usual,
        cache_write_5m=prices.get("cache_write_5m", usual.cache_write_5m),
        cache_write_1h=prices.get("cache_write_1h", usual.cache_write_1h),
    )
