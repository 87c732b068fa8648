"""Prints the table. Needs nginx and wrk. `python -m tests.benchmarks [--write] [SERIES ...]`."""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import NamedTuple

from docs.reference import SIZING, with_block
from exporter import __version__
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.benchmarks import servers
from tests.benchmarks.load import body, percentile, scrape_seconds, scrapes, scrapes_on_time, scrapes_per_second
from tests.benchmarks.servers import PATIENCE_SECONDS, Served
from tests.support.processes import environment, eventually, exporter_command, free_port, get, started

SIZES = (10_000, 100_000, 500_000, 2_000_000)
LARGEST_WITH_PEERS = 500_000
ROUNDS = 3
# One refresh after the other: whatever is measured meanwhile is measured during a refresh.
WITHOUT_PAUSE_SECONDS = 0.001
REFRESHING_SECONDS = 30.0
REFRESHES = 5  # and seconds, at least
OWN = "anthropic_exporter_collector_"
REPORT = "/v1/organizations/usage_report/claude_code"
# Where the exporter's own metrics end, for it has no cost here: the peer serves the rest.
DATA = "# HELP anthropic_claude_code_"

COLUMNS = (
    "plain",
    "gzip",
    "plain, refreshing",
    "gzip, refreshing",
    "scrapes/s",
    "refresh, CPU s",
    "peak MB",
)
# Of one server: numbers by column; two are p50 and p99.
Cells = Mapping[str, Sequence[float]]


class Row(NamedTuple):
    series: int
    server: str
    cells: Cells


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("series", nargs="*", type=int, default=SIZES)
    parser.add_argument("--write", action="store_true", help="write the table into docs/sizing.md")
    arguments = parser.parse_args()
    missing = [name for name in ("nginx", "wrk") if not shutil.which(name)]
    if missing:
        sys.exit(f"the benchmark needs {' and '.join(missing)} (Debian: apt install nginx-light wrk)")
    if arguments.write and tuple(arguments.series) != SIZES:
        sys.exit("--write wants all sizes")
    heading = list(_heading())
    print(*heading, sep="\n", flush=True)
    table, verdict = [], ""
    for size in arguments.series:
        with tempfile.TemporaryDirectory() as folder:
            rows = _measure(size, Path(folder))
        lines = list(_lines(rows))
        print(*lines, sep="\n", flush=True)
        table += lines
        if len(rows) > 1:
            verdict = _verdict(*rows)
    print(verdict)
    if arguments.write:
        content = "\n".join([verdict, "", *heading, *table, ""])
        SIZING.write_text(with_block(SIZING.read_text(encoding="utf-8"), "benchmark", content), "utf-8")


def _heading() -> Iterator[str]:
    python = ".".join(map(str, sys.version_info[:2]))
    ready, ended = _demo_seconds()
    page, light = _demo_api_seconds()
    yield (
        f"anthropic-exporter {__version__}, {os.cpu_count()} cores, Python {python}; `--help` answers in "
        f"{_help_seconds():.2f} s, the demo is ready in {ready:.2f} s and ends {ended:.2f} s after SIGTERM; its API "
        f"has a first page of 10,000 people in {page:.2f} s, other answers meanwhile in {light * 1e3:.0f} ms at the "
        "most. Scrape times in ms: p50 / p99."
    )
    yield ""
    yield "| series | server | " + " | ".join(COLUMNS) + " |"
    yield "|---:|---|" + "---:|" * len(COLUMNS)


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    own, *peers = rows
    for number, row in enumerate(rows):
        yield _markdown(f"{row.series:,}" if number == 0 else "", row.server, row.cells, _number)
    for peer in peers:
        yield _markdown("", f"times as good as {peer.server}", _ratios(peer.cells, own.cells), _ratio)


def _verdict(own: Row, client: Row, nginx: Row) -> str:
    def relative(column: str, peer: Row) -> float:
        return own.cells[column][0] / peer.cells[column][0]

    return (
        f"With {own.series:,} series of Claude Code a gzip scrape takes {_number(own.cells['gzip'][0])} ms, "
        f"{relative('gzip', nginx):.1f} times as long as nginx's, and prometheus-client's is "
        f"{1 / relative('gzip', client):,.0f} times as long; during a refresh 99 % take at most "
        f"{_number(own.cells['gzip, refreshing'][1])} ms. A refresh costs {relative('refresh, CPU s', client):.2f} of "
        f"the CPU time of one `generate_latest`, and the process {relative('peak MB', client):.2f} of the memory."
    )


def _measure(size: int, folder: Path) -> list[Row]:
    with servers.api(size) as api_url:
        with servers.exporter(api_url, 3600) as own:
            exposition = get(own.plain).text
            series, requests = int(_own(exposition, f"{OWN}series")), _requests(exposition)
            (folder / "metrics").write_text(exposition[exposition.index(DATA) :], encoding="utf-8")
            (folder / "plain").write_bytes(body(own.plain, "identity"))
            (folder / "gz").write_bytes(body(own.compressed, "gzip"))
            if size > LARGEST_WITH_PEERS:
                rows = [Row(series, "anthropic-exporter", _idle(size, own)[0])]
            else:
                rows = _with_peers(series, size, own, folder)
            own.process.stop(signal.SIGTERM)
        with servers.exporter(api_url, WITHOUT_PAUSE_SECONDS) as own:
            cells = _refreshing(own, requests)
    return [Row(series, "anthropic-exporter", {**rows[0].cells, **cells}), *rows[1:]]


def _with_peers(series: int, size: int, own: Served, folder: Path) -> list[Row]:
    """All at once, so that a change of the machine's speed meets all of them; those that wait cost nothing."""
    with servers.prometheus_client(folder / "metrics") as client, servers.nginx(folder) as nginx:
        memory = []
        for each in (client, nginx):
            scrape_seconds(each.compressed, "gzip")
            memory.append((each.peak_mb,))
        of_own, of_client, of_nginx = _idle(size, own, client, nginx)
        rendering = float(client.process.lines[0])
        return [
            Row(series, "anthropic-exporter", of_own),
            Row(series, "prometheus-client", {**of_client, "refresh, CPU s": (rendering,), "peak MB": memory[0]}),
            Row(series, "nginx, files", {**of_nginx, "peak MB": memory[1]}),
        ]


def _idle(size: int, *served: Served) -> list[Cells]:
    """Scrapes of each server in turn, round by round: all rounds' percentiles, the middle round's throughput."""
    most = 10 if size > 100_000 else 100
    plain: list[list[float]] = [[] for _ in served]
    compressed: list[list[float]] = [[] for _ in served]
    rates: list[list[float]] = [[] for _ in served]
    for _ in range(ROUNDS):
        for number, each in enumerate(served):
            plain[number] += scrapes(each.plain, "identity", 3, most)
            compressed[number] += scrapes(each.compressed, "gzip", 3, 10 * most)
            rate = scrapes_per_second(shutil.which("wrk") or "", each.compressed, median(compressed[number]))
            rates[number].append(rate)
    return [
        {"plain": _percentiles(plain[n]), "gzip": _percentiles(compressed[n]), "scrapes/s": (median(rates[n]),)}
        for n in range(len(served))
    ]


def _refreshing(own: Served, requests: float) -> Cells:
    """While one refresh follows the other. The peak is that of all of them, with the snapshot before."""
    cpu = _cpu_of_a_refresh(own, requests)
    every = max(0.02, 10 * median(scrapes(own.compressed, "gzip", 3, 20)))
    compressed = scrapes_on_time(own.compressed, "gzip", REFRESHING_SECONDS, every)
    every = max(0.02, 4 * median(scrapes(own.plain, "identity", 3, 20)))
    plain = scrapes_on_time(own.plain, "identity", REFRESHING_SECONDS, every)
    return {
        "plain, refreshing": _percentiles(plain),
        "gzip, refreshing": _percentiles(compressed),
        "refresh, CPU s": (cpu,),
        "peak MB": (own.peak_mb,),
    }


def _cpu_of_a_refresh(own: Served, requests: float) -> float:
    """CPU seconds of the process by refresh, from the end of one to the end of another."""
    first = last = _end_of_a_refresh(own, requests, after=_end_of_a_refresh(own, requests, after=0).unix_seconds)
    while last.refreshes < first.refreshes + REFRESHES or last.unix_seconds < first.unix_seconds + REFRESHES:
        last = _end_of_a_refresh(own, requests, after=last.unix_seconds)
    return (last.cpu_seconds - first.cpu_seconds) / (last.refreshes - first.refreshes)


class End(NamedTuple):
    """Of a refresh: when it was, and how much CPU time and how many refreshes the process had had by then."""

    unix_seconds: float
    cpu_seconds: float
    refreshes: int


def _end_of_a_refresh(own: Served, requests: float, *, after: float) -> End:
    """The next one, seen at most a pause late. What looking costs is charged to the refreshes."""

    def ended() -> End | None:
        compressed = body(own.compressed, "gzip")
        cpu = own.cpu_seconds
        exposition = gzip.decompress(compressed)
        text = exposition.partition(DATA.encode())[0].decode()
        success = _own(text, f"{OWN}last_success_timestamp_seconds")
        return End(success, cpu, int(_requests(text) // requests)) if success > after else None

    return eventually(ended, "a refresh", PATIENCE_SECONDS)


def _requests(exposition: str) -> float:
    labels = 'api_endpoint="usage_report/claude_code",status="200"'
    return _own(exposition, f"anthropic_exporter_api_requests_total{{{labels}}}")


def _own(text: str, name: str) -> float:
    return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def _percentiles(times: Sequence[float]) -> tuple[float, float]:
    return percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3


def _help_seconds() -> float:
    start = time.perf_counter()
    with started(exporter_command("--help"), environment()) as process:
        process.process.wait()
    return time.perf_counter() - start


def _demo_seconds() -> tuple[float, float]:
    """From the start until it is ready, and from SIGTERM until it has ended."""
    port = free_port()
    start = time.perf_counter()
    with started(exporter_command("demo", "--web.listen-address", f"127.0.0.1:{port}"), environment()) as process:
        eventually(lambda: process.answers(f"http://127.0.0.1:{port}/-/ready"), "the demo")
        ready = time.perf_counter()
        process.stop(signal.SIGTERM)
        return ready - start, time.perf_counter() - ready


def _demo_api_seconds() -> tuple[float, float]:
    """Of the first page of a large organization's report, and of the slowest light answer meanwhile."""
    headers = {"x-api-key": "sk-ant-admin01-bench", "anthropic-version": "2023-06-01"}
    api = AdminApi(SimulatedOrganization(actors=10_000), key=headers["x-api-key"])
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    light = 0.0
    with running(api) as url, ThreadPoolExecutor() as pool:
        start = time.perf_counter()
        page = pool.submit(get, f"{url}{REPORT}?starting_at={yesterday}&limit=1000", **headers)
        while not page.done():
            asked = time.perf_counter()
            get(f"{url}/v1/organizations/me", **headers)
            light = max(light, time.perf_counter() - asked)
        assert page.result().status_code == HTTPStatus.OK
        return time.perf_counter() - start, light


def _ratios(peer: Cells, own: Cells) -> Cells:
    """How many times better the exporter is: less of everything, but more scrapes a second."""
    return {
        column: [
            ours / theirs if column == "scrapes/s" else theirs / ours
            for theirs, ours in zip(numbers, own[column], strict=True)
        ]
        for column, numbers in peer.items()
    }


def _markdown(series: str, server: str, cells: Cells, text_of: Callable[[float], str]) -> str:
    texts = (" / ".join(map(text_of, cells.get(column, ()))) for column in COLUMNS)
    return f"| {series} | {server} | " + " | ".join(texts) + " |"


def _number(number: float) -> str:
    """Two digits, and no more decimals."""
    return f"{number:,.{max(0, 2 - len(str(int(number))) + (number < 1))}f}"


def _ratio(number: float) -> str:
    """Two digits at least."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


if __name__ == "__main__":
    main()
