"""An organization as the page shows it: made of what its jobs have, none of which is read twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Generic, ParamSpec, TypeVar

from exporter.contract.claude_code import ClaudeCodeReading
from exporter.contract.cost import CostReading
from exporter.contract.names import Names
from exporter.contract.nowcast import CostNowcast
from exporter.contract.state import State
from exporter.contract.usage import TOKENS, UsageReading
from exporter.status.code import CodeDays
from exporter.status.document import CollectorState, CollectorStatus, OrganizationStatus
from exporter.status.spend import spend

# Refreshes missed before numbers are old, as in grafana/alerts/thresholds.yml.
STALE_INTERVALS = 3

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class View:
    """All that an organization's jobs have at a moment; frozen, so that a thread may read it."""

    name: str | None
    label: str | None
    states: tuple[State, ...]
    names: Names
    cost: CostReading | None
    usage: UsageReading | None
    nowcast: CostNowcast | None
    claude_code: ClaudeCodeReading | None
    switched_off: tuple[str, ...]

    @property
    def parts(self) -> tuple[object, ...]:
        return (self.name, *self.states, self.names, self.cost, self.usage, self.nowcast, self.claude_code)

    def is_as(self, other: View) -> bool:
        """Whether nothing has changed since: readings and states are replaced whole."""
        return len(self.parts) == len(other.parts) and all(a is b for a, b in zip(self.parts, other.parts, strict=True))


class Story:
    """Tells one organization's views, with `cost_days` exposed; what has not changed is not worked out again."""

    def __init__(self, cost_days: int) -> None:
        self._spend = _Last(lambda reading, names, today, nowcast: spend(reading, names, today, cost_days, nowcast))
        self._tokens = _Last(_tokens)
        self._code = CodeDays()

    def told(self, view: View, today: date, now: datetime) -> OrganizationStatus:
        return OrganizationStatus(
            name=view.name,
            label=view.label,
            spend=self._spend(view.cost, view.names, today, view.nowcast) if view.cost else None,
            today_tokens=self._tokens(view.usage, today) if view.usage else None,
            claude_code=self._code.status(view.claude_code, today) if view.claude_code else None,
            collectors=tuple(collector_status(state, now) for state in view.states),
            switched_off=view.switched_off,
        )


class _Last(Generic[P, T]):
    """A function that remembers what it said last, of the very same arguments."""

    def __init__(self, function: Callable[P, T]) -> None:
        self._function = function
        self._said: tuple[tuple[object, ...], T] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        if self._said is None or any(a is not b for a, b in zip(self._said[0], args, strict=True)):
            self._said = args, self._function(*args, **kwargs)
        return self._said[1]


def _tokens(reading: UsageReading, today: date) -> int | None:
    """Of today; None where it is not reported."""
    if today not in reading.days:
        return None
    return int(sum(number for row in reading.days[today].rows for _, number in TOKENS.samples(row)))


def collector_status(state: State, now: datetime) -> CollectorStatus:
    return CollectorStatus(
        collector=state.collector,
        source=state.source,
        state=_word(state, now),
        interval_seconds=state.interval_seconds,
        last_success=state.last_success,
        data_through=state.data_through if state.available else None,
        next_try=state.next_try,
        failing_since=state.failing_since,
        failures_in_a_row=state.failures_in_a_row,
        failure=state.failure,
        unserved=state.unserved,
        series=state.samples,
    )


def _word(state: State, now: datetime) -> CollectorState:
    if state.failure:
        return CollectorState.FAILING
    if not state.attempted:
        return CollectorState.STARTING
    if not state.available:
        return CollectorState.NOT_SERVED
    late = timedelta(seconds=STALE_INTERVALS * state.interval_seconds)
    if state.last_success and now - state.last_success > late:
        return CollectorState.LATE
    return CollectorState.WORKS
