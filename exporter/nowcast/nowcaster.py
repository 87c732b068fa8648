"""The nowcast of an organization: made of the latest usage and the latest bill, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from functools import partial
from math import fsum
from threading import Lock

from exporter.contract.cost import CENTS, CostReading, CostRecord
from exporter.contract.days import Day, day_range, end_of, month_of, through
from exporter.contract.nowcast import TOKEN_TYPES, Cell, CostNowcast, Meter, MeterReading, Miss, TokenPrice
from exporter.contract.sums import EXACT
from exporter.contract.zeros import Pair, PairedDay
from exporter.nowcast.books import PRIORITY, Book, PriceKey, book, is_metered
from exporter.nowcast.estimate import DayEstimate, estimated
from exporter.nowcast.kept import Kept
from exporter.nowcast.learning import WINDOW_DAYS, Prices, learn
from exporter.nowcast.list_prices import MILLION, ListPrices, multiplier

# A cell of which that much is billed is not estimated any more: its bill has come.
BILLED = 0.97
JUDGED_DAYS_AGO = range(3, 10)
# A bill is never known sooner.
LEAST_LAG_DAYS = 2
LEAST_CHANGE = 0.01
DIGITS = 9  # of what is no bill

# Model, token type, service tier, place of inference, speed.
Use = tuple[str, str, str, str, str]
Uses = Mapping[Use, Mapping[str, float]]


class Nowcaster:
    """Makes nothing again that follows from what has not changed; remembers of the past only when prices moved.

    Threads wait for each other: what one has made the next one has.
    """

    def __init__(self, list_prices: ListPrices, now: Callable[[], datetime]) -> None:
        self._list_prices = list_prices
        self._now = now
        self._lock = Lock()
        self._uses: Kept[Uses] = Kept()
        self._books: Kept[Book] = Kept()
        self._learned: Kept[Prices] = Kept()
        self._estimates: Kept[DayEstimate] = Kept()
        self._days: Kept[PairedDay[Cell]] = Kept()
        self._misses: Kept[tuple[Miss, ...]] = Kept()
        self._nowcasts: Kept[CostNowcast] = Kept()
        self._prices: Prices | None = None
        self._price_changed_at: datetime | None = None
        self.latest: CostNowcast | None = None

    def nowcast(self, meters: MeterReading, cost: CostReading, today: date) -> CostNowcast:
        """On that day: the same object for the same readings. The latest one from then on."""
        self.latest = self.prepared(meters, cost, today)
        return self.latest

    def prepared(self, meters: MeterReading, cost: CostReading, today: date) -> CostNowcast:
        """What the nowcast will be, for to make it where nobody waits: it takes seconds where there are many prices."""
        with self._lock:
            nowcast = self._nowcasts.of(today, (meters, cost), lambda: self._made(meters, cost, today))
            self._nowcasts.forget_unused()
        return nowcast

    def _made(self, meters: MeterReading, cost: CostReading, today: date) -> CostNowcast:
        books = self._of_complete_days(meters, cost)
        prices = self._of_newest([book for _, book in sorted(books.items(), reverse=True)])
        self._notice(prices, meters.days.get(today))
        estimates = {
            day: self._estimates.of(day, (held, prices), partial(estimated, held.rows, prices))
            for day, held in meters.days.items()
        }
        days = {
            day: self._day(day, cost, estimates.get(day), meters.read_at)
            for day in day_range(cost.first, today)
            if cost.is_reported(day) or day in estimates
        }
        misses = {
            day: self._of_judged(day, books, _lag_days(cost))
            for day in (today - timedelta(days=age) for age in JUDGED_DAYS_AGO)
            if day in books
        }
        uses = {
            day: self._uses.of(day, (held,), partial(_uses, held.rows)) for day, held in sorted(meters.days.items())
        }
        of_past = [of_day for day, of_day in uses.items() if day != today]
        past = self._uses.of("past", tuple(of_past), partial(_summed, of_past))
        for kept in (self._uses, self._books, self._learned, self._estimates, self._days, self._misses):
            kept.forget_unused()
        return CostNowcast(
            days,
            frozenset(day for day in days if not cost.is_complete(day)),
            _month(days, today),
            _prices(_summed((past, uses.get(today, {}))), prices),
            {day: estimate.unpriced for day, estimate in estimates.items()},
            misses,
            self._price_changed_at,
            through(meters.days, meters.read_at),
        )

    def _of_complete_days(self, meters: MeterReading, cost: CostReading) -> dict[date, Book]:
        books = {}
        for day, held in meters.days.items():
            if cost.is_complete(day):
                bill = cost.days.get(day)
                made = partial(book, held.rows, bill.rows if bill else (), self._list_prices)
                books[day] = self._books.of(day, (held, bill), made)
        return books

    def _of_newest(self, books: Sequence[Book]) -> Prices:
        """Prices of complete days, newest first; learned again only when one of them is another."""
        window = tuple(books[:WINDOW_DAYS])
        return self._learned.of(tuple(map(id, window)), window, lambda: learn(window, self._list_prices))

    def _notice(self, prices: Prices, today: Day[Meter] | None) -> None:
        """Whether today's tokens cost something else than by the prices until now."""
        before, self._prices = self._prices, prices
        if before and before is not prices and today:
            was, now = (estimated(today.rows, each).total_usd for each in (before, prices))
            if abs(now - was) > LEAST_CHANGE * was:
                self._price_changed_at = self._now()

    def _day(self, day: date, cost: CostReading, estimate: DayEstimate | None, read_at: datetime) -> PairedDay[Cell]:
        bill, open_estimate = cost.days.get(day), None if cost.is_complete(day) else estimate
        return self._days.of(day, (bill, open_estimate), lambda: _cells(bill, open_estimate, read_at))

    def _of_judged(self, day: date, books: Mapping[date, Book], lag_days: int) -> tuple[Miss, ...]:
        """With the prices of what was known at the day's end."""
        known = [books[other] for other in sorted(books, reverse=True) if other <= day - timedelta(days=lag_days)]
        if not known:
            return ()
        prices = self._of_newest(known)
        judged = books[day]
        return self._misses.of(day, (judged, prices), lambda: tuple(_misses(judged, prices)))


def _cells(bill: PairedDay[CostRecord] | None, estimate: DayEstimate | None, read_at: datetime) -> PairedDay[Cell]:
    billed: dict[Pair, Decimal] = {}
    unmetered: dict[Pair, Decimal] = {}
    with localcontext(EXACT):
        for record in bill.rows if bill else ():
            for sums in (billed,) if is_metered(record) else (billed, unmetered):
                sums[record.pair] = sums.get(record.pair, Decimal(0)) + record.cents
    usd = estimate.usd if estimate else {}
    cells = []
    for pair in sorted(billed.keys() | usd.keys()):
        known = float(billed.get(pair, Decimal(0)) / CENTS)
        expected = round(usd.get(pair, 0.0) + float(unmetered.get(pair, Decimal(0)) / CENTS), DIGITS)
        is_open = estimate is not None and known < BILLED * expected
        share = round(expected - known, DIGITS)
        cells.append(Cell(*pair, expected, share) if is_open else Cell(*pair, known, 0.0))
    return PairedDay(cells, read_at)


def _lag_days(cost: CostReading) -> int:
    """How old the newest complete day is, in whole days since its end."""
    complete = [day for day in cost.days if cost.is_complete(day)]
    return max(LEAST_LAG_DAYS, (cost.read_at - end_of(max(complete))).days if complete else 0)


def _misses(judged: Book, prices: Prices) -> Iterable[Miss]:
    expected = estimated(judged.meters, prices).total_usd
    for of, billed in (("metered", judged.metered_usd), ("all", judged.billed_usd)):
        if billed > 0:
            yield Miss(of, round(expected / billed - 1, DIGITS))


def _month(days: Mapping[date, PairedDay[Cell]], today: date) -> Sequence[Cell]:
    parts: dict[str, list[float]] = {}
    for day in day_range(month_of(today), today):
        for cell in days[day].rows if day in days else ():
            parts.setdefault(cell.workspace_id, []).append(cell.usd)
    return [Cell(workspace_id, "", fsum(usd), 0.0) for workspace_id, usd in sorted(parts.items())]


def _uses(meters: Iterable[Meter]) -> Uses:
    """Tokens by what they were used for, and by context window, where those are told apart."""
    used: dict[Use, dict[str, float]] = {}
    for meter in meters:
        for token_type, count in zip(TOKEN_TYPES, meter.tokens, strict=True):
            if count and meter.service_tier not in PRIORITY:
                name = (meter.model, token_type, meter.service_tier, meter.inference_geo, meter.speed)
                by_context = used.setdefault(name, {})
                by_context[meter.context_window] = by_context.get(meter.context_window, 0) + count
    return used


def _summed(days: Iterable[Uses]) -> Uses:
    used: dict[Use, dict[str, float]] = {}
    for uses in days:
        for name, counts in uses.items():
            sums = used.setdefault(name, {})
            for context, count in counts.items():
                sums[context] = sums.get(context, 0) + count
    return used


def _prices(used: Uses, prices: Prices) -> Sequence[TokenPrice]:
    """Of what has been used, in the whole organization: the mean of context windows, where those are told apart."""
    priced = ((name, _price(name, counts, prices)) for name, counts in sorted(used.items()))
    return [TokenPrice(*name, basis, usd) for name, found in priced for basis, usd in found]


def _price(name: Use, counts: Mapping[str, float], prices: Prices) -> Iterable[tuple[str, float]]:
    model, token_type, tier, geo, speed = name
    times = MILLION * multiplier(tier, geo, speed)
    keys = {context: PriceKey("", model, tier, geo, context, token_type) for context in counts}
    listed = prices.listed_usd(next(iter(keys.values())))
    factors = {context: prices.factor(key, of_workspace=False) for context, key in keys.items()}
    known = [(factor, float(counts[context])) for context, factor in factors.items() if factor is not None]
    if known:
        mean = fsum(factor * count for factor, count in known) / fsum(count for _, count in known)
        yield "billed", round(mean * times * (1.0 if listed is None else listed), DIGITS)
    if listed is not None:
        yield "list", round(listed * times, DIGITS)
