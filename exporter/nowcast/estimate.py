"""What tokens of a day cost at given prices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from exporter.contract.labels import NONE
from exporter.contract.nowcast import TOKEN_TYPES, Meter, Unpriced
from exporter.contract.zeros import Pair
from exporter.nowcast.books import PRIORITY, PriceKey, search_key
from exporter.nowcast.learning import Prices
from exporter.nowcast.list_prices import multiplier


@dataclass(frozen=True)
class DayEstimate:
    """US dollars by workspace and model (searches have none), and the tokens that are in no sum."""

    usd: Mapping[Pair, float]
    unpriced: Sequence[Unpriced]

    @property
    def total_usd(self) -> float:
        return fsum(self.usd.values())


def estimated(meters: Iterable[Meter], prices: Prices) -> DayEstimate:
    parts: defaultdict[Pair, list[float]] = defaultdict(list)
    unpriced: defaultdict[tuple[str, str, str], float] = defaultdict(int)
    for meter in meters:
        if meter.web_searches:
            of_searches = parts[Pair(meter.workspace_id, NONE)]
            of_searches.append(meter.web_searches * (prices.usd_per_unit(search_key(meter.workspace_id), 1.0) or 0.0))
        pair = Pair(meter.workspace_id, meter.model)
        for token_type, count, usd in zip(TOKEN_TYPES, meter.tokens, token_prices(meter, prices), strict=True):
            if usd is not None:
                parts[pair].append(count * usd)
            elif count:
                unpriced[meter.model, token_type, meter.service_tier] += count
    return DayEstimate(
        {pair: fsum(parts[pair]) for pair in sorted(parts)},
        tuple(Unpriced(*name, tokens) for name, tokens in sorted(unpriced.items())),
    )


def token_prices(meter: Meter, prices: Prices) -> Sequence[float | None]:
    """US dollars of a token of each type; None where there is no price."""
    own = (meter.workspace_id, meter.model, meter.service_tier, meter.inference_geo, meter.context_window)
    name = (*own, meter.speed)
    found = prices.known.get(name)
    if found is None:
        times = multiplier(meter.service_tier, meter.inference_geo, meter.speed)
        keys = (PriceKey(*own, token_type) for token_type in TOKEN_TYPES)
        is_priority = meter.service_tier in PRIORITY
        found = tuple(None if is_priority else prices.usd_per_unit(key, times) for key in keys)
        prices.known[name] = found
    return found
