"""The exporter in the test's own process, against an API on a real socket, refreshed when the test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from exporter.api.client import Client
from exporter.api.key import AdminKey
from exporter.app import Api, assemble, connect
from exporter.poller import Poller
from exporter.settings.model import load
from exporter.snapshot import Format, Publisher
from exporter.telemetry import CollectorStatus, Telemetry

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
    poller: Poller
    publisher: Publisher
    telemetry: Telemetry
    client: Client

    async def refresh(self, *names: str) -> None:
        """Refresh the collectors once, as the poller would, the organization's names first."""
        watched = {status.name: (collector, status) for collector, status in self.poller._watched}
        for name in sorted(names or watched, key=lambda name: name != "organization"):
            await self.poller._refresh(*watched[name])

    async def roll(self) -> None:
        await self.publisher.roll()

    @property
    def text(self) -> str:
        return b"".join(self.publisher.snapshot.plain[Format.TEXT].chunks).decode()

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

    def status(self, collector: str) -> CollectorStatus:
        return next(status for status in self.telemetry.statuses if status.name == collector)


def _is_of_the_api(line: str) -> bool:
    name = line.split()[2] if line.startswith("#") else line
    return name.startswith("anthropic_") and not name.startswith("anthropic_exporter_")


@asynccontextmanager
async def exporting(
    base_url: str, *flags: str, key: str = KEY, key_file: Path | None = None
) -> AsyncIterator[Exporter]:
    """With the settings of the flags; the clock is the machine's, which tests freeze."""
    settings = load(["--api.base-url", base_url, "--api.retry-seconds", "3", *flags], {"ANTHROPIC_ADMIN_API_KEY": key})
    assert settings.api.key
    telemetry = Telemetry(organization=settings.organization.name)
    api = Api(settings.api.base_url, AdminKey(settings.api.key, key_file))
    async with connect(settings, api, telemetry.observe_request) as client:
        publisher, poller = assemble(settings, client, telemetry)
        yield Exporter(poller, publisher, telemetry, client)
