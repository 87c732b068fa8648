"""Tokens of whole UTC hours: the shape of a day and of a week, from the first scrape on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from exporter.contract.days import exposed_hours, hour_label
from exporter.contract.folding import UNFOLDED, Dimension, Folding
from exporter.contract.labels import NONE, joined, label_text
from exporter.contract.metric import Family, Metric, Number, Sample, Section
from exporter.contract.names import Names
from exporter.contract.nowcast import TOKEN_TYPES
from exporter.contract.sums import families
from exporter.contract.untracked import Untracked
from exporter.contract.zeros import Pair, PairedDay

LABELS = ("hours_ago", "workspace", "workspace_id")


class HourRecord(Untracked):
    """A row of an hour; `tokens` in the order of TOKEN_TYPES. The model is none where it is not asked for."""

    workspace_id: str | None
    model: str | None
    tokens: tuple[Number, ...]

    @property
    def pair(self) -> Pair:
        return Pair(self.workspace_id or "", self.model or "")

    @property
    def order(self) -> tuple[str, ...]:
        return self.pair

    def nothing(self) -> HourRecord:
        return HourRecord(self.workspace_id, self.model, (0,) * len(TOKEN_TYPES))


@dataclass(frozen=True)
class HoursReading:
    """The reported hours by their start, when the refresh that read each of them began, and when the last one did."""

    hours: Mapping[datetime, PairedDay[HourRecord]]
    hours_read_at: Mapping[datetime, datetime]
    read_at: datetime


def _tokens(record: HourRecord) -> Iterable[Sample]:
    return (((token_type,), count) for token_type, count in zip(TOKEN_TYPES, record.tokens, strict=True))


TOKENS: Metric[HourRecord] = Metric(
    "anthropic_usage_hour_tokens",
    "Tokens of the UTC hour that lies hours_ago hours back, as far as the API has reported them",
    "tokens",
    LABELS,
    ("token_type",),
    "uncached_input_tokens, cache_read_input_tokens, cache_creation.ephemeral_5m_input_tokens, "
    "cache_creation.ephemeral_1h_input_tokens, output_tokens",
    samples=_tokens,
)
FAMILIES = (TOKENS,)


@dataclass(frozen=True)
class HoursTable:
    """A workspace (and model, where those are grouped by) that has tokens in an exposed hour has a number in all."""

    hours: int
    group_by: Sequence[str]
    folding: Folding = UNFOLDED
    prefix: str = ""

    def sections(self, reading: HoursReading, hour: datetime, names: Names) -> Iterable[Section]:
        reported = [start for start in exposed_hours(hour, self.hours) if start in reading.hours]
        zeros: dict[Pair, HourRecord] = {}
        for start in reported:
            zeros |= {pair: row for pair, (_, row) in reading.hours[start].zeros.items()}
        ordered = sorted(zeros)
        for start in reported:
            held = reading.hours[start]
            lacking = tuple(zeros[pair] for pair in ordered if pair not in held.pairs)
            made = partial(self._of_hour, (*held.rows, *lacking), names, joined(self.prefix, hour_label(start, hour)))
            yield Section(start, (held, lacking, names, self.folding.kept), made)

    def _of_hour(self, rows: Sequence[HourRecord], names: Names, prefix: str) -> Iterable[Family]:
        fold = self.folding.fold(partial(self._text, names))
        return families(FAMILIES, rows, partial(self._text, names, UNFOLDED), prefix, fold)

    def _text(self, names: Names, folding: Folding, record: HourRecord) -> str:
        workspace = zip(LABELS[1:], folding.workspace(names, record.workspace_id), strict=True)
        grouped = ((name, folding.value(Dimension(name), getattr(record, name) or NONE)) for name in self.group_by)
        return label_text((*workspace, *grouped))
