"""List prices, in US dollars per million tokens, and what multiplies them.

Page: https://platform.claude.com/docs/en/about-claude/pricing
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

MILLION = 1_000_000
WEB_SEARCH_USD = 0.01
BATCH = FLEX = 0.5
US_ONLY = 1.1
FAST = 2.0

_DATE = re.compile(r"-[0-9]{8}$")
_FAMILY = re.compile(r"claude-(?:[0-9]+-)*([a-z]+)")


@dataclass(frozen=True)
class Origin:
    """Where a price was read, and when."""

    source: str
    as_of: date


PAGE = Origin("https://platform.claude.com/docs/en/about-claude/pricing", date(2026, 8, 22))
# Of models that are newer than what was read of the page; LiteLLM's table has the same.
CLIENT = Origin("prices in the Claude Code client", date(2026, 11, 20))


@dataclass(frozen=True)
class ListPrice:
    """By token type, in US dollars per million tokens."""

    uncached_input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    origin: Origin | None = None

    def of(self, token_type: str) -> float:
        value: float = getattr(self, token_type)
        return value


def priced(uncached_input: float, output: float, cache_read: float, origin: Origin | None = None) -> ListPrice:
    """Cache writes cost 1.25 (five minutes) and 2 times (an hour) as much as input."""
    return ListPrice(uncached_input, output, cache_read, uncached_input * 1.25, uncached_input * 2, origin)


LIST: Mapping[str, ListPrice] = {
    "claude-fable-5-2": priced(8, 40, 0.20, CLIENT),
    "claude-mythos-5-2": priced(8, 40, 0.20, CLIENT),
    "claude-fable-5-1": priced(10, 50, 0.25, CLIENT),
    "claude-mythos-5-1": priced(10, 50, 0.25, CLIENT),
    "claude-fable-5": priced(10, 50, 1.00, PAGE),
    "claude-mythos-5": priced(10, 50, 1.00, PAGE),
    "claude-mythos-preview": priced(10, 50, 1.00, PAGE),
    "claude-opus-5-5": priced(4, 20, 0.20, CLIENT),
    "claude-opus-5": priced(5, 25, 0.50, PAGE),
    "claude-opus-4-8": priced(5, 25, 0.50, PAGE),
    "claude-opus-4-7": priced(5, 25, 0.50, PAGE),
    "claude-opus-4-6": priced(5, 25, 0.50, PAGE),
    "claude-opus-4-5": priced(5, 25, 0.50, PAGE),
    "claude-opus-4-1": priced(15, 75, 1.50, PAGE),
    "claude-opus-4": priced(15, 75, 1.50, PAGE),
    "claude-sonnet-5-5": priced(2, 10, 0.10, CLIENT),
    "claude-sonnet-5": priced(2, 10, 0.20, PAGE),
    "claude-sonnet-4-6": priced(3, 15, 0.30, PAGE),
    "claude-sonnet-4-5": priced(3, 15, 0.30, PAGE),
    "claude-sonnet-4": priced(3, 15, 0.30, PAGE),
    "claude-3-7-sonnet": priced(3, 15, 0.30, PAGE),
    # Of prompts up to 100,000 tokens; longer ones cost five times as much, and no report tells them apart.
    "claude-haiku-5-5": priced(0.10, 0.50, 0.01, CLIENT),
    "claude-haiku-4-5": priced(1, 5, 0.10, PAGE),
    "claude-3-5-haiku": priced(0.80, 4, 0.08, PAGE),
}


@dataclass(frozen=True)
class ListPrices:
    """The package's prices, and over them those of `--cost.prices-file`, by model with or without its date."""

    own: Mapping[str, ListPrice] = field(default_factory=dict)

    def of(self, model: str) -> ListPrice | None:
        """`claude-opus-5` prices `claude-opus-5-20260701`, and not `claude-opus-5-7`, of which nothing is known."""
        undated = _undated(model)
        return self.own.get(model) or self.own.get(undated) or LIST.get(undated)


@lru_cache(maxsize=1000)
def _undated(model: str) -> str:
    return _DATE.sub("", model)


@lru_cache(maxsize=1000)
def family_of(model: str) -> str | None:
    """`opus` of `claude-opus-5-5`."""
    match = _FAMILY.match(model)
    return match[1] if match else None


def multiplier(service_tier: str, inference_geo: str, speed: str) -> float:
    """What a token's list price is multiplied with; they stack."""
    return (
        (BATCH if service_tier == "batch" else FLEX if service_tier.startswith("flex") else 1.0)
        * (US_ONLY if inference_geo == "us" else 1.0)
        * (FAST if speed == "fast" else 1.0)
    )
