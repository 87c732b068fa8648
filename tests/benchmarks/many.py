"""Many organizations in one process: python -m tests.benchmarks.many serve PORT API_URL ORGANIZATIONS.

Without `serve` it measures them: python -m tests.benchmarks.many [ORGANIZATIONS [SECONDS]].
"""

from __future__ import annotations

import asyncio
import gzip
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from statistics import median

import msgspec
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from exporter import memory
from exporter.api.key import AdminKey
from exporter.background import DaemonThreads
from exporter.commands import assembly
from exporter.commands.serve import SWITCH_SECONDS
from exporter.contract.days import utc_hour
from exporter.contract.families import CHAPTERS, OF_COLLECTORS
from exporter.contract.own import FAMILIES as OWN
from exporter.contract.people import People
from exporter.demo.api.asgi import AdminApi
from exporter.demo.simulation.organization import SimulatedOrganization
from exporter.exposition.publisher import Publisher
from exporter.exposition.store import Key, Store
from exporter.jobs.poller import Poller
from exporter.jobs.process import Process
from exporter.settings.model import load
from exporter.status.answers import StatusBoard
from exporter.web.routes import application
from exporter.web.server import Server, listen
from tests.benchmarks.load import body, percentile, scrapes
from tests.benchmarks.servers import PATIENCE_SECONDS, Served
from tests.support.processes import environment, eventually, free_port, started
from tests.support.statuses import ABOUT

KEY = "sk-ant-admin01-bench"
# Rows of a day: with them an organization has about 500 series, its own metrics counted.
ROWS = {"usage_report/messages": 2, "cost_report": 3, "usage_report/claude_code": 1}
# Four collectors of each organization.
FLAGS = ("--no-nowcast.enabled", "--no-limits.enabled", "--log.level=error")
SCRAPE_SECONDS = 15


async def serve(port: int, api_url: str, organizations: int) -> None:
    settings = load(["--api.base-url", api_url, *FLAGS], {"ANTHROPIC_ADMIN_API_KEY": KEY})
    upstream = assembly.Upstream(api_url, AdminKey(settings.api.key, None))
    publisher = Publisher(utc_hour(assembly.utc_now()), organizations)
    process = Process("", "", demo=False, lines_dropped=lambda: 0)
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    sys.setswitchinterval(SWITCH_SECONDS)
    memory.limit_heaps()
    memory.stop_less()
    async with AsyncExitStack() as stack:
        everybody = []
        for rank in range(organizations):
            name = f"organization {rank:04d}"
            client, jobs = assembly.organization_jobs(settings, upstream, name, rank, publisher, process, People())
            await stack.enter_async_context(client)
            everybody.append(jobs)
        board = StatusBoard(ABOUT, settings.cost.days, organizations, assembly.utc_now())
        poller = Poller(everybody, publisher, process, board, assembly.utc_now)
        server = Server(
            application(lambda: publisher.snapshot, lambda: board.answers, telemetry_path="/metrics"), Counter()
        )
        await asyncio.gather(poller.run(), server.serve(listen([f"127.0.0.1:{port}"])))


def serve_api(port: int) -> None:
    """The demo's API of a small organization, each answer made once."""
    api = AdminApi(SimulatedOrganization(actors=2, workspaces=2, growth=False), key=KEY)
    made: dict[bytes, list[Message]] = {}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["raw_path"] + b"?" + scope["query_string"]
        if asked not in made:
            messages: list[Message] = []

            async def keep(message: Message) -> None:
                messages.append(message)

            await api(scope, receive, keep)
            made[asked] = [messages[0], {**messages[1], "body": _short(scope["path"], messages[1]["body"])}]
            headers = [pair for pair in messages[0]["headers"] if pair[0] != b"content-length"]
            made[asked][0] = {**messages[0], "headers": headers}
        for message in made[asked]:
            await send(message)

    config = uvicorn.Config(application, port=port, lifespan="off", log_config=None, access_log=False)
    asyncio.run(uvicorn.Server(config).serve())


def _short(path: str, body: bytes) -> bytes:
    """A report's answer with few rows a day."""
    answer = msgspec.json.decode(body)
    most = next((rows for report, rows in ROWS.items() if path.endswith(report)), None)
    if most is not None and "results" in (answer["data"] or [{}])[0]:
        for bucket in answer["data"]:
            bucket["results"] = bucket["results"][:most]
    elif most is not None:
        answer["data"] = answer["data"][:most]
    return msgspec.json.encode(answer)


@contextmanager
def served(organizations: int) -> Iterator[Served]:
    api_port, port = free_port(), free_port()
    python = [sys.executable, "-m", "tests.benchmarks.many"]
    url = f"http://127.0.0.1:{port}"
    with started([*python, "api", str(api_port)], environment()) as api:
        eventually(lambda: api.answers(f"http://127.0.0.1:{api_port}/demo/faults"), "the API")
        command = [*python, "serve", str(port), f"http://127.0.0.1:{api_port}", str(organizations)]
        with started(command, environment()) as process:
            eventually(lambda: process.answers(f"{url}/-/ready"), "all organizations", PATIENCE_SECONDS)
            yield Served(f"{url}/metrics", f"{url}/metrics", process)


def change_milliseconds(jobs: int, series: int) -> tuple[float, float]:
    """Wall and CPU time for both formats when one of so many jobs changes: eight of its families, and all its own."""
    store = Store(CHAPTERS, jobs // 4)
    own, claude_code = OWN, OF_COLLECTORS["claude_code"]

    def put(key: Key, value: int) -> None:
        families = {}
        for family in (*claude_code, *own[:10]):
            lines = series // len(claude_code) if family in claude_code else 1
            names = (f'{family.name}{{organization="organization {key.organization:04d}",' for _ in range(lines))
            families[family.name] = (
                "".join([f'{name}actor="{line}@{key.job}"}} {value}.0\n' for line, name in enumerate(names)]).encode(),
            )
        store.put(key, families)

    for number in range(jobs):
        put(Key(number // 4, number % 4), 0)
    store.snapshot(is_ready=True)
    wall, cpu = [], []
    for number in range(50):
        put(Key(number * 7 % (jobs // 4), 2), 1 + number)
        at, used = time.perf_counter(), time.process_time()
        store.snapshot(is_ready=True)
        wall.append(time.perf_counter() - at)
        cpu.append(time.process_time() - used)
    return median(wall) * 1e3, median(cpu) * 1e3


def main(organizations: int = 200, seconds: int = 600) -> None:
    wall, cpu = change_milliseconds(1_000, 125)
    print(f"one job of 1,000 changes: {wall:.1f} ms, CPU {cpu:.1f} ms, both formats")
    with served(organizations) as own:
        time.sleep(SCRAPE_SECONDS)
        start, used = time.monotonic(), own.cpu_seconds
        while time.monotonic() < start + seconds:
            body(own.compressed, "gzip")
            time.sleep(SCRAPE_SECONDS)
        busy = (own.cpu_seconds - used) / (time.monotonic() - start)
        compressed = body(own.compressed, "gzip")
        text = gzip.decompress(compressed)
        series = sum(not line.startswith(b"#") for line in text.splitlines())
        times = scrapes(own.compressed, "gzip", 3_600, 1_000)
        print(
            f"{organizations} organizations, {series:,} samples: {busy:.1%} of a core, {own.peak_mb:.0f} MB, "
            f"gzip {len(compressed) / 1e6:.2f} MB; 1,000 scrapes one after the other, p50 / p99: "
            f"{percentile(times, 0.5) * 1e3:.1f} / {percentile(times, 0.99) * 1e3:.1f} ms"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
    elif sys.argv[1:2] == ["api"]:
        serve_api(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
