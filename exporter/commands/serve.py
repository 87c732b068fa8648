"""`anthropic-exporter serve`: the long-running process, from start to signal."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from exporter import __version__, memory
from exporter.api.key import AdminKey, kind_of
from exporter.background import DaemonThreads
from exporter.commands.assembly import Upstream, assemble
from exporter.jobs.poller import Poller
from exporter.jobs.reload import TeamsReload
from exporter.settings.model import Settings
from exporter.web.routes import application
from exporter.web.server import Server, listen, listen_for_health, urls

# How long a thread may hold the interpreter's lock while a scrape waits, which it does after each of its writes.
SWITCH_SECONDS = 0.0001
STOP_SECONDS = 0.5

log = structlog.get_logger()


def serve(settings: Settings) -> int:
    """Serve the organization of the configured key until a signal."""
    to_the_end(run(settings, Upstream(settings.api.base_url, AdminKey(settings.api.key, settings.api.key_file))))
    return 0


def to_the_end(serving: Coroutine[Any, Any, None]) -> None:
    """The process ends after it: the loop is left as it is, for to close it takes a thread, which there may not be."""
    asyncio.Runner().run(serving)


async def run(
    settings: Settings, api: Upstream, *, demo: bool = False, started: Callable[[list[str]], None] = lambda _: None
) -> None:
    """Serve until SIGTERM, SIGINT or, where it has nothing to read again, SIGHUP.

    Raises `ListenError`; calls `started` with the endpoint's URLs.
    """
    signalled = _signalled()
    sockets = listen(settings.web.listen_address)
    sys.setswitchinterval(SWITCH_SECONDS)
    memory.stop_less()
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    exporter = assemble(settings, api, demo=demo)
    if exporter.reload:
        _read_again_at_sighup(exporter.reload)
    async with exporter.client:
        server = Server(
            application(
                lambda: exporter.publisher.snapshot,
                lambda: exporter.board.answers,
                telemetry_path=settings.web.telemetry_path,
                collectors=[job.state.collector for job in exporter.organization],
                demo=demo,
                has_page=settings.web.page,
                most_requests=settings.web.max_requests,
                answers_by_status=exporter.web_answers,
            ),
            exporter.web_answers,
        )
        where = urls(sockets)
        log.info(
            "listening",
            version=__version__,
            metrics=" ".join(url + settings.web.telemetry_path for url in where),
            api=api.base_url,
            key=kind_of(api.key.current.get_secret_value()) or "of an unknown kind",
            collectors=", ".join(
                f"{job.state.collector} every {job.state.interval_seconds:g} s" for job in exporter.organization
            ),
        )
        started(where)
        await _until(signalled, exporter.poller, server, [*sockets, *listen_for_health(sockets)])
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


def _read_again_at_sighup(reload: TeamsReload) -> None:
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()

    def start() -> None:
        task = loop.create_task(reload.once())
        running.add(task)  # the loop itself does not hold it
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, start)


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
