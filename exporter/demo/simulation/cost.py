"""A day's cost at the finest dimensions of the cost report, derived from the day's usage and what is paid for it."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from math import floor
from random import Random
from typing import NamedTuple

from exporter.demo.simulation.contract import Contract
from exporter.demo.simulation.models import display_name
from exporter.demo.simulation.prices import (
    CACHE_READ,
    CACHE_WRITE_1H,
    CACHE_WRITE_5M,
    CENTS_PER_CONTAINER_HOUR,
    CENTS_PER_SESSION_HOUR,
    CENTS_PER_WEB_SEARCH,
    INPUT,
    OUTPUT,
    Terms,
    cents_per_token,
)
from exporter.demo.simulation.rhythm import SERVICE, Rhythm
from exporter.demo.simulation.unseen import Unseen
from exporter.demo.simulation.usage import UsageRow

PRIORITY = ("priority", "priority_on_demand")  # billed by contract, absent from the report
TOKEN_NAMES = {
    INPUT: "Input Tokens",
    OUTPUT: "Output Tokens",
    CACHE_READ: "Cache Read Tokens",
    CACHE_WRITE_5M: "5m Cache Write Tokens",
    CACHE_WRITE_1H: "1h Cache Write Tokens",
}
HOURS = (
    ("Code Execution Usage", "code_execution", CENTS_PER_CONTAINER_HOUR, (20, 60)),
    ("Managed Agents Session Usage", "session_usage", CENTS_PER_SESSION_HOUR, (30, 80)),
)
HUNDREDTHS = 100


class CostKey(NamedTuple):
    """`token_type` to `inference_geo` are None for cost that is not for tokens."""

    workspace_id: str | None
    description: str
    cost_type: str
    token_type: str | None = None
    model: str | None = None
    service_tier: str | None = None
    context_window: str | None = None
    inference_geo: str | None = None


class CostRow(NamedTuple):
    """`amount` is exact, in cents."""

    key: CostKey
    amount: Decimal


def _token_key(row: UsageRow, token_type: str) -> CostKey:
    mode = " (Fast Mode)" if row.speed == "fast" else ""
    return CostKey(
        row.workspace_id,
        f"{display_name(row.model)}{mode} Usage - {TOKEN_NAMES[token_type]}",
        "tokens",
        token_type,
        row.model,
        row.service_tier,
        row.context_window,
        row.inference_geo,
    )


def cost_of_usage(day: date, usage: Iterable[tuple[UsageRow, Unseen]], contract: Contract) -> list[CostRow]:
    """What a day's usage rows cost: tokens outside Priority Tier, and all web searches."""
    amounts: defaultdict[CostKey, Decimal] = defaultdict(Decimal)
    for row, unseen in usage:
        searches = CostKey(row.workspace_id, "Web Search Usage", "web_search")
        amounts[searches] += row.web_search_requests * CENTS_PER_WEB_SEARCH
        if row.service_tier in PRIORITY:
            continue
        terms = Terms(row.service_tier, row.inference_geo, row.speed)
        paid = contract.paid(row.model, day) * unseen.weight(row.model)
        for token_type, tokens in row.tokens.items():
            amounts[_token_key(row, token_type)] += tokens * paid * cents_per_token(row.model, token_type, day, terms)
    return [CostRow(key, amount) for key, amount in amounts.items() if amount]


def cost_of_hours(
    seed: int, day: date, workspace_ids: Iterable[str | None], share: Callable[[Rhythm], float]
) -> list[CostRow]:
    """What containers and managed sessions cost; billed in hundredths of an hour, so that amounts stay exact."""
    rows = []
    for workspace_id in workspace_ids:
        for description, cost_type, cents_per_hour, (least, most) in HOURS:
            hours = Random(f"{seed}/{day}/{cost_type}/{workspace_id}").uniform(least, most)
            amount = cents_per_hour * floor(hours * HUNDREDTHS * share(SERVICE)) / HUNDREDTHS
            if amount:
                rows.append(CostRow(CostKey(workspace_id, description, cost_type), amount))
    return rows
