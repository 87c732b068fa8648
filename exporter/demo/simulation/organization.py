"""The simulated organization: everything that the Admin API reports, as a pure function of seed and time."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from exporter.demo.simulation.claude_code import ClaudeCodeRecord
from exporter.demo.simulation.contract import Contract
from exporter.demo.simulation.cost import CostRow, cost_of_hours, cost_of_usage
from exporter.demo.simulation.day_cache import DayCache
from exporter.demo.simulation.directory import FOUNDED, Directory, build_directory
from exporter.demo.simulation.entities import ApiKey, Invite, Me, Member, ServiceAccount, User, Workspace
from exporter.demo.simulation.limits import RateLimit, WorkspaceRateLimit, build_limits, limits_of_workspace
from exporter.demo.simulation.membership import invites_at, members_of, summaries
from exporter.demo.simulation.publication import Bill
from exporter.demo.simulation.rhythm import OFFICE, Curve, Rhythm, curve
from exporter.demo.simulation.seats import build_seats
from exporter.demo.simulation.spend import SpendLimit, build_spend_limits
from exporter.demo.simulation.streams import build_streams, shares
from exporter.demo.simulation.unseen import Unseen
from exporter.demo.simulation.usage import Flow, UsageRow, flows_of_day, part_of
from exporter.demo.simulation.work import Work, records_until, work_of_day

DAY = timedelta(days=1)
SPIKE = 3.8  # ordinary workdays of the whole organization
RUNAWAY_WORKSPACE = 0
CACHED_SEATS = 200_000  # days of Claude Code work in memory times seats: some 200 MB


class SimulatedOrganization:
    """An organization founded on 2026-01-05; days before that are empty.

    `actors` counts Claude Code actors, `workspaces` the workspaces besides the default one. With `growth` a day's
    numbers grow over its hours and its bill is late; without, every day is whole from its start. With `spike` one
    workspace runs away on the day of `at` and the day before: seen from a later `at`, those days are ordinary again.
    """

    def __init__(
        self, seed: int = 1, actors: int = 50, workspaces: int = 6, spike: bool = False, growth: bool = True
    ) -> None:
        if actors < 0 or workspaces < 1:
            raise ValueError("an organization has at least 0 actors and 1 workspace")
        self._seed = seed
        self._spike = spike
        self._growth = growth
        self._directory: Directory = build_directory(seed, actors, workspaces)
        self._limits = build_limits(seed)
        self._spend_limits = build_spend_limits(seed, self._directory.workspaces)
        self._streams = build_streams(seed, self._directory)
        self._seats = build_seats(seed, actors, self._directory)
        self._curves: DayCache[Curve] = DayCache(256)
        self._contract = Contract(seed)
        self._bills: DayCache[Bill] = DayCache(128)
        self._flows: DayCache[list[Flow]] = DayCache(64)
        self._works: DayCache[list[Work]] = DayCache(max(2, min(31, CACHED_SEATS // (len(self._seats) + 1))))
        self._partial_days: DayCache[list[ClaudeCodeRecord]] = DayCache(2)

    @property
    def me(self) -> Me:
        return self._directory.me

    @property
    def default_workspace(self) -> Workspace:
        return self._directory.default_workspace

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """All but the default one, archived ones included."""
        return self._directory.workspaces

    def api_keys(self, at: datetime) -> tuple[ApiKey, ...]:
        """All keys, whatever their status; one of them always expires within two weeks."""
        return self._directory.api_keys_at(at)

    @property
    def users(self) -> tuple[User, ...]:
        return self._directory.users

    def members(self, workspace_id: str) -> list[Member]:
        """Raises KeyError for a workspace that there is not."""
        workspaces = {row.id: row for row in (self.default_workspace, *self.workspaces)}
        return members_of(self._seed, workspaces[workspace_id], self.users)

    def invites(self, at: datetime) -> list[Invite]:
        return invites_at(self._seed, at)

    def summaries(self, start: date, end: date) -> list[dict[str, Any]]:
        """Engagement, by day."""
        return list(summaries(self._seed, len(self.users), start, end))

    @property
    def service_accounts(self) -> tuple[ServiceAccount, ...]:
        return self._directory.service_accounts

    @property
    def rate_limits(self) -> tuple[RateLimit, ...]:
        return self._limits

    @property
    def spend_limits(self) -> tuple[SpendLimit, ...]:
        return self._spend_limits

    def workspace_rate_limits(self, workspace_id: str, *, inherited: bool) -> list[WorkspaceRateLimit]:
        """Raises KeyError for a workspace that there is not."""
        positions: dict[str, int | None] = {row.id: position for position, row in enumerate(self.workspaces)}
        positions[self.default_workspace.id] = None
        return limits_of_workspace(self._limits, workspace_id, positions[workspace_id], inherited=inherited)

    def usage_rows(self, day: date, at: datetime) -> list[UsageRow]:
        """What was used on a UTC day up to an instant."""
        start = midnight(day)
        return self.usage_between(start, start + DAY, at)

    def usage_between(self, start: datetime, end: datetime, at: datetime) -> list[UsageRow]:
        """What was used from `start` to `end`, both within one UTC day, as far as it is known at `at`.

        Adjoining intervals add up to their day exactly.
        """
        day = start.date()
        since = (start - midnight(day)).total_seconds()
        until = min(self._known(day, at), (end - midnight(day)).total_seconds())
        return [row for row, _ in self._used(day, since, until, at)]

    def cost_rows(self, day: date, at: datetime) -> list[CostRow]:
        """What the bill says of a UTC day at an instant, in exact cents."""
        if at < midnight(day) or day < FOUNDED:
            return []
        bill = self._bill(day, at)
        return bill.rows(at) if self._growth else bill.final

    def final_cost_rows(self, day: date, at: datetime) -> list[CostRow]:
        """What the bill will say in the end of what a UTC day has used up to an instant."""
        revisions = self._bill(day, at).revisions
        return [CostRow(row.key, row.amount * revisions[row.key]) for row in self._costs(day, self._known(day, at), at)]

    def _bill(self, day: date, at: datetime) -> Bill:
        def bill() -> Bill:
            return Bill(self._seed, day, self._costs(day, DAY.total_seconds(), at))

        return self._bills.get((day, bool(self._runaway(day, at))), bill)

    def _costs(self, day: date, seconds: float, at: datetime) -> list[CostRow]:
        """Of so much of a day, before revisions; `at` decides who runs away."""
        if seconds <= 0 or day < FOUNDED:
            return []
        ids = [None, *(workspace.id for workspace in self.workspaces if workspace.open_on(day))]
        hours = cost_of_hours(self._seed, day, ids, self._shares(day, seconds))
        return cost_of_usage(day, self._used(day, 0.0, seconds, at), self._contract) + hours

    def _used(self, day: date, since: float, until: float, at: datetime) -> list[tuple[UsageRow, Unseen]]:
        """From one second of a day to another."""
        if until <= since:
            return []
        runaway = self._runaway(day, at)
        flows = self._flows.get((day, bool(runaway)), lambda: flows_of_day(self._seed, day, self._streams, runaway))
        share_since, share_until = self._shares(day, since), self._shares(day, until)
        parts = ((part_of(flow.row, share_since(flow.rhythm), share_until(flow.rhythm)), flow.unseen) for flow in flows)
        return [(row, unseen) for row, unseen in parts if any(row.numbers)]

    def claude_code_rows(self, day: date, at: datetime) -> list[ClaudeCodeRecord]:
        """What Claude Code did on a UTC day up to an instant; an actor has a record for each place of work."""
        share = self._shares(day, self._known(day, at))(OFFICE)
        if share == 1.0:
            return [work.record for work in self._work(day)]
        return self._partial_days.get((day, share), lambda: records_until(self._work(day), share))

    def _work(self, day: date) -> list[Work]:
        return self._works.get(day, lambda: work_of_day(self._seed, day, self._seats, self.me.id))

    def _known(self, day: date, at: datetime) -> float:
        """How many of a day's seconds are known at an instant."""
        elapsed = (at - midnight(day)).total_seconds()
        if elapsed >= 0 and not self._growth:
            return DAY.total_seconds()
        return max(0.0, min(elapsed, DAY.total_seconds()))

    def _shares(self, day: date, seconds: float) -> Callable[[Rhythm], float]:
        return lambda rhythm: self._curve(day, rhythm).share(seconds)

    def _curve(self, day: date, rhythm: Rhythm) -> Curve:
        return self._curves.get((day, rhythm.name), lambda: curve(rhythm, Random(f"{self._seed}/{day}/{rhythm.name}")))

    def _runaway(self, day: date, at: datetime) -> dict[str, float]:
        today = at.astimezone(UTC).date()
        if not self._spike or day not in (today, today - DAY):
            return {}
        share = shares(len(self.workspaces))[RUNAWAY_WORKSPACE]
        return {self.workspaces[RUNAWAY_WORKSPACE].id: SPIKE / share}


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
