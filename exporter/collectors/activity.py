"""Claude Code activity as metrics: of a day's rows, and of a day whose rows were added up and not kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from exporter.api.wire import Actor, ClaudeCodeRecord
from exporter.metrics import NONE, Metric, Sample, Sums, Totals, label_text

CENTS = 100
ALL = "all"
ACTOR_TYPES = {"user_actor": "user", "api_actor": "api_key"}
ALWAYS_COUNTED = tuple((actor, customer) for actor in ("user", "api_key") for customer in ("api", "subscription"))

# `actor`, `actor_type`, `customer_type`.
Actors = set[tuple[str, str, str]]


@dataclass(frozen=True)
class FoldedDay:
    """A day's sums over all actors, by metric's name, and how many actors there were."""

    sums: Mapping[str, Sums]
    active_actors: Sums
    has_rows: bool


class Fold:
    """Makes a folded day of rows that come in parts; keeps none of them."""

    def __init__(self) -> None:
        self._totals = Totals(METRICS, _text_of_all)
        self._actors: Actors = set()

    def add(self, records: Iterable[ClaudeCodeRecord]) -> None:
        self._totals.add(records)
        self._actors |= _actors(records)

    def day(self) -> FoldedDay:
        return FoldedDay(self._totals.by_name(), _counts(self._actors), bool(self._actors))


def folded(records: Iterable[ClaudeCodeRecord]) -> FoldedDay:
    fold = Fold()
    fold.add(records)
    return fold.day()


def active_actors(records: Iterable[ClaudeCodeRecord]) -> Sums:
    """Distinct actors by label text; the four usual combinations are always there."""
    return _counts(_actors(records))


def text_of(record: ClaudeCodeRecord) -> str:
    """The labels of all metrics of a row."""
    return _text(*_actor(record.actor), record)


def _text_of_all(record: ClaudeCodeRecord) -> str:
    return _text(ALL, _actor(record.actor)[1], record)


def _text(actor: str, actor_type: str, record: ClaudeCodeRecord) -> str:
    return label_text(
        [
            ("actor", actor),
            ("actor_type", actor_type),
            ("terminal", record.terminal_type or NONE),
            ("customer_type", record.customer_type or NONE),
        ]
    )


def _actor(actor: Actor) -> tuple[str, str]:
    """(`actor`, `actor_type`)."""
    name = actor.email_address or actor.api_key_name or actor.service_account_id or actor.subject
    return name or NONE, ACTOR_TYPES.get(actor.type, actor.type)


def _actors(records: Iterable[ClaudeCodeRecord]) -> Actors:
    return {(*_actor(record.actor), record.customer_type or NONE) for record in records}


def _counts(actors: Actors) -> Sums:
    counts = Counter((actor_type, customer_type) for _, actor_type, customer_type in actors)
    for combination in ALWAYS_COUNTED:
        counts.setdefault(combination, 0)
    return {
        label_text([("actor_type", actor_type), ("customer_type", customer_type)]): count
        for (actor_type, customer_type), count in sorted(counts.items())
    }


def _tool_actions(record: ClaudeCodeRecord) -> Iterator[Sample]:
    for key, action in record.tool_actions.items():
        tool = key.removesuffix("_tool")
        yield (tool, "accepted"), action.accepted
        yield (tool, "rejected"), action.rejected


def _tokens(record: ClaudeCodeRecord) -> Iterator[Sample]:
    for use in record.model_breakdown:
        model, tokens = use.model or NONE, use.tokens
        yield (model, "uncached_input"), tokens.input
        yield (model, "cache_read"), tokens.cache_read
        yield (model, "cache_write"), tokens.cache_creation
        yield (model, "output"), tokens.output


def _estimated_cost(record: ClaudeCodeRecord) -> Iterator[Sample]:
    # The text of a float is the API's own decimal number; its sums are exact.
    return (((use.model or NONE,), Decimal(str(use.estimated_cost.amount))) for use in record.model_breakdown)


def _help(what: str) -> str:
    return (
        f"{what} of the UTC day that lies days_ago days back, by actor and terminal, about an hour late; "
        "refreshed in the background, not at the scrape."
    )


METRICS: tuple[Metric[ClaudeCodeRecord], ...] = (
    Metric(
        "anthropic_claude_code_sessions",
        _help("Claude Code sessions"),
        "core_metrics.num_sessions",
        lambda record: (((), record.core_metrics.num_sessions),),
    ),
    Metric(
        "anthropic_claude_code_lines_of_code",
        _help("Lines of code added or removed with Claude Code"),
        "core_metrics.lines_of_code",
        lambda record: (
            (("added",), record.core_metrics.lines_of_code.added),
            (("removed",), record.core_metrics.lines_of_code.removed),
        ),
        labels=("change",),
    ),
    Metric(
        "anthropic_claude_code_commits",
        _help("Commits made by Claude Code"),
        "core_metrics.commits_by_claude_code",
        lambda record: (((), record.core_metrics.commits_by_claude_code),),
    ),
    Metric(
        "anthropic_claude_code_pull_requests",
        _help("Pull requests made by Claude Code"),
        "core_metrics.pull_requests_by_claude_code",
        lambda record: (((), record.core_metrics.pull_requests_by_claude_code),),
    ),
    Metric(
        "anthropic_claude_code_tool_actions",
        _help("Proposals of Claude Code tools, accepted or rejected,"),
        "tool_actions",
        _tool_actions,
        labels=("tool", "decision"),
    ),
    Metric(
        "anthropic_claude_code_tokens",
        _help("Tokens used by Claude Code"),
        "model_breakdown.tokens",
        _tokens,
        labels=("model", "token_type"),
    ),
    Metric(
        "anthropic_claude_code_estimated_cost_usd",
        _help("Cost in US dollars as the API estimates it, which is not billing,"),
        "model_breakdown.estimated_cost.amount",
        _estimated_cost,
        labels=("model",),
        divisor=CENTS,
    ),
)
ACTIVE_ACTORS_NAME = "anthropic_claude_code_active_actors"
ACTIVE_ACTORS_SOURCE = "actor, customer_type"
ACTIVE_ACTORS_HELP = (
    "Distinct actors with Claude Code activity on the UTC day that lies days_ago days back, about an hour late; "
    "refreshed in the background, not at the scrape."
)
