"""From settings to what runs: the client, an organization's jobs, the publisher and the poller."""

from __future__ import annotations

import asyncio
import platform
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from exporter import __revision__, __version__
from exporter.api.address import is_loopback
from exporter.api.client import Client, Observer
from exporter.api.key import AdminKey
from exporter.api.pace import Pace
from exporter.contract.claude_code import ClaudeCodeTable
from exporter.contract.cost import CostReading, CostTable
from exporter.contract.days import utc_hour
from exporter.contract.folding import Folding
from exporter.contract.hours import HoursTable
from exporter.contract.inventory import InventoryTable
from exporter.contract.labels import label_text
from exporter.contract.limits import LimitsTable
from exporter.contract.members import MembersTable
from exporter.contract.nowcast import CostNowcast, MeterReading, NowcastTable
from exporter.contract.people import People, by_hash, by_team, everybody
from exporter.contract.usage import UsageTable
from exporter.exposition.publisher import Publisher
from exporter.jobs.bound import SeriesBound
from exporter.jobs.job import Job
from exporter.jobs.organization import NowcastPlan, OrganizationJobs, Plan, Requests
from exporter.jobs.poller import Poller
from exporter.jobs.process import Process
from exporter.jobs.reload import TeamsReload
from exporter.log import dropped_lines
from exporter.nowcast.list_prices import ListPrices
from exporter.nowcast.nowcaster import Nowcaster
from exporter.settings.actors_files import read_hash_key, read_teams
from exporter.settings.model import Settings
from exporter.settings.polls import HOURS_INTERVAL_SECONDS
from exporter.settings.prices_file import read_prices
from exporter.settings.sections import Actors
from exporter.sources.claude_code import ClaudeCodeSource
from exporter.sources.cost import CostSource
from exporter.sources.hours import HoursSource
from exporter.sources.inventory import InventorySource
from exporter.sources.limits import LimitsSource
from exporter.sources.lists import Lists
from exporter.sources.members import MembersSource
from exporter.sources.meters import MeterSource
from exporter.sources.minutes import MinutesOfUsage
from exporter.sources.usage import UsageSource
from exporter.sources.workspaces import AT_THE_SAME_TIME, InTurns
from exporter.status.answers import StatusBoard
from exporter.status.document import About

MEMBERS_INTERVAL_SECONDS = 300  # between two parts of the workspaces


@dataclass(frozen=True)
class Upstream:
    """Where the API is, and the key for it."""

    base_url: str
    key: AdminKey


@dataclass(frozen=True)
class Exporter:
    """What refreshes, and what it shows."""

    client: Client
    organization: OrganizationJobs
    publisher: Publisher
    board: StatusBoard
    poller: Poller
    reload: TeamsReload | None
    web_answers: Counter[int]


def utc_now() -> datetime:
    return datetime.now(UTC)


def connect(settings: Settings, api: Upstream, observe: Observer, *, retry_seconds: float | None = None) -> Client:
    """A client for the API with the settings' limits."""
    return Client(
        base_url=api.base_url,
        key=api.key,
        timeout_seconds=settings.api.timeout_seconds,
        retry_seconds=settings.api.retry_seconds if retry_seconds is None else retry_seconds,
        ca_file=settings.api.ca_file,
        now=utc_now,
        observe=observe,
    )


def assemble(
    settings: Settings, upstream: Upstream, *, demo: bool = False, pace_seconds: float | None = None
) -> Exporter:
    """All parts; the first snapshot already says that no collector is up."""
    process = Process(__version__, __revision__, demo=demo, lines_dropped=dropped_lines)
    publisher = Publisher(utc_hour(utc_now()), exposed_hours=settings.usage.hours if settings.usage.enabled else 0)
    name, people = settings.organization.name, people_of(settings)
    client, organization = organization_jobs(settings, upstream, name, 0, publisher, process, people, pace_seconds)
    process.show(publisher)
    publisher.open()
    board = StatusBoard(_about(settings, upstream, demo=demo), settings.cost.days, 1, utc_now())
    poller = Poller([organization], publisher, process, board, utc_now)
    reload = None
    if map_file := settings.actors.map_file:
        reload = TeamsReload(partial(read_teams, map_file), people, [organization], publisher, process, utc_now)
    return Exporter(client, organization, publisher, board, poller, reload, process.web_answers)


def _about(settings: Settings, upstream: Upstream, *, demo: bool) -> About:
    return About(
        version=__version__,
        revision=__revision__,
        python_version=platform.python_version(),
        started_at=utc_now(),
        api_base_url=upstream.base_url,
        telemetry_path=settings.web.telemetry_path,
        is_demo=demo,
    )


def people_of(settings: Settings) -> People:
    """As the mode says, with the files as they are now. Raises ValueError."""
    match settings.actors:
        case Actors(mode="hash", hash_key_file=Path() as path):
            return People(by_hash(read_hash_key(path)))
        case Actors(mode="map", map_file=Path() as path):
            return People(by_team(read_teams(path)))
        case Actors(mode="drop"):
            return People(everybody, hides_keys=True)
        case _:
            return People()


def organization_jobs(
    settings: Settings,
    upstream: Upstream,
    name: str | None,
    rank: int,
    publisher: Publisher,
    process: Process,
    people: People,
    pace_seconds: float | None = None,
) -> tuple[Client, OrganizationJobs]:
    """An organization's connection and jobs: `rank` is its place among the others, by name.

    Over loopback an endpoint may be polled as often as one likes, unless `pace_seconds` says how often.
    """
    requests = Requests()

    def observe(endpoint: str, status: str, seconds: float) -> None:
        requests.observe(endpoint, status)
        process.observe(endpoint, seconds)
        publisher.touch()

    if pace_seconds is None and is_loopback(upstream.base_url):
        pace_seconds = 0
    client = connect(settings, upstream, observe)
    prefix = label_text([("organization", name)]) if name else ""
    cost, usage, claude_code, inventory = settings.cost, settings.usage, settings.claude_code, settings.organization
    limits, slots = settings.limits, asyncio.Semaphore(AT_THE_SAME_TIME)
    folding = Folding()
    costs, uses = (
        CostTable(cost.days, folding, prefix),
        UsageTable(usage.days, usage.group_by, people, folding, prefix),
    )
    activity = ClaudeCodeTable(claude_code.days, claude_code.actor_days, people, folding, prefix, claude_code.group_by)
    members_seconds = min(inventory.interval_seconds, MEMBERS_INTERVAL_SECONDS)
    jobs = OrganizationJobs(
        name,
        rank,
        publisher,
        requests,
        Pace(pace_seconds),
        utc_now,
        SeriesBound(settings.web.max_series, settings.actors.max, folding),
        cost=Plan(CostSource(client, cost.days), costs, cost.interval_seconds, weights=costs.weights)
        if cost.enabled
        else None,
        usage=Plan(UsageSource(client, usage.days, usage.group_by), uses, usage.interval_seconds, weights=uses.weights)
        if usage.enabled
        else None,
        claude_code=Plan(
            ClaudeCodeSource(client, claude_code.days, claude_code.actor_days, claude_code.group_by),
            activity,
            claude_code.interval_seconds,
            weights=activity.weights,
        )
        if claude_code.enabled
        else None,
        inventory=Plan(
            InventorySource(Lists(client), people),
            InventoryTable(people, prefix, inventory.workspace_tags),
            inventory.interval_seconds,
        )
        if inventory.enabled
        else None,
        members=Plan(
            MembersSource(Lists(client), members_seconds / inventory.interval_seconds, InTurns(slots)),
            MembersTable(prefix),
            members_seconds,
        )
        if inventory.enabled
        else None,
        hours=Plan(
            HoursSource(client, usage.hours, usage.hours_group_by),
            HoursTable(usage.hours, usage.hours_group_by, folding, prefix),
            max(usage.interval_seconds, HOURS_INTERVAL_SECONDS),
        )
        if usage.enabled and usage.hours
        else None,
        limits=Plan(
            LimitsSource(Lists(client), MinutesOfUsage(client), InTurns(slots)),
            LimitsTable(prefix),
            limits.interval_seconds,
        )
        if limits.enabled
        else None,
        nowcast=partial(_nowcast, settings, client, folding, prefix) if settings.has_nowcast else None,
    )
    return client, jobs


def _nowcast(settings: Settings, client: Client, folding: Folding, prefix: str, cost: Job[CostReading]) -> NowcastPlan:
    file = settings.cost.prices_file
    nowcaster = Nowcaster(ListPrices(read_prices(file) if file else {}), utc_now)

    def of(meters: MeterReading, today: date) -> CostNowcast | None:
        return nowcaster.nowcast(meters, cost.reading, today) if cost.reading else None

    source, table = MeterSource(client, lambda: cost.state), NowcastTable(settings.cost.days, of, folding, prefix)
    return NowcastPlan(source, table, settings.nowcast.interval_seconds, nowcaster.prepared, lambda: nowcaster.latest)
