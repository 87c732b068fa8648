"""Prints the table. Needs nginx and wrk. `python -m tests.benchmarks [SERIES ...]`."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from exporter import __version__
from tests.benchmarks.load import percentile, scrape_seconds, scrapes, scrapes_per_second
from tests.processes import Running, environment, eventually, exporter_command, free_port, get, started

SIZES = (10_000, 100_000, 500_000, 2_000_000)
LARGEST_WITH_PEERS = 500_000
SERIES_OF_AN_ACTOR = 43.5
PATIENCE_SECONDS = 300.0
REFRESH_SECONDS = 2.0
# Where the exporter's own metrics begin: the peers serve what is before.
OWN_METRICS = "# HELP anthropic_exporter_collector_refresh_failures_total"
NGINX = """\
daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
events {{}}
http {{
  access_log off; sendfile on; default_type text/plain; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {folder}; location /gz {{ add_header Content-Encoding gzip; }} }}
}}
"""


class Served(NamedTuple):
    """A server under test: the paths of the same bytes plain and compressed."""

    name: str
    plain: str
    compressed: str
    pid: int


class Row(NamedTuple):
    series: int
    server: str
    cells: dict[str, float]


def main() -> None:
    missing = [name for name in ("nginx", "wrk") if not shutil.which(name)]
    if missing:
        sys.exit(f"the benchmark needs {' and '.join(missing)} (Debian: apt install nginx-light wrk)")
    print(f"anthropic-exporter {__version__}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(f"--help answers in {_help_seconds():.2f} s, the demo is ready in {_demo_seconds():.2f} s", flush=True)
    for size in [int(text) for text in sys.argv[1:]] or SIZES:
        with tempfile.TemporaryDirectory() as folder:
            _report(_measure(size, Path(folder)))


def _measure(size: int, folder: Path) -> list[Row]:
    rows = []
    with _api(round(size / SERIES_OF_AN_ACTOR)) as api_url:
        with _exporter(api_url, 3600) as (process, served):
            exposition = get(served.plain).text
            series = int(_own(exposition, 'collector_series{collector="claude_code"}'))
            requests = _requests(exposition)
            idle = _scrape_cells(served, size)
            (folder / "metrics").write_text(exposition[: exposition.index(OWN_METRICS)], encoding="utf-8")
            # Ended before the others run, so that nobody shares the machine.
            process.stop(signal.SIGTERM)
        with _exporter(api_url, REFRESH_SECONDS) as (process, served):
            busy = scrapes(served.compressed, "gzip", 6 * REFRESH_SECONDS, 100_000)
            busy_plain = scrapes(served.plain, "identity", 6 * REFRESH_SECONDS, 100_000)
            cells = idle | {
                "plain p50 refreshing ms": percentile(busy_plain, 0.5) * 1e3,
                "plain p99 refreshing ms": percentile(busy_plain, 0.99) * 1e3,
                "gzip p50 refreshing ms": percentile(busy, 0.5) * 1e3,
                "gzip p99 refreshing ms": percentile(busy, 0.99) * 1e3,
                # Evaluated in this order: the peak is that of several refreshes.
                "refresh CPU s": _cpu_of_a_refresh(served, requests),
                "peak MB": _peak_mb(served.pid),
            }
            rows.append(Row(series, "anthropic-exporter", cells))
    if size <= LARGEST_WITH_PEERS:
        rows += [_peer(series, size, folder), _nginx(series, size, folder)]
    return rows


def _scrape_cells(served: Served, size: int) -> dict[str, float]:
    most = 20 if size > 100_000 else 300
    plain = scrapes(served.plain, "identity", 4, most)
    compressed = scrapes(served.compressed, "gzip", 4, 10 * most)
    return {
        "plain p50 ms": percentile(plain, 0.5) * 1e3,
        "plain p99 ms": percentile(plain, 0.99) * 1e3,
        "gzip p50 ms": percentile(compressed, 0.5) * 1e3,
        "gzip p99 ms": percentile(compressed, 0.99) * 1e3,
        "scrapes/s": scrapes_per_second(shutil.which("wrk") or "", served.compressed, percentile(compressed, 0.5)),
    }


@contextlib.contextmanager
def _api(actors: int) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.api", str(port), str(actors)]
    with started(command, environment()) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: _listens(process, port), "the API", PATIENCE_SECONDS)
        yield url


@contextlib.contextmanager
def _exporter(api_url: str, interval_seconds: float) -> Iterator[tuple[Running, Served]]:
    port = free_port()
    flags = ["--no-usage.enabled", "--no-cost.enabled", "--no-organization.enabled", "--log.level", "error"]
    flags += ["--claude-code.interval-seconds", str(interval_seconds), "--web.listen-address", f"127.0.0.1:{port}"]
    environ = environment(ANTHROPIC_BASE_URL=api_url, ANTHROPIC_ADMIN_API_KEY="sk-ant-admin01-bench")
    with started(exporter_command(*flags), environ) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: process.answers(f"{url}/-/ready"), "the exporter", PATIENCE_SECONDS)
        yield process, Served("anthropic-exporter", f"{url}/metrics", f"{url}/metrics", process.process.pid)


def _peer(series: int, size: int, folder: Path) -> Row:
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.peer", str(port), str(folder / "metrics")]
    with started(command, environment()) as process:
        eventually(lambda: process.lines or None, "prometheus-client", PATIENCE_SECONDS)
        eventually(lambda: _listens(process, port), "prometheus-client's server")
        url = f"http://127.0.0.1:{port}/metrics"
        served = Served("prometheus-client", url, url, process.process.pid)
        scrape_seconds(url, "identity")
        own = {"peak MB": _peak_mb(served.pid), "refresh CPU s": float(process.lines[0])}
        return Row(series, served.name, _scrape_cells(served, size) | own)


def _nginx(series: int, size: int, folder: Path) -> Row:
    port = free_port()
    (folder / "gz").write_bytes(gzip.compress((folder / "metrics").read_bytes(), 3))
    folder.chmod(0o755)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port), encoding="utf-8")
    with started([shutil.which("nginx") or "", "-c", str(config)], environment()) as process:
        eventually(lambda: _listens(process, port), "nginx")
        url = f"http://127.0.0.1:{port}"
        return Row(series, "nginx", _scrape_cells(Served("nginx", f"{url}/metrics", f"{url}/gz", 0), size))


def _listens(process: Running, port: int) -> bool:
    import socket  # noqa: PLC0415

    assert process.process.poll() is None, process.output
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int((re.search(r"VmHWM:\s+(\d+)", status) or ["", "0"])[1]) / 1000


def _cpu_of_a_refresh(served: Served, requests: float) -> float:
    """CPU seconds of the process over at least three refreshes of so many requests, and nothing else, by refresh."""
    first = get(served.compressed).text

    def later() -> str | None:
        text = get(served.compressed).text
        return text if _requests(text) >= _requests(first) + 3 * requests else None

    last = eventually(later, "three refreshes", PATIENCE_SECONDS, pause_seconds=2)
    seconds = _own(last, "process_cpu_seconds_total", prefix="") - _own(first, "process_cpu_seconds_total", prefix="")
    return seconds * requests / (_requests(last) - _requests(first))


def _requests(exposition: str) -> float:
    return _own(exposition, 'api_requests_total{endpoint="usage_report/claude_code",status="200"}')


def _own(text: str, name: str, prefix: str = "anthropic_exporter_") -> float:
    return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(prefix + name))


def _help_seconds() -> float:
    start = time.perf_counter()
    with started(exporter_command("--help"), environment()) as process:
        process.process.wait()
    return time.perf_counter() - start


def _demo_seconds() -> float:
    port = free_port()
    start = time.perf_counter()
    with started(exporter_command("demo", "--web.listen-address", f"127.0.0.1:{port}"), environment()) as process:
        eventually(lambda: process.answers(f"http://127.0.0.1:{port}/-/ready"), "the demo")
    return time.perf_counter() - start


def _report(rows: list[Row]) -> None:
    columns = list(rows[0].cells)
    print(f"\n{rows[0].series:,} series")
    print("| | " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for row in rows:
        values = (f"{row.cells[column]:,.2f}" if column in row.cells else "" for column in columns)
        print(f"| {row.server} | " + " | ".join(values) + " |")
    for peer in rows[1:]:
        ratios = (
            f"{column} {peer.cells[column] / rows[0].cells[column]:.2f}" for column in columns if column in peer.cells
        )
        print(f"{peer.server} / {rows[0].server}: " + ", ".join(ratios), flush=True)


if __name__ == "__main__":
    main()
