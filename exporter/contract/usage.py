"""Tokens and web searches of the API, by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from exporter.contract.days import day_label, exposed_days
from exporter.contract.folding import UNFOLDED, Dimension, Folding, Weights
from exporter.contract.labels import NONE, joined, label_text
from exporter.contract.metric import Family, Metric, Number, Sample, Section
from exporter.contract.names import Names, named
from exporter.contract.people import People
from exporter.contract.sums import families
from exporter.contract.untracked import Untracked
from exporter.contract.zeros import Pair, PairedDay, zero_rows

LABELS = ("days_ago", "workspace", "workspace_id", "model", "service_tier")


class UsageRecord(Untracked):
    """A row of one day: dimensions as the API names them, tokens and searches as counts."""

    workspace_id: str | None
    model: str | None
    service_tier: str | None
    grouped: tuple[str | None, ...]
    uncached_input: Number
    cache_read: Number
    cache_write_5m: Number
    cache_write_1h: Number
    output: Number
    web_searches: Number

    @property
    def pair(self) -> Pair:
        return Pair(self.workspace_id or "", self.model or "")

    @property
    def order(self) -> tuple[str, ...]:
        return tuple(text or "" for text in (self.workspace_id, self.model, self.service_tier, *self.grouped))

    def nothing(self) -> UsageRecord:
        return UsageRecord(self.workspace_id, self.model, self.service_tier, self.grouped, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class UsageReading:
    """The reported days, and when the refresh that read them began."""

    days: Mapping[date, PairedDay[UsageRecord]]
    read_at: datetime


def _tokens(record: UsageRecord) -> Iterable[Sample]:
    return (
        (("uncached_input",), record.uncached_input),
        (("cache_read",), record.cache_read),
        (("cache_write_5m",), record.cache_write_5m),
        (("cache_write_1h",), record.cache_write_1h),
        (("output",), record.output),
    )


TOKENS: Metric[UsageRecord] = Metric(
    "anthropic_usage_tokens",
    "Tokens of the UTC day that lies days_ago days back, as far as the API has reported them",
    "tokens",
    LABELS,
    ("token_type",),
    "uncached_input_tokens, cache_read_input_tokens, cache_creation.ephemeral_5m_input_tokens, "
    "cache_creation.ephemeral_1h_input_tokens, output_tokens",
    samples=_tokens,
)
WEB_SEARCHES: Metric[UsageRecord] = Metric(
    "anthropic_usage_web_search_requests",
    "Server-side web searches of the UTC day that lies days_ago days back, as far as the API has reported them",
    "searches",
    LABELS,
    api_fields="server_tool_use.web_search_requests",
    samples=lambda record: (((), record.web_searches),),
)


FAMILIES = (TOKENS, WEB_SEARCHES)


@dataclass(frozen=True)
class UsageTable:
    """`group_by` are the dimensions of `grouped` in the records."""

    days: int
    group_by: tuple[str, ...]
    people: People
    folding: Folding = UNFOLDED
    prefix: str = ""

    def sections(self, reading: UsageReading, hour: datetime, names: Names) -> Iterable[Section]:
        today = hour.date()
        reported = [day for day in exposed_days(today, self.days) if day in reading.days]
        zeros = zero_rows(reported, {day: reading.days[day] for day in reported})
        for day in reported:
            held = reading.days[day]
            key = (held, zeros[day], names, self.people.disguise, self.folding.kept)
            yield Section(day, key, partial(self._of_day, held, zeros[day], names, day, today))

    def _of_day(
        self, held: PairedDay[UsageRecord], zeros: Sequence[UsageRecord], names: Names, day: date, today: date
    ) -> Iterable[Family]:
        prefix = joined(self.prefix, day_label(day, today))
        fold = self.folding.fold(partial(self._text, names))
        return families(FAMILIES, (*held.rows, *zeros), partial(self._text, names, UNFOLDED), prefix, fold)

    def _text(self, names: Names, folding: Folding, record: UsageRecord) -> str:
        model = folding.value(Dimension.MODEL, record.model or NONE)
        values = (*folding.workspace(names, record.workspace_id), model, record.service_tier or NONE)
        labels = list(zip(LABELS[1:], values, strict=True))
        for dimension, value in zip(self.group_by, record.grouped, strict=True):
            labels += grouped_labels(dimension, value, names, self.people, folding)
        return label_text(labels)

    def weights(self, reading: UsageReading, names: Names) -> Weights:
        """Tokens, over all days."""
        found: defaultdict[Dimension, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for held in reading.days.values():
            for row in held.rows:
                counts = (row.uncached_input, row.cache_read, row.cache_write_5m, row.cache_write_1h, row.output)
                tokens = sum(map(float, counts))
                found[Dimension.MODEL][row.model or NONE] += tokens
                found[Dimension.WORKSPACE][names.workspace(row.workspace_id)[1]] += tokens
                for dimension, value in zip(self.group_by, row.grouped, strict=True):
                    _, named = grouped_value(dimension, value, names, self.people)
                    if named:
                        found[Dimension(dimension)][named[1]] += tokens
        return found


def grouped_labels(
    dimension: str, value: str | None, names: Names, people: People, folding: Folding = UNFOLDED
) -> list[tuple[str, str]]:
    """A dimension that `--usage.group-by` adds; one with a name carries its ID too."""
    label, named = grouped_value(dimension, value, names, people)
    if named is None:
        return [(label, value or NONE)]
    name, identifier = folding.named(Dimension(dimension), named)
    return [(label, name), (f"{label}_id", identifier)]


def grouped_value(
    dimension: str, value: str | None, names: Names, people: People
) -> tuple[str, tuple[str, str] | None]:
    """The label of a dimension that `--usage.group-by` adds, and (name, ID) of one that has a name."""
    match dimension:
        case "api_key_id":
            return "api_key", named(names.api_keys, value)
        case "account_id":
            return "actor", people.account(names, value)
        case "service_account_id":
            return "service_account", named(names.service_accounts, value)
        case _:
            return dimension, None
