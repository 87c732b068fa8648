"""The demo's past as blocks of Prometheus: what an exporter would have exposed of what range queries ask for.

The simulated organization is a function of seed and time: with a clock that is set, its API and the exporter go through
weeks in seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from unittest.mock import patch

from docs import reference
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.faults.fault import Fault
from exporter.demo.simulation.organization import DAY, SimulatedOrganization, midnight
from tests.support.exporting import KEY, Exporter, exporting
from tests.support.grafana.selectors import selectors

Json = dict[str, Any]

WEEKS = 45 * DAY
# At which it is refreshed, and on the last day: its lines end with the numbers of now, and of yesterday at this time.
STEP, LAST_STEP = timedelta(minutes=30), timedelta(minutes=5)
LAST_DAY = DAY + STEP
FRESH_ENOUGH = LAST_STEP


class Kind(NamedTuple):
    """Of families: so often they are scraped, so far back, so long after a refresh.

    A series that is gone is seen for five minutes, without Prometheus' own mark of its end.
    """

    step_seconds: int
    span: timedelta
    delay_seconds: int


# At steps of an hour or more; against the week before; the exporter's own, which are rated.
COARSE, FINE, OWN = KINDS = Kind(1800, WEEKS + DAY, 0), Kind(300, 8 * DAY, 10), Kind(60, 2 * DAY, 10)

REPORTS = ("organization", "cost", "claude_code")
REPORTS_HOURS, FINE_REPORTS_HOURS = (0,), (0, 6, 12, 18)
NO_LAG = timedelta(0)  # a day is whole as soon as it is over
FEW_DAYS = ("--cost.days", "10")
FAILING = timedelta(hours=2)
FAULTS = (
    Fault(kind="status", status=401, endpoint="cost_report", count=1_000_000),
    Fault(kind="status", status=503, endpoint="usage_report/messages", count=1_000_000),
)
STAMP = "%Y%m%dT%H%MZ"
INSTANCE = "exporter:9817"
DAYS_AGO = re.compile(r'days_ago=~?"([^"]*)"')


@dataclass(frozen=True)
class Wanted:
    """Of the families that panels with a range ask for, patterns of their days."""

    days: dict[Kind, dict[str, set[str]]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    @classmethod
    def by(cls, dashboards: Iterable[Json]) -> Wanted:
        made = cls()
        for panel in (panel for dashboard in dashboards for panel in _panels(dashboard["panels"])):
            is_coarse = re.search("[hdw]$", panel.get("interval") or "")
            exprs = [target["expr"] for target in panel.get("targets", []) if target.get("range")]
            found = [one for expr in exprs for one in selectors(expr)]
            is_fine = any(reference.OF_THE_API.match(name) for name, _ in found)
            for name, matchers in found:
                days = DAYS_AGO.search(matchers)
                of_kind = made.days[COARSE if is_coarse else FINE if is_fine else OWN]
                of_kind.setdefault(name, set()).add(days[1] if days else ".*")
        return made

    def kinds(self, series: str) -> list[Kind]:
        name, _, labels = series.partition("{")
        day = DAYS_AGO.search(labels)
        return [
            kind
            for kind, families in self.days.items()
            if any(day is None or re.fullmatch(pattern, day[1]) for pattern in families.get(name, ()))
        ]

    @property
    def digest(self) -> str:
        families = [
            (kind, sorted((name, *sorted(of)) for name, of in days.items())) for kind, days in self.days.items()
        ]
        return hashlib.sha256(repr(families).encode()).hexdigest()[:12]


def _panels(panels: Iterable[Json]) -> Iterator[Json]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels") or [])


def past(
    promtool: str, folder: Path, dashboards: Iterable[Json], kind: str, now: datetime, span: timedelta = WEEKS
) -> list[Path]:
    """Folders of blocks; what the folder has of today is kept, of the last two days as long as it is new enough.

    In a past that is spiking, or failing, the last two days spike, or the last hours fail.
    """
    wanted = Wanted.by(dashboards)
    yesterday = midnight(now.date()) - DAY
    of_today = folder / f"{yesterday:%Y%m%d}-{wanted.digest}"
    weeks = of_today / "weeks"
    if not weeks.exists():
        _write_blocks(promtool, weeks, _Past(SimulatedOrganization(), wanted, yesterday - span, yesterday, now))
    recent = max(of_today.glob(f"{kind}-*Z"), default=None)
    if not recent or recent.name < f"{kind}-{now - FRESH_ENOUGH:{STAMP}}":
        recent = of_today / f"{kind}-{now:{STAMP}}"
        organization = _Spiking(yesterday.date()) if kind == "spiking" else SimulatedOrganization()
        faults = FAULTS if kind == "failing" else ()
        _write_blocks(promtool, recent, _Past(organization, wanted, yesterday, now, now, faults))
    return [weeks, recent]


def _write_blocks(promtool: str, folder: Path, past: _Past) -> None:
    made = folder.with_suffix(".making")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    samples = made / "samples"
    with samples.open("w", encoding="utf-8") as file:
        asyncio.run(past.write(file))
    blocks = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=1458h", "--quiet"]
    subprocess.run([*blocks, samples, made], check=True, stdout=subprocess.DEVNULL)
    samples.unlink()
    made.rename(folder)


class _Spiking(SimulatedOrganization):
    """One that runs away from a day on, and did not before whenever it is asked."""

    def __init__(self, since: date) -> None:
        super().__init__(spike=True)
        self._since = since

    def _runaway(self, day: date, at: datetime) -> dict[str, float]:
        return super()._runaway(day, at) if day >= self._since else {}


class _Past:
    """An exporter whose clock goes from start to end."""

    def __init__(
        self,
        organization: SimulatedOrganization,
        wanted: Wanted,
        start: datetime,
        end: datetime,
        now: datetime,
        faults: Sequence[Fault] = (),
    ) -> None:
        self._wanted, self._clock, self._end, self._faults = wanted, start, end, faults
        self._last_day = now - LAST_DAY
        self._api = AdminApi(organization, key=KEY, now=self._now, cost_lag=NO_LAG, claude_code_lag=NO_LAG)
        self._since = {kind: now - kind.span for kind in KINDS}
        self._series: dict[str, tuple[str, list[Kind]]] = {}  # as they are scraped

    async def write(self, file: TextIO) -> None:
        with running(self._api) as url, patch("exporter.commands.assembly.utc_now", self._now):
            async with exporting(url, *FEW_DAYS) as exporter:
                await exporter.refresh()
                samples: dict[Kind, list[str]] = {}
                while self._clock < self._end:
                    if await self._refreshed(exporter) or not samples:
                        samples = self._samples(exporter.text)
                    until = self._until()
                    self._write(file, samples, until)
                    self._clock = until
        file.write("# EOF\n")

    def _now(self) -> datetime:
        return self._clock

    def _until(self) -> datetime:
        """The next refresh."""
        return self._clock + (LAST_STEP if self._clock >= self._last_day else STEP)

    async def _refreshed(self, exporter: Exporter) -> bool:
        """Whether there was something to refresh."""
        is_fine = self._clock >= self._since[FINE]
        is_due = self._clock.minute == 0 and self._clock.hour in (FINE_REPORTS_HOURS if is_fine else REPORTS_HOURS)
        if self._faults and self._clock >= self._end - FAILING:
            is_due = True
            self._api.faults.clear()
            for fault in self._faults:
                self._api.faults.add(fault)
        if is_due or is_fine:
            await exporter.roll()
            await exporter.refresh(*(REPORTS if is_due else ()), *(("usage",) if is_fine else ()))
        return is_due or is_fine

    def _samples(self, text: str) -> dict[Kind, list[str]]:
        """Series with their values, each once, by the kind that is scraped most often."""
        found: dict[Kind, list[str]] = {}
        for line in text.splitlines():
            series, _, value = line.rpartition(" ")
            if series not in self._series:
                self._series[series] = _scraped(series), self._wanted.kinds(series)
            scraped, kinds = self._series[series]
            if due := [kind for kind in kinds if self._clock >= self._since[kind]]:
                found.setdefault(min(due), []).append(f"{scraped} {value}")
        return found

    def _write(self, file: TextIO, samples: dict[Kind, list[str]], until: datetime) -> None:
        """Until the next refresh, as they are now."""
        start, end = (int(instant.timestamp()) for instant in (self._clock, min(until, self._end)))
        for kind, lines in samples.items():
            for instant in range(start + kind.delay_seconds, end, kind.step_seconds):
                file.writelines(f"{line} {instant}\n" for line in lines)


def _scraped(series: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{job="anthropic",instance="{INSTANCE}"{"," if labels else ""}{labels or "}"}'
