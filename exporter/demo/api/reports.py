"""The three reports: messages usage, cost, Claude Code.

Pages: platform.claude.com/docs/en/api/admin/usage_report and …/cost_report.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from exporter.demo.api.errors import BadRequestError
from exporter.demo.api.paging import Body, Page, PagingSession, slice_page
from exporter.demo.api.query import Query
from exporter.demo.simulation.cost import CostKey, CostRow
from exporter.demo.simulation.organization import DAY, SimulatedOrganization, midnight
from exporter.demo.simulation.usage import UsageRow

FAST_MODE_BETA = "fast-mode-2026-02-01"
MAX_GROUPS = 5
CLAUDE_CODE_DEFAULT, CLAUDE_CODE_MAX = 20, 1000
LAST_SECOND = time(23, 59, 59)

# The report always has these fields; `speed` appears only where it is grouped by.
USAGE_FIELDS = (
    "account_id",
    "service_account_id",
    "api_key_id",
    "workspace_id",
    "model",
    "context_window",
    "service_tier",
    "inference_geo",
)
USAGE_DIMENSIONS = (*USAGE_FIELDS, "speed")
USAGE_FILTERS = {
    "account_ids[]": "account_id",
    "service_account_ids[]": "service_account_id",
    "api_key_ids[]": "api_key_id",
    "workspace_ids[]": "workspace_id",
    "models[]": "model",
    "context_window[]": "context_window",
    "service_tiers[]": "service_tier",
    "inference_geos[]": "inference_geo",
    "speeds[]": "speed",
}
COST_DIMENSIONS = ("workspace_id", "description")
NOT_DESCRIBED = CostKey(None, "", "")


class Width(NamedTuple):
    """A bucket width and how many buckets a page holds."""

    length: timedelta
    default: int
    most: int


DAYS = Width(DAY, 7, 31)
WIDTHS = {"1d": DAYS, "1h": Width(timedelta(hours=1), 24, 168), "1m": Width(timedelta(minutes=1), 60, 1440)}


class Reports:
    """Lags say how long after the event the organization's numbers appear in a report."""

    def __init__(
        self,
        organization: SimulatedOrganization,
        *,
        usage_lag: timedelta,
        cost_lag: timedelta,
        claude_code_lag: timedelta,
    ) -> None:
        self._organization = organization
        self._usage_lag = usage_lag
        self._cost_lag = cost_lag
        self._claude_code_lag = claude_code_lag

    def usage(self, query: Query, session: PagingSession, betas: Collection[str]) -> Page:
        groups = _groups(query, USAGE_DIMENSIONS)
        if ("speed" in groups or query.many("speeds[]")) and FAST_MODE_BETA not in betas:
            raise BadRequestError(f"speed: Requires the anthropic-beta header {FAST_MODE_BETA}")
        wanted = _filters(query)
        known_at = session.began - self._usage_lag

        def results(start: datetime, end: datetime) -> list[Body]:
            rows = self._organization.usage_between(start, end, known_at)
            return _usage_results((row for row in rows if _matches(row, wanted)), groups)

        width = WIDTHS[query.choice("bucket_width", WIDTHS, "1d")]
        start, end = _range(query)
        if end <= start:
            raise BadRequestError("Invalid date range: ending date must be after starting date")
        return _bucket_page(query, session, width, results)

    def cost(self, query: Query, session: PagingSession) -> Page:
        groups = _groups(query, COST_DIMENSIONS)
        query.choice("bucket_width", ("1d",), "1d")
        _check_cost_range(query, session)
        known_at = session.began - self._cost_lag

        def results(start: datetime, _end: datetime) -> list[Body]:
            return _cost_results(self._organization.cost_rows(start.date(), known_at), groups)

        return _bucket_page(query, session, DAYS, results)

    def claude_code(self, query: Query, session: PagingSession) -> Page:
        day = query.day("starting_at")
        limit = query.integer("limit", CLAUDE_CODE_DEFAULT, 1, CLAUDE_CODE_MAX)
        records = self._organization.claude_code_rows(day, session.began - self._claude_code_lag)
        return slice_page(records, session.position, limit)


def _groups(query: Query, dimensions: Collection[str]) -> list[str]:
    groups = query.many("group_by[]")
    if len(groups) > MAX_GROUPS:
        raise BadRequestError(f"Cannot specify more than {MAX_GROUPS} group_by[] dimensions.")
    for group in groups:
        if group not in dimensions:
            raise BadRequestError(f"group_by[]: Input should be one of {', '.join(dimensions)}")
    return groups


def _filters(query: Query) -> dict[str, list[str]]:
    return {dimension: query.many(name) for name, dimension in USAGE_FILTERS.items() if query.many(name)}


def _matches(row: UsageRow, wanted: dict[str, list[str]]) -> bool:
    return all(getattr(row, dimension) in values for dimension, values in wanted.items())


def _snapped(instant: datetime, length: timedelta) -> datetime:
    start = midnight(instant.date())
    return start + (instant - start) // length * length


def _range(query: Query) -> tuple[datetime, datetime]:
    """The range asked for; without an end it is open and takes in the bucket that is going on."""
    start = query.instant("starting_at")
    if start is None:
        raise BadRequestError("starting_at: Field required")
    return start, query.instant("ending_at") or datetime.max.replace(tzinfo=UTC)


def _check_cost_range(query: Query, session: PagingSession) -> None:
    """At least one complete UTC day before today, and no end at a day's last second."""
    start, end = _range(query)
    complete = min(_snapped(end, DAY), _snapped(session.began, DAY)) - _snapped(start, DAY)
    ends_a_second_early = query.one("ending_at") is not None and end.time() >= LAST_SECOND
    if complete < DAY or ends_a_second_early:
        message = "Invalid date range: ending date must be after starting date"
        raise BadRequestError(message, {"x-should-retry": "false"})


def _bucket_page(
    query: Query, session: PagingSession, width: Width, results: Callable[[datetime, datetime], list[Body]]
) -> Page:
    """Buckets oldest first, each interval having one, up to the one that holds the session's beginning."""
    limit = query.integer("limit", width.default, 1, width.most)
    asked_from, asked_until = _range(query)
    first = _snapped(asked_from, width.length)
    last_end = min(_snapped(asked_until, width.length), _snapped(session.began, width.length) + width.length)
    count = max(0, (last_end - first) // width.length)
    positions = range(session.position, min(count, session.position + limit))
    starts = (first + position * width.length for position in positions)
    data = [_bucket(start, start + width.length, results) for start in starts]
    return Page(data, positions.stop if positions.stop < count else None)


def _bucket(start: datetime, end: datetime, results: Callable[[datetime, datetime], list[Body]]) -> Body:
    return {"starting_at": start, "ending_at": end, "results": results(start, end)}


def _usage_results(rows: Iterable[UsageRow], groups: list[str]) -> list[Body]:
    sums: dict[tuple[str | None, ...], tuple[int, ...]] = {}
    for row in rows:
        key = tuple(getattr(row, group) for group in groups)
        seen = sums.get(key)
        sums[key] = row.numbers if seen is None else tuple(map(int.__add__, seen, row.numbers))
    return [_usage_result(dict(zip(groups, key, strict=True)), numbers) for key, numbers in sums.items()]


def _usage_result(group: dict[str, str | None], numbers: tuple[int, ...]) -> Body:
    uncached, output, read, write_5m, write_1h, searches = numbers
    return {
        "uncached_input_tokens": uncached,
        "output_tokens": output,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": write_5m, "ephemeral_1h_input_tokens": write_1h},
        "server_tool_use": {"web_search_requests": searches},
        **dict.fromkeys(USAGE_FIELDS),
        **group,
    }


def _cost_results(rows: Iterable[CostRow], groups: list[str]) -> list[Body]:
    amounts: defaultdict[CostKey, Decimal] = defaultdict(Decimal)
    for row in rows:
        key = row.key if "description" in groups else NOT_DESCRIBED._replace(workspace_id=row.key.workspace_id)
        amounts[key if "workspace_id" in groups else key._replace(workspace_id=None)] += row.amount
    return [_cost_result(key, amount) for key, amount in amounts.items()]


def _cost_result(key: CostKey, amount: Decimal) -> Body:
    fields: dict[str, Any] = {name: value or None for name, value in key._asdict().items()}
    return {"amount": _plain(amount), "currency": "USD", **fields}


def _plain(amount: Decimal) -> str:
    """Without exponent and without trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
