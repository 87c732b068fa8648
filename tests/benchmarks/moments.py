"""What else must not hold up a scrape: python -m tests.benchmarks.moments [SERIES ...].

A refresh with nothing new, and with one of two days new; a usage report of 100,000 rows; midnight.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import msgspec
import uvicorn
from starlette.types import Receive, Scope, Send

from exporter import memory
from exporter.api.key import AdminKey
from exporter.commands import assembly
from exporter.settings.model import load
from tests.benchmarks import api, servers
from tests.benchmarks.load import body, percentile, scrape_seconds
from tests.benchmarks.servers import PATIENCE_SECONDS
from tests.support.processes import environment, eventually, exporter_command, free_port, started

KEY = "sk-ant-admin01-bench"
USAGE_DAYS, MOST_DAYS = 10, 18  # that usage reads, and the nowcast
# A usage report at five dimensions; at those that a price depends on it has fewer rows.
WORKSPACES, MODELS = 50, 10
PRICED = WORKSPACES * MODELS * 2 * 2
KEYS = 5
USAGE_ROWS = PRICED * KEYS * USAGE_DAYS
NO_LISTS = ("--no-organization.enabled", "--no-limits.enabled")
OF_CLAUDE_CODE = ("--claude-code.days=2", "--no-usage.enabled", "--no-cost.enabled", *NO_LISTS)
# Nothing leaves the window, and people keep their names.
OF_MIDNIGHT = ("--claude-code.days=3", "--claude-code.actor-days=3", *OF_CLAUDE_CODE[1:])
OF_USAGE = ("--no-claude-code.enabled", "--no-cost.enabled", *NO_LISTS, "--usage.group-by=api_key_id")
OF_NOWCAST = ("--no-claude-code.enabled", *NO_LISTS, "--usage.group-by=api_key_id")
TODAY = datetime.now(UTC).date()
NO_ROWS = b'{"data":[],"has_more":false,"next_page":null}'
CHANGED = b'"num_sessions":'
FIRST_TOKENS = b'"uncached_input_tokens":'


# The API, in a process of its own


def serve(kind: str, port: int, series: int) -> None:
    """`same`, `today`: Claude Code activity, whose first row of today is another one each time; or `usage`, likewise.

    `/refreshes` tells how often today was asked for from its beginning, of usage by the exporter's own dimensions.
    """
    claude_code = {} if kind == "usage" else api.pages(series)
    by_key, by_price = (_usage_buckets(keys) if kind == "usage" else {} for keys in (KEYS, 1))
    begun = 0

    def usage(query: dict[str, str]) -> bytes:
        nonlocal begun
        begun += "page" not in query and not query["is_by_speed"]
        buckets = by_price if query["is_by_speed"] else by_key
        days = [day for day in sorted(buckets) if day >= query["starting_at"][: len("2026-01-31")]]
        first, limit = int(query.get("page", 0)), int(query["limit"])
        of_page = [buckets[day] for day in days[first : first + limit]]
        if days[first : first + limit][-1:] == [TODAY.isoformat()]:
            of_page[-1] = of_page[-1].replace(FIRST_TOKENS, FIRST_TOKENS + str(1 + begun % 9).encode(), 1)
        following = first + limit if first + limit < len(days) else None
        more = str(following is not None).lower().encode()
        return b'{"data":[%s],"has_more":%s,"next_page":%s}' % (
            b",".join(of_page),
            more,
            msgspec.json.encode(following and str(following)),
        )

    def answer(query: dict[str, str]) -> bytes:
        nonlocal begun
        if kind == "usage":
            return usage(query)
        of_day, number = claude_code.get(query["starting_at"], [NO_ROWS]), int(query.get("page", 0))
        if number == 0 and query["starting_at"] == TODAY.isoformat():
            begun += 1
            if kind == "today":
                return of_day[0].replace(CHANGED, CHANGED + str(1 + begun % 9).encode(), 1)
        return of_day[number]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["query_string"].decode()
        if scope["path"] == "/refreshes":
            body = str(begun).encode()
        elif scope["path"].endswith("/cost_report"):
            body = NO_ROWS
        else:
            query = dict(pair.split("=", 1) for pair in asked.split("&"))
            body = answer(query | {"is_by_speed": "=speed" * ("=speed" in asked)})
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(application, port=port, lifespan="off", log_config=None, access_log=False)
    asyncio.run(uvicorn.Server(config).serve())


def _usage_buckets(keys: int) -> dict[str, bytes]:
    """By day: for so many API keys a row of each workspace, model, tier and place."""

    def row(number: int) -> dict[str, object]:
        return {
            "uncached_input_tokens": 1_000 + number,
            "cache_read_input_tokens": 2_000,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 300,
            "server_tool_use": {"web_search_requests": 1},
            "api_key_id": f"apikey_01{number // PRICED:04d}" if keys > 1 else None,
            "workspace_id": f"wrkspc_01{number % WORKSPACES:04d}",
            "model": f"claude-opus-{number // WORKSPACES % MODELS}",
            "service_tier": ("standard", "batch")[number // (WORKSPACES * MODELS) % 2],
            "inference_geo": ("global", "us")[number // (WORKSPACES * MODELS * 2) % 2],
            "speed": "standard",
        }

    rows = [row(number) for number in range(PRICED * keys)]
    days = (TODAY - timedelta(days=age) for age in range(MOST_DAYS))
    return {str(day): msgspec.json.encode({"starting_at": f"{day}T00:00:00Z", "results": rows}) for day in days}


@contextmanager
def serving(kind: str, series: int = 0) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.moments", "serve", kind, str(port), str(series)]
    with started(command, environment()) as process:
        servers.until_it_listens(process, port, "the API")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def refreshing(api_url: str, *flags: str) -> Iterator[servers.Served]:
    """The exporter, one refresh after the other."""
    port = free_port()
    command = exporter_command(*flags, "--log.level=error", f"--web.listen-address=127.0.0.1:{port}")
    environ = environment(ANTHROPIC_BASE_URL=api_url, ANTHROPIC_ADMIN_API_KEY=KEY)
    with started(command, environ) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: process.answers(f"{url}/-/ready"), "the exporter", PATIENCE_SECONDS)
        yield servers.Served(f"{url}/metrics", f"{url}/metrics", process)


# What is measured


def refresh_cpu_seconds(kind: str, series: int, flags: Sequence[str], refreshes: int = 8) -> float:
    """CPU seconds of the process from the start of a refresh to that of the next one, which nobody scrapes."""
    with serving(kind, series) as url, refreshing(url, *flags) as own:

        def begun() -> int:
            return int(body(f"{url}/refreshes", "identity"))

        def at_the_next() -> float:
            count = begun()
            eventually(lambda: begun() > count, "a refresh", PATIENCE_SECONDS)
            return own.cpu_seconds

        at_the_next()
        first = at_the_next()
        return ([at_the_next() for _ in range(refreshes)][-1] - first) / refreshes


def longest_wait_milliseconds(seconds: float = 30) -> tuple[float, float, float]:
    """p50, p99 and the longest of light requests while a report of 100,000 rows is read again and again."""
    with serving("usage") as url, refreshing(url, *OF_USAGE, "--usage.interval-seconds=0.001") as own:
        healthy = own.plain.replace("/metrics", "/-/healthy")
        times = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            times.append(scrape_seconds(healthy, "identity") * 1e3)
        return percentile(times, 0.5), percentile(times, 0.99), max(times)


def midnight(api_url: str) -> str:
    """In this process: what it takes from the clock to the published snapshot."""
    settings = load(["--api.base-url", api_url, *OF_MIDNIGHT], {"ANTHROPIC_ADMIN_API_KEY": KEY})
    now = datetime.now(UTC)

    async def measure() -> str:
        with patch("exporter.commands.assembly.utc_now", lambda: now):
            parts = assembly.assemble(settings, assembly.Upstream(api_url, AdminKey(settings.api.key, None)))
            memory.limit_heaps()
            memory.stop_less()
            async with parts.client:
                for job in parts.organization:
                    await job.refresh_once(now)
                await parts.poller.publish()
                samples = sum(job.state.samples for job in parts.organization)
                return await roll(parts, samples)

    async def roll(parts: assembly.Exporter, samples: int) -> str:
        nonlocal now
        now += timedelta(days=1)
        wall, cpu = time.perf_counter(), time.process_time()
        await parts.poller.roll()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        status = await asyncio.to_thread(Path("/proc/self/status").read_text, encoding="ascii")
        peak = int((re.search(r"VmHWM:\s+(\d+)", status) or ["", "0"])[1]) / 1e3
        return f"midnight, {samples:,} samples: {wall:.2f} s, CPU {cpu:.2f} s, peak {peak:,.0f} MB"

    return asyncio.run(measure())


def main(sizes: list[int]) -> None:
    p50, p99, most = longest_wait_milliseconds()
    print(
        f"usage report of {USAGE_ROWS:,} rows: light requests wait {p50:.1f} / {p99:.1f} ms, {most:.0f} ms at the most"
    )
    for size in sizes:
        if size <= 500_000:
            flags = (*OF_CLAUDE_CODE, "--claude-code.interval-seconds=3")
            same, today = (refresh_cpu_seconds(kind, size, flags) for kind in ("same", "today"))
            print(f"refresh, {size:,} series: nothing new {same:.2f} CPU s, one of two days new {today:.2f} CPU s")
        with serving("same", size) as url:
            command = [sys.executable, "-m", "tests.benchmarks.moments", "midnight", url]
            with started(command, environment()) as process:
                process.process.wait()
            print(process.lines[-1], end="")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", kind, port, series]:
            serve(kind, int(port), int(series))
        case ["midnight", url]:
            print(midnight(url))
        case sizes:
            main(list(map(int, sizes)) or [500_000, 2_000_000])
