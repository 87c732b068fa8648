"""Billed cost by day, and of the current and the previous month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from exporter.contract.days import ONE_DAY, day_label, day_range, end_of, exposed_days, month_of
from exporter.contract.folding import UNFOLDED, Dimension, Folding, Weights
from exporter.contract.labels import joined, label_text
from exporter.contract.metric import Family, Metric, Sample, Section
from exporter.contract.names import Names
from exporter.contract.sums import families
from exporter.contract.untracked import Untracked
from exporter.contract.zeros import Pair, PairedDay, zero_rows

CENTS = 100
# The API refuses windows without a complete day; three cover the days that may still be unreported.
COMPLETE_DAYS = 3
# A day without a row counts as reported, at zero, this long after its end; and one with rows as complete.
COMPLETE_AFTER = timedelta(hours=72)
WORKSPACE = ("workspace", "workspace_id")
OWN_LABELS = ("cost_type", "model", "token_type", "service_tier")
LABELS = ("days_ago", *WORKSPACE, *OWN_LABELS)


class CostRecord(Untracked):
    """A row of one day; the amount is in cents. The last two dimensions become no labels."""

    workspace_id: str | None
    cost_type: str
    model: str
    token_type: str
    service_tier: str
    inference_geo: str
    context_window: str
    cents: Decimal

    @property
    def pair(self) -> Pair:
        return Pair(self.workspace_id or "", self.model)

    @property
    def order(self) -> tuple[str, ...]:
        return (self.workspace_id or "", self.model, self.cost_type, self.token_type, self.service_tier)

    def nothing(self) -> CostRecord:
        return CostRecord(
            self.workspace_id,
            self.cost_type,
            self.model,
            self.token_type,
            self.service_tier,
            self.inference_geo,
            self.context_window,
            Decimal(0),
        )


def window_start(today: date, days: int) -> date:
    """The first of so many days, three of which are complete at least."""
    return today - timedelta(days=max(days - 1, COMPLETE_DAYS))


def oldest_day(today: date, days: int) -> date:
    """The first day of all that is shown: the window, and two months."""
    return min(window_start(today, days), month_of(month_of(today) - ONE_DAY))


@dataclass(frozen=True)
class CostReading:
    """The days from `first` on that have rows, the newest reported day, and when what was read."""

    first: date
    days: Mapping[date, PairedDay[CostRecord]]
    reported_through: date
    read_at: datetime
    whole_read_at: datetime

    def is_reported(self, day: date) -> bool:
        return self.first <= day <= self.reported_through

    def is_complete(self, day: date) -> bool:
        """Whether the bill has come whole: a later day has a row, or 72 hours are over. It may still be revised."""
        newest = max(self.days, default=self.first)
        return self.is_reported(day) and (day < newest or self.read_at >= end_of(day) + COMPLETE_AFTER)


def _cents(record: CostRecord) -> Iterable[Sample]:
    return (((), record.cents),)


COST: Metric[CostRecord] = Metric(
    "anthropic_cost_usd",
    "Billed cost in US dollars of the UTC day that lies days_ago days back, as far as the API has reported it, "
    "without Priority Tier, which the report leaves out",
    "US dollars",
    LABELS,
    api_fields="amount",
    divisor=CENTS,
    samples=_cents,
)
MONTH_TO_DATE: Metric[CostRecord] = Metric(
    "anthropic_cost_month_to_date_usd",
    "Billed cost in US dollars of the current UTC month over the days that the API has reported, "
    "without Priority Tier, which the report leaves out",
    "US dollars",
    WORKSPACE,
    api_fields="amount",
    divisor=CENTS,
    samples=_cents,
)
PREVIOUS_MONTH: Metric[CostRecord] = Metric(
    "anthropic_cost_previous_month_usd",
    "Billed cost in US dollars of the whole UTC month before the current one, absent until all its days are reported, "
    "without Priority Tier, which the report leaves out",
    "US dollars",
    WORKSPACE,
    api_fields="amount",
    divisor=CENTS,
    samples=_cents,
)


FAMILIES = (COST, MONTH_TO_DATE, PREVIOUS_MONTH)


@dataclass(frozen=True)
class CostTable:
    days: int
    folding: Folding = UNFOLDED
    prefix: str = ""

    def sections(self, reading: CostReading, hour: datetime, names: Names) -> Iterable[Section]:
        today = hour.date()
        reported = [day for day in exposed_days(today, self.days) if reading.is_reported(day)]
        oldest = oldest_day(today, self.days)
        zeros = zero_rows(reported, {day: held for day, held in reading.days.items() if oldest <= day <= today})
        for day in reported:
            held = reading.days.get(day)
            rows = (*(held.rows if held else ()), *zeros[day])
            key = (held, zeros[day], names, self.folding.kept)
            yield Section(day, key, partial(self._of_day, rows, names, day, today))
        yield Section(None, None, partial(self._of_months, reading, today, names))

    def _of_day(self, rows: Sequence[CostRecord], names: Names, day: date, today: date) -> Iterable[Family]:
        prefix = joined(self.prefix, day_label(day, today))
        fold = self.folding.fold(partial(_text, names))
        return families([COST], rows, partial(_text, names, UNFOLDED), prefix, fold)

    def _of_months(self, reading: CostReading, today: date, names: Names) -> Iterator[Family]:
        current = month_of(today)
        to_date = [day for day in day_range(current, today) if reading.is_reported(day)]
        yield from self._of_month(MONTH_TO_DATE, reading, to_date, names)
        whole = list(day_range(month_of(current - ONE_DAY), current - ONE_DAY))
        if all(map(reading.is_reported, whole)):
            yield from self._of_month(PREVIOUS_MONTH, reading, whole, names)

    def _of_month(
        self, metric: Metric[CostRecord], reading: CostReading, days: Iterable[date], names: Names
    ) -> Iterable[Family]:
        rows = (row for day in days if day in reading.days for row in reading.days[day].rows)
        fold = self.folding.fold(partial(_workspace_text, names))
        return families([metric], rows, partial(_workspace_text, names, UNFOLDED), self.prefix, fold)

    def weights(self, reading: CostReading, names: Names) -> Weights:
        """Cents, over all days."""
        found: defaultdict[Dimension, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for held in reading.days.values():
            for row in held.rows:
                found[Dimension.MODEL][row.model] += float(row.cents)
                found[Dimension.WORKSPACE][names.workspace(row.workspace_id)[1]] += float(row.cents)
        return found


def _text(names: Names, folding: Folding, record: CostRecord) -> str:
    model = folding.value(Dimension.MODEL, record.model)
    own = zip(OWN_LABELS, (record.cost_type, model, record.token_type, record.service_tier), strict=True)
    return joined(_workspace_text(names, folding, record), label_text(own))


def _workspace_text(names: Names, folding: Folding, record: CostRecord) -> str:
    return label_text(zip(WORKSPACE, folding.workspace(names, record.workspace_id), strict=True))
