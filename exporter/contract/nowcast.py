"""What days cost as far as known: the bill, and tokens at learned prices where there is no bill yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from exporter.contract.cost import WORKSPACE
from exporter.contract.days import Day, day_label, exposed_days
from exporter.contract.folding import UNFOLDED, Dimension, Folding
from exporter.contract.labels import joined, label_text
from exporter.contract.metric import Family, Metric, Sample, Section
from exporter.contract.names import Names
from exporter.contract.sums import families
from exporter.contract.untracked import Untracked
from exporter.contract.zeros import Pair, PairedDay, zero_rows

TOKEN_TYPES = ("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
ESTIMATED_DAYS = 5  # the newest days that always say how much of them is estimated
LABELS = ("days_ago", *WORKSPACE, "model")


class Meter(Untracked):
    """A row of the usage report by all that a price may depend on; `tokens` in the order of TOKEN_TYPES."""

    workspace_id: str
    model: str
    service_tier: str
    inference_geo: str
    context_window: str
    speed: str
    tokens: tuple[float, ...]
    web_searches: float


@dataclass(frozen=True)
class MeterReading:
    """The reported days, when the refresh that read each of them began, and when the last one did."""

    days: Mapping[date, Day[Meter]]
    days_read_at: Mapping[date, datetime]
    read_at: datetime


class Cell(Untracked):
    """A workspace's and model's day in US dollars: all of it, and what of it no bill has yet."""

    workspace_id: str
    model: str
    usd: float
    estimated_usd: float

    @property
    def pair(self) -> Pair:
        return Pair(self.workspace_id, self.model)

    @property
    def order(self) -> tuple[str, ...]:
        return (self.workspace_id, self.model)

    def nothing(self) -> Cell:
        return Cell(self.workspace_id, self.model, 0.0, 0.0)


class TokenPrice(Untracked):
    """US dollars per million tokens: `basis` is `billed` or `list`."""

    model: str
    token_type: str
    service_tier: str
    inference_geo: str
    speed: str
    basis: str
    usd: float


class Unpriced(Untracked):
    model: str
    token_type: str
    service_tier: str
    tokens: float


class Miss(Untracked):
    """Estimated over billed, less one: `of` is `metered` or `all`."""

    of: str
    ratio: float


@dataclass(frozen=True)
class CostNowcast:
    """Days as far as known. `incomplete` are those whose bill may still grow, `misses` those that were judged.

    Tokens are known `through` that moment.
    """

    days: Mapping[date, PairedDay[Cell]]
    incomplete: frozenset[date]
    month: Sequence[Cell]
    prices: Sequence[TokenPrice]
    unpriced: Mapping[date, Sequence[Unpriced]]
    misses: Mapping[date, Sequence[Miss]]
    price_changed_at: datetime | None
    through: datetime | None


COST: Metric[Cell] = Metric(
    "anthropic_cost_nowcast_usd",
    "What the UTC day that lies days_ago days back costs in US dollars as far as known: for each workspace and model "
    "the larger of what is billed and of its tokens at prices learned from the bill, the bill alone once the day is "
    "complete; without Priority Tier",
    "US dollars",
    LABELS,
    api_fields="amount, tokens",
    samples=lambda cell: (((), cell.usd),),
)
ESTIMATED: Metric[Cell] = Metric(
    "anthropic_cost_nowcast_estimated_usd",
    "The part of anthropic_cost_nowcast_usd in US dollars that is not billed yet, 0 once the day is complete",
    "US dollars",
    LABELS,
    api_fields="tokens",
    samples=lambda cell: (((), cell.estimated_usd),),
)
MONTH_TO_DATE: Metric[Cell] = Metric(
    "anthropic_cost_nowcast_month_to_date_usd",
    "What the current UTC month costs in US dollars as far as known, billed and estimated; without Priority Tier",
    "US dollars",
    WORKSPACE,
    api_fields="amount, tokens",
    samples=lambda cell: (((), cell.usd),),
)
ERROR: Metric[Miss] = Metric(
    "anthropic_cost_nowcast_error_ratio",
    "What would have been estimated for the complete UTC day that lies days_ago days back with the prices that were "
    "known then, over what was billed, less one: 0.01 is one percent too much",
    "ratio",
    ("days_ago",),
    ("of",),
    api_fields="amount, tokens",
    samples=lambda miss: (((miss.of,), miss.ratio),),
)
UNPRICED: Metric[Unpriced] = Metric(
    "anthropic_unpriced_tokens",
    "Tokens of the UTC day that lies days_ago days back which have no price, and count as nothing in the nowcast: "
    "Priority Tier, which no bill has, and models without list price or bill",
    "tokens",
    ("days_ago",),
    ("model", "token_type", "service_tier"),
    api_fields="tokens",
    samples=lambda row: (((row.model, row.token_type, row.service_tier), row.tokens),),
)
PRICE: Metric[TokenPrice] = Metric(
    "anthropic_price_usd_per_million_tokens",
    "US dollars per million tokens: as learned from the bill, and of the price list",
    "US dollars per million tokens",
    own=("model", "token_type", "service_tier", "inference_geo", "speed", "basis"),
    api_fields="amount, tokens",
    samples=lambda row: (
        ((row.model, row.token_type, row.service_tier, row.inference_geo, row.speed, row.basis), row.usd),
    ),
)


def _moment(moment: datetime) -> Iterable[Sample]:
    return (((), moment.timestamp()),)


PRICE_CHANGED: Metric[datetime] = Metric(
    "anthropic_price_changed_timestamp_seconds",
    "Unix time at which a learned price last moved the nowcast of the current day by more than one percent, "
    "since the start of the process",
    "Unix time",
    api_fields="amount, tokens",
    samples=_moment,
)

FAMILIES = (COST, ESTIMATED, MONTH_TO_DATE, ERROR, UNPRICED, PRICE, PRICE_CHANGED)


@dataclass(frozen=True)
class NowcastTable:
    """`of` gives the nowcast on a day, from the meters and the latest bill; None without a bill."""

    days: int
    of: Callable[[MeterReading, date], CostNowcast | None]
    folding: Folding = UNFOLDED
    prefix: str = ""

    def sections(self, reading: MeterReading, hour: datetime, names: Names) -> Iterable[Section]:
        today = hour.date()
        nowcast = self.of(reading, today)
        if nowcast is None:
            return
        known = [day for day in exposed_days(today, self.days) if day in nowcast.days]
        zeros = zero_rows(known, {day: held for day, held in nowcast.days.items() if day <= today})
        for day in known:
            held = nowcast.days[day]
            says_share = (today - day).days < ESTIMATED_DAYS or day in nowcast.incomplete
            unpriced, misses = nowcast.unpriced.get(day, ()), nowcast.misses.get(day, ())
            cells = (*held.rows, *zeros[day])
            yield Section(
                day,
                (held, zeros[day], names, says_share, unpriced, misses, self.folding.kept),
                partial(self._of_day, cells, names, day, today, says_share, unpriced, misses),
            )
        yield Section(None, None, partial(self._of_no_day, nowcast, names))

    def _of_day(
        self,
        cells: Sequence[Cell],
        names: Names,
        day: date,
        today: date,
        says_share: bool,
        unpriced: Sequence[Unpriced],
        misses: Sequence[Miss],
    ) -> Iterator[Family]:
        prefix = joined(self.prefix, day_label(day, today))
        metrics = (COST, ESTIMATED) if says_share else (COST,)
        fold = self.folding.fold(partial(_text, names))
        yield from families(metrics, cells, partial(_text, names, UNFOLDED), prefix, fold)
        yield from families([UNPRICED], unpriced, _without_text, prefix, self.folding.fold(lambda *_: ""))
        yield from families([ERROR], misses, _without_text, prefix)

    def _of_no_day(self, nowcast: CostNowcast, names: Names) -> Iterator[Family]:
        fold = self.folding.fold(partial(_workspace_text, names))
        of_workspace = partial(_workspace_text, names, UNFOLDED)
        yield from families([MONTH_TO_DATE], nowcast.month, of_workspace, self.prefix, fold)
        yield from families([PRICE], nowcast.prices, _without_text, self.prefix)
        changed = [nowcast.price_changed_at] if nowcast.price_changed_at else []
        yield from families([PRICE_CHANGED], changed, _without_text, self.prefix)


def _workspace_text(names: Names, folding: Folding, cell: Cell) -> str:
    return label_text(zip(WORKSPACE, folding.workspace(names, cell.workspace_id or None), strict=True))


def _text(names: Names, folding: Folding, cell: Cell) -> str:
    model = label_text([("model", folding.value(Dimension.MODEL, cell.model))])
    return joined(_workspace_text(names, folding, cell), model)


def _without_text(_: object) -> str:
    return ""
