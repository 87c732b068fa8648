"""Rate and spend limits: the configured ceilings, and how near to them the busiest minute was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from exporter.contract.cost import CENTS
from exporter.contract.labels import NONE, label_text
from exporter.contract.metric import Declared, Family, Metric, Number, Sample, Section
from exporter.contract.names import Names
from exporter.contract.peaks import PEAK, Minutes, Peak, peak
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


OF_WORKSPACE = "workspace"
SCOPES = ("organization", OF_WORKSPACE, "usage_tier")  # the others are of people


class Limited(NamedTuple):
    """What has limits: a group of models, or what is not a model's, such as batches."""

    id: str
    name: str | None
    kind: str | None

    @property
    def labels(self) -> tuple[str, str]:
        return self.name or self.id, self.id

    def limiter(self, name: str) -> tuple[str, ...]:
        """The labels of one of its limiters."""
        return (*self.labels, self.kind or NONE, name, UNITS.get(name, NONE))


class RateLimit(NamedTuple):
    """`ceilings` are by limiter, as the API names it."""

    limited: Limited
    models: frozenset[str]
    ceilings: Mapping[str, Number]


class WorkspaceCeiling(NamedTuple):
    """`source` is whose limit it is, as the API names it."""

    value: Number
    source: str | None


class WorkspaceRateLimit(NamedTuple):
    limited: Limited
    ceilings: Mapping[str, WorkspaceCeiling]


class SpendLimit(NamedTuple):
    """`scope` and `period` as the API names them; the workspace is none where the scope is no workspace."""

    scope: str
    workspace_id: str | None
    period: str | None
    cents: Decimal


@dataclass(frozen=True)
class LimitsReading:
    """The organization's rate limits, by the ID of what they are of; those of workspaces by the workspace's ID; spend
    limits that are in force; the last hour's complete minutes.
    """

    read_at: datetime
    organization: Mapping[str, RateLimit] = field(default_factory=dict)
    workspaces: Mapping[str, Sequence[WorkspaceRateLimit]] = field(default_factory=dict)
    spend: Sequence[SpendLimit] = ()
    minutes: Minutes = field(default_factory=dict)


class NamedRateLimit(NamedTuple):
    workspace: str
    workspace_id: str
    row: WorkspaceRateLimit


@dataclass(frozen=True)
class LimitsTable:
    prefix: str = ""

    def sections(self, reading: LimitsReading, hour: datetime, names: Names) -> Iterable[Section]:  # noqa: ARG002  no days
        yield Section(None, None, partial(self._families, reading, names))

    def _families(self, reading: LimitsReading, names: Names) -> Iterator[Family]:
        of_workspaces = [
            NamedRateLimit(*names.workspace(identifier), row)
            for identifier, rows in reading.workspaces.items()
            for row in rows
        ]
        yield from families(ORGANIZATION, reading.organization.values(), lambda _: "", self.prefix)
        yield from families(WORKSPACES, of_workspaces, lambda _: "", self.prefix)
        spend = _lowest(names, reading.spend)
        yield from families([SPEND], spend, partial(_spend_text, names), self.prefix)
        yield from families([PEAK], _peaks(reading), lambda _: "", self.prefix)


def _peaks(reading: LimitsReading) -> Iterator[Peak]:
    for row in reading.organization.values():
        for limiter in row.ceilings if row.models else ():
            tokens = peak(reading.minutes, row.models, limiter)
            if tokens is not None:
                yield Peak(*row.limited.labels, limiter, tokens)


def _lowest(names: Names, limits: Iterable[SpendLimit]) -> Iterable[SpendLimit]:
    """Of the default workspace, which has no ID in some answers and one in others, the limit that is reached first."""
    found: dict[str, SpendLimit] = {}
    for limit in sorted(limits, key=lambda each: each.cents):
        found.setdefault(_spend_text(names, limit), limit)
    return found.values()


def _spend_text(names: Names, limit: SpendLimit) -> str:
    workspace = names.workspace(limit.workspace_id) if limit.scope == OF_WORKSPACE else (NONE, NONE)
    return label_text(zip(SPEND.shared, (limit.scope, *workspace, limit.period or NONE), strict=True))


def _ceilings(row: RateLimit) -> Iterable[Sample]:
    return ((row.limited.limiter(limiter), ceiling) for limiter, ceiling in row.ceilings.items())


def _ceilings_of_workspace(named: NamedRateLimit) -> Iterable[Sample]:
    of = (named.workspace, named.workspace_id)
    return (
        ((*of, *named.row.limited.limiter(limiter), ceiling.source or NONE), ceiling.value)
        for limiter, ceiling in named.row.ceilings.items()
    )


LIMITER = ("group", "group_id", "group_type", "limiter", "unit")
ORGANIZATION: tuple[Metric[RateLimit], ...] = (
    Metric(
        "anthropic_rate_limit",
        "Configured ceiling of the organization, not what is used of it; the label unit says what it counts",
        "see the label `unit`",
        own=LIMITER,
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
WORKSPACES: tuple[Metric[NamedRateLimit], ...] = (
    Metric(
        "anthropic_workspace_rate_limit",
        "Configured ceiling of the workspace, its own or inherited, at most that of the organization; the label "
        "unit says what it counts",
        "see the label `unit`",
        own=("workspace", "workspace_id", *LIMITER, "source"),
        api_fields="group.id, group.display_name, group.type, limits.type, limits.value, limits.org_limit, "
        "limits.source.type",
        samples=_ceilings_of_workspace,
    ),
)
SPEND: Metric[SpendLimit] = Metric(
    "anthropic_spend_limit_usd",
    "Configured limit of what may be spent in the period, in US dollars: once it is reached the API stops; of "
    "scope usage_tier it is what Anthropic sets",
    "US dollars",
    ("scope", "workspace", "workspace_id", "period"),
    api_fields="amount, scope.type, scope.workspace_id, period, is_enabled",
    divisor=CENTS,
    samples=lambda limit: (((), limit.cents),),
)
FAMILIES: tuple[Declared, ...] = (*ORGANIZATION, *WORKSPACES, SPEND, PEAK)
