"""An organization's jobs: built in one place, and known by the names of their fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from exporter.api.pace import Pace
from exporter.contract.claude_code import ClaudeCodeReading
from exporter.contract.cost import CostReading
from exporter.contract.folding import Weights
from exporter.contract.hours import HoursReading
from exporter.contract.inventory import InventoryReading
from exporter.contract.limits import LimitsReading
from exporter.contract.members import MembersReading
from exporter.contract.metric import Table
from exporter.contract.names import Names
from exporter.contract.nowcast import CostNowcast, MeterReading
from exporter.contract.own import organization_families
from exporter.contract.usage import UsageReading
from exporter.exposition.publisher import Publisher
from exporter.exposition.store import OF_ORGANIZATION, Key
from exporter.exposition.text import lines_by_family
from exporter.jobs.bound import SeriesBound
from exporter.jobs.job import Job, NamesOfOthers, Place, Refreshed
from exporter.sources import Source
from exporter.status.organization import View

R = TypeVar("R")


@dataclass(frozen=True)
class Plan(Generic[R]):
    """What to make a job of: where it reads, what it shows, how often."""

    source: Source[R]
    table: Table[R]
    interval_seconds: float
    weights: Callable[[R, Names], Weights] | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class NowcastPlan(Plan[MeterReading]):
    """`prepare` makes what the table will show of these; `latest` is what it has shown."""

    prepare: Callable[[MeterReading, CostReading, date], object]
    latest: Callable[[], CostNowcast | None]


class Requests:
    """Counts an organization's requests to the API, by endpoint and status."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.has_new = False

    def observe(self, endpoint: str, status: str) -> None:
        self.counts[endpoint, status] += 1
        self.has_new = True


class OrganizationJobs:
    """`rank` is the organization's place among the others, by name. A collector that is None is not wanted.

    The nowcast is planned with the job that it has its bills from.
    """

    def __init__(
        self,
        name: str | None,
        rank: int,
        publisher: Publisher,
        requests: Requests,
        pace: Pace,
        now: Callable[[], datetime],
        bound: SeriesBound,
        *,
        cost: Plan[CostReading] | None,
        usage: Plan[UsageReading] | None,
        claude_code: Plan[ClaudeCodeReading] | None,
        inventory: Plan[InventoryReading] | None,
        hours: Plan[HoursReading] | None,
        members: Plan[MembersReading] | None,
        limits: Plan[LimitsReading] | None,
        nowcast: Callable[[Job[CostReading]], NowcastPlan] | None = None,
    ) -> None:
        self.name = name
        self._rank = rank
        self._publisher = publisher
        self._requests = requests
        self._pace = pace
        self._bound = bound
        self._now = now
        self._named = self._no_names = Names()
        self.inventory = self._job(3, inventory)
        names = NamesOfOthers(self._names, self.inventory.attempted) if self.inventory else None
        self.cost = self._job(0, cost, names, self._follow_bill)
        self.usage = self._job(1, usage, names)
        self.claude_code = self._job(2, claude_code)
        planned = nowcast(self.cost) if nowcast and self.cost else None
        self._planned_nowcast = planned
        self.nowcast = self._job(4, planned, names, self._follow_meters)
        self.limits = self._job(5, limits, names)
        self.hours = self._job(6, hours, names)
        self.members = self._job(7, members, names)
        self._bill: CostReading | None = None
        self._show_all()

    def __iter__(self) -> Iterator[Refreshed]:
        """All jobs; the one that the others have their names from is the first."""
        reports = (self.cost, self.usage, self.claude_code, self.nowcast, self.hours)
        for job in (self.inventory, *reports, self.limits, self.members):
            if job is not None:
                yield job

    @property
    def is_attempted(self) -> bool:
        return all(job.state.attempted for job in self)

    def view(self) -> View:
        """All that there is now, for the page."""
        inventory, cost, usage, claude_code = self.inventory, self.cost, self.usage, self.claude_code
        nowcast, limits, hours, members = self.nowcast, self.limits, self.hours, self.members
        found = inventory.reading.organization if inventory and inventory.reading else None
        jobs: dict[str, Job[Any] | None] = {
            "cost": cost,
            "usage": usage,
            "nowcast": nowcast,
            "claude_code": claude_code,
            "organization": inventory,
            "limits": limits,
        }
        # Hours are off unless asked for, and members are there with the organization: nobody misses them alone.
        jobs |= {name: job for name, job in (("hours", hours), ("members", members)) if job}
        return View(
            name=found.name if found else None,
            label=self.name,
            states=tuple(job.state for job in jobs.values() if job),
            names=self._named,
            cost=cost.reading if cost else None,
            usage=usage.reading if usage else None,
            nowcast=self._known_before_the_bill(),
            claude_code=claude_code.reading if claude_code else None,
            switched_off=tuple(name for name, job in jobs.items() if job is None),
        )

    def _known_before_the_bill(self) -> CostNowcast | None:
        has_both = self._meters and self.cost and self.cost.reading
        return self._planned_nowcast.latest() if self._planned_nowcast and has_both else None

    @property
    def _meters(self) -> MeterReading | None:
        return self.nowcast.reading if self.nowcast else None

    def _follow_bill(self, bill: CostReading) -> None:
        if self._planned_nowcast and self._meters:
            self._planned_nowcast.prepare(self._meters, bill, self._publisher.today)

    def _follow_meters(self, meters: MeterReading) -> None:
        if self._planned_nowcast and self.cost and self.cost.reading:
            self._planned_nowcast.prepare(meters, self.cost.reading, self._publisher.today)

    def show_new_requests(self) -> None:
        if self._requests.has_new:
            self._show_all()

    def _show_all(self) -> None:
        """What belongs to all jobs."""
        states = [job.state for job in self]
        families = organization_families(states, self._requests.counts, self.name)
        self._publisher.put(Key(self._rank, OF_ORGANIZATION), lines_by_family(families))
        self._requests.has_new = False

    async def rewritten(self, hour: datetime) -> list[Callable[[], None]]:
        """What shows the readings in the hour that it is now; by whoever holds the publisher's lock."""
        jobs = self if hour.date() != self._publisher.today else [self.hours] if self.hours else []
        return [*[await job.rewritten(hour) for job in jobs], self._show_all]

    async def fit(self) -> None:
        """Fold what is too much, before all of it is published."""
        jobs = [job for job in (self.cost, self.usage, self.claude_code, self.nowcast, self.hours) if job is not None]

        def others() -> int:
            listed = (job for job in (self.inventory, self.members, self.limits) if job is not None)
            return sum(job.state.samples for job in listed) + self._publisher.own_samples()

        await self._bound.fit(jobs, others, self._publisher.hour, self._rewrite)

    async def rename_people(self) -> None:
        """They are shown in another way from now on; by whoever holds the publisher's lock."""
        self._bound.forget()
        await self._rewrite()

    async def _rewrite(self) -> None:
        for change in [await job.rewritten(self._publisher.hour) for job in self]:
            change()
        self._show_all()

    def _job(
        self,
        number: int,
        plan: Plan[R] | None,
        names: NamesOfOthers | None = None,
        ahead: Callable[[R], None] | None = None,
    ) -> Job[R] | None:
        if plan is None:
            return None
        where = Place(self._publisher, Key(self._rank, number), self.name, self._shown)
        return Job(
            plan.source, plan.table, plan.interval_seconds, where, self._pace, self._now, names, ahead, plan.weights
        )

    def _names(self) -> Names:
        reading = self.inventory.reading if self.inventory else None
        return reading.names if reading else self._no_names

    async def _shown(self) -> None:
        """A job has shown something new: if it was names, those who use them follow; if a bill, the nowcast."""
        names = self._names()
        if names is not self._named:
            self._named = names
            for job in self:
                if job.uses_names:
                    (await job.rewritten(self._publisher.hour))()
        elif self.nowcast and self.cost and self.cost.reading is not self._bill:
            (await self.nowcast.rewritten(self._publisher.hour))()
        self._bill = self.cost.reading if self.cost else None
        self._show_all()
