"""The exporter in the test's own process, against an API on a real socket, refreshed when the test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exporter.api.client import Client
from exporter.api.key import AdminKey
from exporter.commands import assembly
from exporter.contract.names import Names
from exporter.contract.state import State
from exporter.exposition.formats import Format
from exporter.exposition.store import Snapshot
from exporter.jobs.job import Job
from exporter.jobs.poller import Poller
from exporter.settings.model import load

KEY = "sk-ant-admin01-tests"

Labels = frozenset[tuple[str, str]]
# Family name to label set to value.
Exposed = dict[str, dict[Labels, float]]


def labels(**values: str) -> Labels:
    return frozenset(values.items())


def parse(exposed: str) -> Exposed:
    """Every sample. Two samples with the same name and labels are a defect."""
    found: Exposed = {}
    for family in text_string_to_metric_families(exposed):
        for sample in family.samples:
            of_name = found.setdefault(sample.name, {})
            key = frozenset(sample.labels.items())
            assert key not in of_name, (sample.name, sample.labels)
            of_name[key] = sample.value
    return found


@dataclass(frozen=True)
class Exporter:
    parts: assembly.Exporter

    async def refresh(self, *names: str) -> None:
        """Refresh the collectors once, as the poller would, the organization's names first, and publish."""
        for job in self.parts.organization:
            if not names or job.state.collector in names:
                await job.turn()
                await job.refresh_once(assembly.utc_now())
        await self.roll()
        await self.publish()

    async def publish(self) -> None:
        await self.parts.poller.publish()

    async def roll(self) -> None:
        await self.parts.poller.roll()

    @property
    def poller(self) -> Poller:
        return self.parts.poller

    @property
    def snapshot(self) -> Snapshot:
        return self.parts.publisher.snapshot

    @property
    def text(self) -> str:
        return b"".join(self.snapshot.plain[Format.TEXT].chunks).decode()

    @property
    def data_text(self) -> str:
        """Without what the exporter says of itself."""
        return "".join(line for line in self.text.splitlines(keepends=True) if _is_of_the_api(line))

    @property
    def exposed(self) -> Exposed:
        return parse(self.text)

    def value(self, name: str, **values: str) -> float | None:
        """One sample; only the lines of its name are parsed, which is much faster."""
        lines = (line for line in self.text.splitlines(keepends=True) if line.startswith((f"{name}{{", f"{name} ")))
        return parse("".join(lines)).get(name, {}).get(labels(**values))

    @property
    def client(self) -> Client:
        return self.parts.client

    @property
    def names(self) -> Names:
        inventory = self.parts.organization.inventory
        assert inventory
        assert inventory.reading
        return inventory.reading.names

    def job(self, collector: str) -> Job[Any]:
        organization = self.parts.organization
        jobs: list[Job[Any] | None] = [organization.cost, organization.usage, organization.claude_code]
        others: list[Job[Any] | None] = [organization.inventory, organization.nowcast, organization.hours]
        others += [organization.limits, organization.members]
        return next(job for job in (*jobs, *others) if job and job.state.collector == collector)

    def state(self, collector: str) -> State:
        return self.job(collector).state


def _is_of_the_api(line: str) -> bool:
    name = line.split()[2] if line.startswith("#") else line
    return name.startswith("anthropic_") and not name.startswith("anthropic_exporter_")


@asynccontextmanager
async def exporting(
    base_url: str, *flags: str, key: str = KEY, key_file: Path | None = None, pace_seconds: float | None = None
) -> AsyncIterator[Exporter]:
    """With the settings of the flags; the clock is the machine's, which tests freeze."""
    settings = load(["--api.base-url", base_url, "--api.retry-seconds", "3", *flags], {"ANTHROPIC_ADMIN_API_KEY": key})
    assert settings.api.key
    api = assembly.Upstream(settings.api.base_url, AdminKey(settings.api.key, key_file))
    parts = assembly.assemble(settings, api, pace_seconds=pace_seconds)
    async with parts.client:
        yield Exporter(parts)
