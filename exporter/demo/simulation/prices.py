"""List prices of tokens, searches and hours. Page: platform.claude.com/docs/en/about-claude/pricing."""

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from exporter.demo.simulation.models import undated

CENTS_PER_WEB_SEARCH = Decimal(1)
CENTS_PER_CONTAINER_HOUR = Decimal(5)
CENTS_PER_SESSION_HOUR = Decimal(8)

BATCH = Decimal("0.5")
US_ONLY = Decimal("1.1")
FAST = Decimal(2)
CENTS_PER_TOKEN = Decimal("0.0001")  # of a price of one dollar per million tokens

INPUT = "uncached_input_tokens"
OUTPUT = "output_tokens"
CACHE_READ = "cache_read_input_tokens"
CACHE_WRITE_5M = "cache_creation.ephemeral_5m_input_tokens"
CACHE_WRITE_1H = "cache_creation.ephemeral_1h_input_tokens"
TOKEN_TYPES = (INPUT, OUTPUT, CACHE_READ, CACHE_WRITE_5M, CACHE_WRITE_1H)


class Price(NamedTuple):
    """US dollars per million tokens; `cache_read` differs by generation, cache writes do not."""

    input: Decimal
    output: Decimal
    cache_read: Decimal

    def of(self, token_type: str) -> Decimal:
        match token_type:
            case "uncached_input_tokens":
                return self.input
            case "output_tokens":
                return self.output
            case "cache_read_input_tokens":
                return self.cache_read
            case "cache_creation.ephemeral_5m_input_tokens":
                return self.input * Decimal("1.25")
            case "cache_creation.ephemeral_1h_input_tokens":
                return self.input * 2
        raise ValueError(f"no such token type: {token_type}")


def _price(uncached: str, output: str, cache_read: str) -> Price:
    return Price(Decimal(uncached), Decimal(output), Decimal(cache_read))


PRICES = {
    "claude-fable-5-2": _price("8", "40", "0.20"),
    "claude-fable-5": _price("10", "50", "1.00"),
    "claude-opus-5-5": _price("4", "20", "0.20"),
    "claude-opus-5": _price("5", "25", "0.50"),
    "claude-opus-4-6": _price("5", "25", "0.50"),
    "claude-opus-4-5": _price("5", "25", "0.50"),
    "claude-sonnet-5-5": _price("2", "10", "0.10"),
    "claude-sonnet-5": _price("2", "10", "0.20"),
    "claude-sonnet-4-6": _price("3", "15", "0.30"),
    "claude-sonnet-4-5": _price("3", "15", "0.30"),
    "claude-haiku-5-5": _price("0.10", "0.50", "0.01"),
    "claude-haiku-4-5": _price("1", "5", "0.10"),
}
SONNET_5_5_CACHE_READ_CUT = date(2026, 10, 7)


def list_price(model: str, day: date) -> Price:
    price = PRICES[undated(model)]
    if model == "claude-sonnet-5-5" and day < SONNET_5_5_CACHE_READ_CUT:
        return price._replace(cache_read=Decimal("0.20"))
    return price


class Terms(NamedTuple):
    """What a token's price depends on besides the model."""

    service_tier: str
    inference_geo: str
    speed: str


@lru_cache(maxsize=4096)
def cents_per_token(model: str, token_type: str, day: date, terms: Terms) -> Decimal:
    """The exact list price of one token, in cents; multipliers stack."""
    cents = list_price(model, day).of(token_type) * CENTS_PER_TOKEN
    if terms.service_tier == "batch":
        cents *= BATCH
    if terms.inference_geo == "us":
        cents *= US_ONLY
    if terms.speed == "fast":
        cents *= FAST
    return cents
