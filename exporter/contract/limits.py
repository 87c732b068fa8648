"""Rate limits: the configured ceilings, not what is used of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import NamedTuple

from exporter.contract.labels import NONE
from exporter.contract.metric import Declared, Family, Metric, Number, Sample, Section
from exporter.contract.names import Names
from exporter.contract.sums import families

# What the number of a limiter counts; of one that the API adds it is not known.
UNITS = {
    "requests_per_minute": "requests_per_minute",
    "input_tokens_per_minute": "tokens_per_minute",
    "input_tokens_per_minute_cache_aware": "tokens_per_minute",
    "output_tokens_per_minute": "tokens_per_minute",
    "tokens_per_minute": "tokens_per_minute",
    "fast_itpmca": "tokens_per_minute",
    "fast_otpm": "tokens_per_minute",
    "tokens_per_day": "tokens_per_day",
    "tool_uses_per_second": "tool_uses_per_second",
    "enqueued_batch_requests": "requests",
}


class Limited(NamedTuple):
    """What has limits: a group of models, or what is not a model's, such as batches."""

    id: str
    name: str | None
    kind: str | None

    @property
    def labels(self) -> tuple[str, str]:
        return self.name or self.id, self.id


class RateLimit(NamedTuple):
    """`ceilings` are by limiter, as the API names it."""

    limited: Limited
    models: frozenset[str]
    ceilings: Mapping[str, Number]


@dataclass(frozen=True)
class LimitsReading:
    """The organization's rate limits, by the ID of what they are of."""

    read_at: datetime
    organization: Mapping[str, RateLimit] = field(default_factory=dict)


@dataclass(frozen=True)
class LimitsTable:
    prefix: str = ""

    def sections(self, reading: LimitsReading, today: date, names: Names) -> Iterable[Section]:  # noqa: ARG002  no days, no names
        yield Section(None, None, partial(self._families, reading))

    def _families(self, reading: LimitsReading) -> Iterator[Family]:
        yield from families(ORGANIZATION, reading.organization.values(), lambda _: "", self.prefix)


def _ceilings(row: RateLimit) -> Iterable[Sample]:
    of = (*row.limited.labels, row.limited.kind or NONE)
    return (((*of, limiter, UNITS.get(limiter, NONE)), ceiling) for limiter, ceiling in row.ceilings.items())


ORGANIZATION: tuple[Metric[RateLimit], ...] = (
    Metric(
        "anthropic_rate_limit",
        "Configured ceiling of the organization, not what is used of it; the label unit says what it counts",
        "see the label `unit`",
        own=("group", "group_id", "group_type", "limiter", "unit"),
        api_fields="group.id, group.display_name, group.type, limits.type, limits.value",
        samples=_ceilings,
    ),
    Metric(
        "anthropic_rate_limit_model_info",
        "1 for each model and alias, with the group whose rate limits it shares",
        "1",
        own=("group", "group_id", "model"),
        api_fields="group.id, group.display_name, models",
        samples=lambda row: (((*row.limited.labels, model), 1) for model in row.models),
    ),
)
FAMILIES: tuple[Declared, ...] = ORGANIZATION
