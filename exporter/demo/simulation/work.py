"""What Claude Code did on a day, and how it adds up over the day's hours."""

from datetime import UTC, date, datetime, time
from math import ceil, floor
from random import Random
from typing import NamedTuple

from exporter.demo.simulation.claude_code import (
    ClaudeCodeRecord,
    CoreMetrics,
    EstimatedCost,
    LinesOfCode,
    ModelUse,
    Tokens,
    ToolAction,
)
from exporter.demo.simulation.directory import FOUNDED
from exporter.demo.simulation.models import model_of
from exporter.demo.simulation.prices import list_price
from exporter.demo.simulation.rhythm import is_weekend
from exporter.demo.simulation.seats import Seat

TOOLS = ("edit_tool", "multi_edit_tool", "write_tool", "notebook_edit_tool")
CENTS_PER_TOKEN = 1e-4  # of a price of one dollar per million tokens
CACHE_WRITE_MULTIPLIER = 1.25


class Work(NamedTuple):
    """A seat's whole day. It spans the shares `begins` to `ends` of the organization's day."""

    record: ClaudeCodeRecord
    whole_cents: bool
    begins: float
    ends: float


def _model_use(model: str, day: date, tokens: Tokens, whole_cents: bool) -> ModelUse:
    price = list_price(model, day)
    input_price = float(price.input)
    cents = CENTS_PER_TOKEN * (
        tokens.input * input_price
        + tokens.output * float(price.output)
        + tokens.cache_read * float(price.cache_read)
        + tokens.cache_creation * input_price * CACHE_WRITE_MULTIPLIER
    )
    return ModelUse(model, tokens, EstimatedCost(round(cents) if whole_cents else round(cents, 2)))


def _tokens(sessions: int, rng: Random) -> Tokens:
    output = floor(sessions * rng.uniform(4_000, 16_000))
    return Tokens(
        input=floor(output * rng.uniform(1, 4)),
        output=output,
        cache_read=floor(output * rng.uniform(40, 110)),
        cache_creation=floor(output * rng.uniform(3, 8)),
    )


def _tool_actions(sessions: int, rng: Random) -> dict[str, ToolAction]:
    tools = TOOLS if rng.random() < 0.1 else TOOLS[:3] if rng.random() < 0.4 else ("edit_tool", "write_tool")
    return {
        tool: ToolAction(floor(sessions * rng.uniform(1, 9) / (n + 1)), floor(sessions * rng.uniform(0, 1.5) / (n + 1)))
        for n, tool in enumerate(tools)
    }


def _core_metrics(sessions: int, rng: Random) -> CoreMetrics:
    added = floor(sessions * rng.uniform(10, 160))
    return CoreMetrics(
        num_sessions=sessions,
        lines_of_code=LinesOfCode(added, floor(added * rng.uniform(0.1, 0.7))),
        commits_by_claude_code=floor(sessions * rng.uniform(0, 1.2)),
        pull_requests_by_claude_code=floor(sessions * rng.uniform(0, 0.5)),
    )


def _work(seat: Seat, day: date, organization_id: str, rng: Random) -> Work:
    sessions = max(1, round(seat.pace * rng.uniform(0.5, 1.6)))
    lines = (seat.line, "haiku") if rng.random() < 0.5 else (seat.line,)
    uses = [_model_use(model_of(line, day), day, _tokens(sessions, rng), seat.whole_cents) for line in lines]
    record = ClaudeCodeRecord(
        date=datetime.combine(day, time(), UTC),
        actor=seat.actor,
        organization_id=organization_id,
        customer_type=seat.customer_type,
        subscription_type=seat.subscription_type,
        terminal_type=seat.terminal_type,
        is_remote=seat.is_remote,
        core_metrics=_core_metrics(sessions, rng),
        tool_actions=_tool_actions(sessions, rng),
        model_breakdown=uses,
    )
    begins = rng.uniform(0, 0.5)
    return Work(record, seat.whole_cents, begins, rng.uniform(begins + 0.1, 1.0))


def work_of_day(seed: int, day: date, seats: list[Seat], organization_id: str) -> list[Work]:
    """Every seat that was used on a day, with its whole day's work."""
    if day < FOUNDED:
        return []
    rng = Random(f"{seed}/{day}/claude-code")
    chance = 0.15 if is_weekend(day) else 0.85
    return [_work(seat, day, organization_id, rng) for seat in seats if rng.random() < chance]


def _core_part(core: CoreMetrics, progress: float) -> CoreMetrics:
    lines = core.lines_of_code
    return CoreMetrics(
        ceil(core.num_sessions * progress),  # the first session is there from the beginning
        LinesOfCode(floor(lines.added * progress), floor(lines.removed * progress)),
        floor(core.commits_by_claude_code * progress),
        floor(core.pull_requests_by_claude_code * progress),
    )


def _tools_part(actions: dict[str, ToolAction], progress: float) -> dict[str, ToolAction]:
    return {
        tool: ToolAction(floor(action.accepted * progress), floor(action.rejected * progress))
        for tool, action in actions.items()
    }


def _tokens_part(tokens: Tokens, progress: float) -> Tokens:
    return Tokens(
        floor(tokens.input * progress),
        floor(tokens.output * progress),
        floor(tokens.cache_read * progress),
        floor(tokens.cache_creation * progress),
    )


def _part(work: Work, progress: float) -> ClaudeCodeRecord:
    record = work.record
    return ClaudeCodeRecord(
        date=record.date,
        actor=record.actor,
        organization_id=record.organization_id,
        customer_type=record.customer_type,
        subscription_type=record.subscription_type,
        terminal_type=record.terminal_type,
        is_remote=record.is_remote,
        core_metrics=_core_part(record.core_metrics, progress),
        tool_actions=_tools_part(record.tool_actions, progress),
        model_breakdown=[
            _model_use(use.model, record.date.date(), _tokens_part(use.tokens, progress), work.whole_cents)
            for use in record.model_breakdown
        ],
    )


def records_until(works: list[Work], share: float) -> list[ClaudeCodeRecord]:
    """The records as they stand when that share of the day has passed; work not begun has no record."""
    records = []
    for work in works:
        if share >= work.ends:
            records.append(work.record)
        elif share > work.begins:
            records.append(_part(work, (share - work.begins) / (work.ends - work.begins)))
    return records
