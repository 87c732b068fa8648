"""Claude Code activity by day, actor and terminal; people by name on the newest days alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, partial

from exporter.contract.activity import Activity, ReadPage, Told
from exporter.contract.activity_metrics import ACTIVE_ACTORS, COST, LABELS, METRICS
from exporter.contract.days import are_equal, day_label, exposed_days, let_go
from exporter.contract.folding import UNFOLDED, Dimension, Folding, Weights, with_other_models
from exporter.contract.labels import NONE, joined, label_text
from exporter.contract.metric import Family, Group, Section, Sums
from exporter.contract.names import Names
from exporter.contract.people import ALL, API_KEY, People, who, without_addresses
from exporter.contract.sums import Totals, families

MANY = 10**9  # sessions, which weigh less than any cent
KINDS = {"user_actor": "user", "api_actor": API_KEY}
# What `--claude-code.group-by` adds.
DIMENSIONS: Mapping[str, Callable[[Activity], Told]] = {
    "remote": lambda row: row.is_remote,
    "subscription_type": lambda row: row.subscription_type,
}
ALWAYS_COUNTED = tuple((actor, customer) for actor in ("user", "api_key") for customer in ("api", "subscription"))


@dataclass(frozen=True)
class FoldedRows:
    """What is left of rows that were added up over people: each family's sums, and how many people there were."""

    sums: Mapping[str, Sums]
    active_actors: Sums

    def __bool__(self) -> bool:
        return any(self.sums.values())


@dataclass(frozen=True, eq=False)
class ClaudeCodeDay:
    """All rows of a day, or the day without its people; and when it last became another.

    `group_by` are the dimensions that stay apart where people are added up.
    """

    rows: Sequence[Activity] | FoldedRows
    changed_at: datetime
    group_by: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        rows: Sequence[Activity] | FoldedRows,
        read_at: datetime,
        before: ClaudeCodeDay | None,
        group_by: Sequence[str] = (),
    ) -> ClaudeCodeDay:
        """The earlier day itself where its rows are equal; takes the rows."""
        if before is None:
            return cls(rows, read_at, group_by)
        if isinstance(rows, FoldedRows):
            return before.without_names() if before.folded == rows else cls(rows, read_at, group_by)
        if isinstance(before.rows, FoldedRows) or not are_equal(before.rows, rows):
            return cls(rows, read_at, group_by)
        let_go(rows)
        return before

    def without_names(self) -> ClaudeCodeDay:
        if isinstance(self.rows, FoldedRows):
            return self
        return ClaudeCodeDay(self.folded, self.changed_at, self.group_by)

    @cached_property
    def folded(self) -> FoldedRows:
        if isinstance(self.rows, FoldedRows):
            return self.rows
        fold = ActivityFold(self.group_by)
        fold.add(self.rows)
        return fold.rows()


@dataclass(frozen=True)
class ClaudeCodeReading:
    """The days, when the refresh that read each of them began, and when the last one did; the pages of named days."""

    days: Mapping[date, ClaudeCodeDay]
    days_read_at: Mapping[date, datetime]
    read_at: datetime
    pages: Mapping[date, Sequence[ReadPage]] = field(default_factory=dict)


# `actor`, `actor_type`, `customer_type`.
Actors = set[tuple[str, str, str]]


class ActivityFold:
    """Adds up rows over people, in whatever parts they come; keeps none of them."""

    def __init__(self, group_by: Sequence[str] = ()) -> None:
        self._totals = Totals(METRICS, partial(_text, group_by, ALL))
        self._actors: Actors = set()

    def add(self, rows: Iterable[Activity]) -> None:
        self._totals.add(rows)
        self._actors |= _actors(rows)

    def rows(self) -> FoldedRows:
        return FoldedRows(self._totals.by_name(), _counts(self._actors))


@dataclass(frozen=True)
class ClaudeCodeTable:
    """Days older than the newest `actor_days` are shown without people."""

    days: int
    actor_days: int
    people: People
    folding: Folding = UNFOLDED
    prefix: str = ""
    group_by: Sequence[str] = ()

    def sections(self, reading: ClaudeCodeReading, hour: datetime, names: Names) -> Iterable[Section]:  # noqa: ARG002  its rows have the names themselves
        today = hour.date()
        for day in exposed_days(today, self.days):
            if (held := reading.days.get(day)) is not None:
                has_names = shows_names(day, today, self.actor_days)
                prefix = joined(self.prefix, day_label(day, today))
                key = (held, has_names, self.people.disguise, self.folding.kept)
                yield Section(day, key, partial(self._of_day, held, prefix, has_names=has_names))

    def _of_day(self, held: ClaudeCodeDay, prefix: str, *, has_names: bool) -> Iterator[Family]:
        if has_names and not isinstance(held.rows, FoldedRows):
            text_of = partial(self._text_of, UNFOLDED)
            yield from families(METRICS, held.rows, text_of, prefix, self.folding.fold(self._text_of))
            yield Family(ACTIVE_ACTORS, [Group(prefix, active_actors(held.rows))])
        else:
            for metric in METRICS:
                sums, folded = with_other_models(held.folded.sums[metric.name], metric, self.folding)
                yield Family(metric, [Group(prefix, sums)], folded)
            yield Family(ACTIVE_ACTORS, [Group(prefix, held.folded.active_actors)])

    def _text_of(self, folding: Folding, row: Activity) -> str:
        return _text(self.group_by, folding.value(Dimension.ACTOR, self._actor(row)), row)

    def _actor(self, row: Activity) -> str:
        return self.people.actor(row.actor.name, _kind(row))

    def weights(self, reading: ClaudeCodeReading, _: Names) -> Weights:
        """Estimated cents, over the days that have names; of actors, where those are equal, sessions."""
        actors: defaultdict[str, float] = defaultdict(float)
        models: defaultdict[str, float] = defaultdict(float)
        for held in reading.days.values():
            for row in () if isinstance(held.rows, FoldedRows) else held.rows:
                actor = self._actor(row)
                actors[actor] += float(row.core.sessions) / MANY
                for (model,), cents in COST.samples(row):
                    actors[actor] += float(cents)
                    models[model] += float(cents)
        return {Dimension.ACTOR: actors, Dimension.MODEL: models}


def shows_names(day: date, today: date, actor_days: int) -> bool:
    return (today - day).days < actor_days


def _text(group_by: Sequence[str], actor: str, row: Activity) -> str:
    values = (actor, _kind(row), without_addresses(row.terminal or NONE), row.customer_type or NONE)
    labels = zip(LABELS[1:], values, strict=True)
    if not group_by:  # a day may have a hundred thousand rows
        return label_text(labels)
    return label_text((*labels, *((name, _told(DIMENSIONS[name](row))) for name in group_by)))


def _told(value: Told) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return NONE if value is None or value == "" else str(value)


def _kind(row: Activity) -> str:
    return KINDS.get(row.actor.kind, row.actor.kind)


def _actors(rows: Iterable[Activity]) -> Actors:
    return {(who(row.actor.name, _kind(row)), _kind(row), row.customer_type or NONE) for row in rows}


def active_actors(rows: Iterable[Activity]) -> Sums:
    return _counts(_actors(rows))


def _counts(actors: Actors) -> Sums:
    """Distinct actors; the four usual combinations are always there."""
    counts = Counter((kind, customer_type) for _, kind, customer_type in actors)
    for combination in ALWAYS_COUNTED:
        counts.setdefault(combination, 0)
    return {
        label_text(zip(ACTIVE_ACTORS.own, combination, strict=True)): count
        for combination, count in sorted(counts.items())
    }
