"""What the nowcast adds to a refresh of a usage report of 100,000 rows: python -m tests.benchmarks.turns [TURNS].

Two processes refresh in turns, one with the nowcast, so that a machine whose speed changes is slow or fast for both.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from statistics import median

from exporter import log, memory
from exporter.api.key import AdminKey
from exporter.commands import assembly
from exporter.settings.model import load
from tests.benchmarks.moments import KEY, OF_NOWCAST, OF_USAGE, USAGE_ROWS, serving
from tests.support.processes import environment


async def refresh_at_each_line(api_url: str, *flags: str) -> None:
    """Answers each line of standard input with the CPU seconds of a refresh of all jobs, each of them published."""
    settings = load(["--api.base-url", api_url, *flags], {"ANTHROPIC_ADMIN_API_KEY": KEY})
    parts = assembly.assemble(settings, assembly.Upstream(api_url, AdminKey(settings.api.key, None)))
    log.configure("error", "logfmt")
    memory.limit_heaps()
    memory.stop_less()
    organization = parts.organization

    async def refresh(*jobs: object) -> None:
        for job in organization:
            if job in jobs:
                await job.refresh_once(datetime.now(UTC))
                await parts.poller.publish()

    async with parts.client:
        await refresh(*organization)
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            before = time.process_time()
            await refresh(organization.usage, organization.nowcast)
            print(time.process_time() - before, flush=True)


def main(turns: int = 20) -> None:
    with serving("usage") as url, ExitStack() as stack:
        processes = [_started(stack, url, *flags) for flags in (OF_USAGE, OF_NOWCAST)]
        for process in processes:
            _answer(process)
        seconds = [tuple(float(_asked(process)) for process in processes) for _ in range(turns)]
        for process in processes:
            process.kill()
    alone, beside = map(median, zip(*seconds, strict=True))
    more = median(with_nowcast / without - 1 for without, with_nowcast in seconds)
    print(
        f"refresh of a usage report of {USAGE_ROWS:,} rows, today another one each time: {alone:.2f} CPU s,"
        f" with the nowcast {beside:.2f} CPU s, {more:+.1%} (medians of {turns} turns)"
    )


def _started(stack: ExitStack, url: str, *flags: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.benchmarks.turns", "refresh", url, *flags]
    return stack.enter_context(
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
    )


def _asked(process: subprocess.Popen[str]) -> str:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()
    return _answer(process)


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline() or sys.exit("the exporter has ended")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["refresh", url, *flags]:
            asyncio.run(refresh_at_each_line(url, *flags))
        case turns:
            main(*map(int, turns))
