"""The busiest minute of the last hour, counted as each limiter counts: what stands against a ceiling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from exporter.contract.metric import Metric
from exporter.contract.untracked import Untracked


class MinuteRecord(Untracked):
    """Tokens of a model in a minute, of the standard tier; `is_fast` is none where the API does not tell."""

    model: str
    is_fast: bool | None
    uncached_input: float
    cache_read: float
    cache_write: float
    output: float


Minutes = Mapping[datetime, Sequence[MinuteRecord]]


def _input(row: MinuteRecord) -> float:
    return row.uncached_input + row.cache_read + row.cache_write


def _input_cache_aware(row: MinuteRecord) -> float:
    return row.uncached_input + row.cache_write


def _output(row: MinuteRecord) -> float:
    return row.output


def _all(row: MinuteRecord) -> float:
    return _input(row) + row.output


# What counts towards a limiter. Requests the report does not have, and of limiters that the API adds nothing is known.
COUNTED: Mapping[str, Callable[[MinuteRecord], float]] = {
    "input_tokens_per_minute": _input,
    "input_tokens_per_minute_cache_aware": _input_cache_aware,
    "output_tokens_per_minute": _output,
    "tokens_per_minute": _all,
    "fast_itpmca": _input_cache_aware,
    "fast_otpm": _output,
}
OF_FAST = frozenset({"fast_itpmca", "fast_otpm"})


class Peak(NamedTuple):
    """`group` is the label, `group_id` the ID of a group of models."""

    group: str
    group_id: str
    limiter: str
    tokens: float


def peak(minutes: Minutes, models: frozenset[str], limiter: str) -> float | None:
    """The most tokens of these models in one of the minutes; None where nobody knows.

    Fast requests have limits of their own. Where the API does not tell them, all count as standard ones. Of an hour
    without any use it is known that none was fast.
    """
    counted = COUNTED.get(limiter)
    if counted is None or not minutes:
        return None
    of_fast = limiter in OF_FAST
    speeds = {row.is_fast for rows in minutes.values() for row in rows} if of_fast else set()
    if speeds == {None}:
        return None
    return max(_tokens(rows, models, counted, of_fast=of_fast) for rows in minutes.values())


def _tokens(
    rows: Iterable[MinuteRecord], models: frozenset[str], counted: Callable[[MinuteRecord], float], *, of_fast: bool
) -> float:
    return sum((counted(row) for row in rows if row.model in models and bool(row.is_fast) is of_fast), 0)


PEAK: Metric[Peak] = Metric(
    "anthropic_usage_peak_tokens_per_minute",
    "Most tokens in a minute of the last hour, of all models of the group together in the standard tier, counted as "
    "the limiter counts: over anthropic_rate_limit it is the share of the ceiling that was used; fast requests, which "
    "have ceilings of their own, are among the others where the API does not tell them",
    "tokens per minute",
    own=("group", "group_id", "limiter"),
    api_fields="uncached_input_tokens, cache_read_input_tokens, cache_creation.ephemeral_5m_input_tokens, "
    "cache_creation.ephemeral_1h_input_tokens, output_tokens",
    samples=lambda row: (((row.group, row.group_id, row.limiter), row.tokens),),
)
