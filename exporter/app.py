"""The long-running process: collectors, poller and endpoint put together, from start to signal."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from exporter import __version__, memory
from exporter.api.client import Client, Observer
from exporter.api.key import AdminKey
from exporter.background import DaemonThreads
from exporter.collectors import Collector
from exporter.collectors.claude_code import ClaudeCodeCollector
from exporter.collectors.cost import CostCollector
from exporter.collectors.organization import OrganizationCollector
from exporter.collectors.usage import UsageCollector
from exporter.metrics import label_text
from exporter.poller import Poller
from exporter.settings.model import Settings
from exporter.snapshot import Publisher
from exporter.telemetry import Telemetry
from exporter.web.routes import application
from exporter.web.server import Server, listen, urls

# How long a thread may hold the interpreter's lock while a scrape waits, which it does after each of its writes.
SWITCH_SECONDS = 0.0001
STOP_SECONDS = 0.5

log = structlog.get_logger()


@dataclass(frozen=True)
class Api:
    """Where the API is, and the key for it."""

    base_url: str
    key: AdminKey


def utc_now() -> datetime:
    return datetime.now(UTC)


def connect(settings: Settings, api: Api, observe: Observer, *, retry_seconds: float | None = None) -> Client:
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


def build_collectors(settings: Settings, client: Client) -> list[Collector[Any]]:
    """The enabled collectors, in the order of their families."""
    name = settings.organization.name
    prefix = label_text([("organization", name)]) if name else ""
    collectors: dict[str, Collector[Any]] = {
        "cost": CostCollector(client, settings.cost.interval_seconds, settings.cost.days, prefix),
        "usage": UsageCollector(
            client, settings.usage.interval_seconds, settings.usage.days, settings.usage.group_by, prefix
        ),
        "claude_code": ClaudeCodeCollector(
            client,
            settings.claude_code.interval_seconds,
            settings.claude_code.days,
            settings.claude_code.actor_days,
            prefix,
        ),
        "organization": OrganizationCollector(client, settings.organization.interval_seconds, prefix),
    }
    enabled = settings.collectors()
    return [collector for name, collector in collectors.items() if enabled[name].enabled]


def assemble(settings: Settings, client: Client, telemetry: Telemetry) -> tuple[Publisher, Poller]:
    """What refreshes and what holds the result; its first snapshot already says that no collector is up."""
    collectors = build_collectors(settings, client)
    watched = [(each, telemetry.watch(each.name, each.source, each.interval_seconds)) for each in collectors]
    publisher = Publisher(collectors, telemetry, utc_now)
    return publisher, Poller(watched, publisher, telemetry, utc_now)


async def run(
    settings: Settings, api: Api, *, demo: bool = False, started: Callable[[list[str]], None] = lambda _: None
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP. Raises `ListenError`; calls `started` with the endpoint's URLs."""
    signalled = _signalled()
    sockets = listen(settings.web.listen_address)
    sys.setswitchinterval(SWITCH_SECONDS)
    memory.tune()
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    telemetry = Telemetry(organization=settings.organization.name, demo=demo)
    async with connect(settings, api, telemetry.observe_request) as client:
        publisher, poller = assemble(settings, client, telemetry)
        server = Server(
            application(
                lambda: publisher.snapshot,
                lambda: poller.is_ready,
                telemetry_path=settings.web.telemetry_path,
                demo=demo,
            )
        )
        where = urls(sockets)
        log.info("listening", version=__version__, metrics=" ".join(url + settings.web.telemetry_path for url in where))
        started(where)
        await _until(signalled, poller, server, sockets)
    log.info("stopped", signal=signalled.result().name if signalled.done() else None)


def _signalled() -> asyncio.Future[signal.Signals]:
    """The first signal that asks for the end; a terminal that goes away is one."""
    loop = asyncio.get_running_loop()
    signalled: asyncio.Future[signal.Signals] = loop.create_future()

    def end(number: signal.Signals) -> None:
        if not signalled.done():
            signalled.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, end, number)
    return signalled


async def _until(
    signalled: asyncio.Future[signal.Signals], poller: Poller, server: Server, sockets: list[socket.socket]
) -> None:
    """Poll and serve; if either ends by itself, so does the process, visibly."""
    polling = asyncio.create_task(poller.run())
    serving = asyncio.create_task(server.serve(sockets))
    done, pending = await asyncio.wait((polling, serving, signalled), return_when=asyncio.FIRST_COMPLETED)
    server.stop()
    polling.cancel()
    await asyncio.wait(pending, timeout=STOP_SECONDS)
    for task in done:
        task.result()
