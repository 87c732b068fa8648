"""A day's token usage at the finest dimensions of the messages usage report."""

from collections.abc import Iterable
from datetime import date
from math import floor
from random import Random
from typing import NamedTuple

import msgspec

from exporter.demo.simulation.directory import FOUNDED
from exporter.demo.simulation.models import geo_of, model_of, speed_of
from exporter.demo.simulation.prices import (
    CACHE_READ,
    CACHE_WRITE_1H,
    CACHE_WRITE_5M,
    INPUT,
    OUTPUT,
    TOKEN_TYPES,
    Terms,
    cents_per_token,
)
from exporter.demo.simulation.rhythm import Rhythm
from exporter.demo.simulation.streams import Stream
from exporter.demo.simulation.unseen import Unseen, unseen_of

CENTS_PER_USD = 100
GROWTH_PER_DAY = 0.0008
CALM = 0.15  # no workspace strays further than this from its usual day


class UsageRow(msgspec.Struct, frozen=True):
    """Tokens and web searches of one combination of dimensions.

    `workspace_id` is None for the default workspace; the three callers are None where they do not apply.
    """

    account_id: str | None
    service_account_id: str | None
    api_key_id: str | None
    workspace_id: str | None
    model: str
    context_window: str
    service_tier: str
    inference_geo: str
    speed: str
    uncached_input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int
    web_search_requests: int

    @property
    def numbers(self) -> tuple[int, int, int, int, int, int]:
        """Uncached input, output, cache read, cache write 5m and 1h, web searches."""
        return (
            self.uncached_input_tokens,
            self.output_tokens,
            self.cache_read_input_tokens,
            self.ephemeral_5m_input_tokens,
            self.ephemeral_1h_input_tokens,
            self.web_search_requests,
        )

    @property
    def tokens(self) -> dict[str, int]:
        """By the token types of the cost report."""
        return dict(zip(TOKEN_TYPES, self.numbers[: len(TOKEN_TYPES)], strict=True))


class Flow(NamedTuple):
    """A whole day's usage of one stream, the rhythm at which it came, and what only its bill will show."""

    row: UsageRow
    rhythm: Rhythm
    unseen: Unseen


def part_of(row: UsageRow, since: float, until: float) -> UsageRow:
    """What a row gained between two shares of its day. Parts that adjoin add up exactly."""
    uncached, output, read, write_5m, write_1h, searches = (
        floor(number * until) - floor(number * since) for number in row.numbers
    )
    return UsageRow(
        row.account_id,
        row.service_account_id,
        row.api_key_id,
        row.workspace_id,
        row.model,
        row.context_window,
        row.service_tier,
        row.inference_geo,
        row.speed,
        uncached,
        output,
        read,
        write_5m,
        write_1h,
        searches,
    )


def _noise(rng: Random, spread: float) -> float:
    return 1 + max(-CALM, min(CALM, rng.gauss(0, spread)))


def _whole_day(stream: Stream, day: date, usd: float, rng: Random) -> UsageRow:
    pattern = stream.pattern
    model = model_of(pattern.line, day)
    geo = geo_of(model, pattern.inference_geo)
    speed = speed_of(model, pattern.speed)

    terms = Terms(pattern.service_tier, geo, speed)
    usd_per_token = {token: float(cents_per_token(model, token, day, terms)) / CENTS_PER_USD for token in TOKEN_TYPES}
    outputs = usd / sum(pattern.mix[token] * usd_per_token[token] for token in TOKEN_TYPES)
    tokens = {token: floor(outputs * pattern.mix[token] * rng.uniform(0.94, 1.06)) for token in TOKEN_TYPES}
    return UsageRow(
        stream.account_id,
        stream.service_account_id,
        stream.api_key_id,
        stream.workspace_id,
        model,
        pattern.context_window,
        pattern.service_tier,
        geo,
        speed,
        tokens[INPUT],
        tokens[OUTPUT],
        tokens[CACHE_READ],
        tokens[CACHE_WRITE_5M],
        tokens[CACHE_WRITE_1H],
        floor(usd * pattern.searches),
    )


def flows_of_day(seed: int, day: date, streams: Iterable[Stream], runaway: dict[str, float]) -> list[Flow]:
    """All usage of a day. `runaway` maps a workspace's ID to a factor for its traffic, which then knows no weekend."""
    if day < FOUNDED:
        return []
    trend = 1 + GROWTH_PER_DAY * (day - FOUNDED).days
    flows = []
    for position, stream in enumerate(streams):
        factor = runaway.get(stream.workspace.id)
        busy = stream.pattern.rhythm.volume(day) if factor is None else factor
        busy *= _noise(Random(f"{seed}/{day}/{stream.workspace.id}"), 0.05)
        rng = Random(f"{seed}/{day}/stream/{position}")
        usd = stream.usd * trend * busy * _noise(rng, 0.06)
        if usd > 0 and stream.workspace.open_on(day):
            unseen = unseen_of(seed, day, stream.workspace.id, position)
            flows.append(Flow(_whole_day(stream, day, usd, rng), stream.pattern.rhythm, unseen))
    return flows
