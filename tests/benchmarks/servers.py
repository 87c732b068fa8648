"""The servers under test, each a process of its own, and what the system says of them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.processes import Running, environment, eventually, exporter_command, free_port, started

PATIENCE_SECONDS = 300.0
COLLECTORS_OFF = tuple(f"--no-{name}.enabled" for name in ("usage", "cost", "organization", "limits"))
# Files are read, not sent by the kernel: over loopback that is the faster way, and nginx is to be at its best.
NGINX = """\
daemon off; master_process off; pid {folder}/pid; error_log stderr crit;
events {{}}
http {{
  access_log off; sendfile off; output_buffers 2 1m; default_type text/plain; client_body_temp_path {folder};
  proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {folder}; location /gz {{ add_header Content-Encoding gzip; }} }}
}}
"""


class Served(NamedTuple):
    """A server under test: where it serves plain and compressed bytes."""

    plain: str
    compressed: str
    process: Running

    @property
    def peak_mb(self) -> float:
        """Most resident memory so far."""
        status = Path(f"/proc/{self.process.process.pid}/status").read_text(encoding="ascii")
        return int((re.search(r"VmHWM:\s+(\d+)", status) or ["", "0"])[1]) / 1000

    @property
    def cpu_seconds(self) -> float:
        """User and system time so far, of threads that have ended too."""
        after_the_name = Path(f"/proc/{self.process.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        user, system = after_the_name.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def api(series: int) -> Iterator[str]:
    """An Admin API with about so many series; its URL."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.api", str(port), str(series)]
    with started(command, environment()) as process:
        until_it_listens(process, port, "the API")
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def exporter(api_url: str, interval_seconds: float) -> Iterator[Served]:
    port = free_port()
    flags = [*COLLECTORS_OFF, "--log.level", "error", "--web.listen-address", f"127.0.0.1:{port}"]
    flags += ["--claude-code.interval-seconds", str(interval_seconds), "--claude-code.days", "2"]
    environ = environment(ANTHROPIC_BASE_URL=api_url, ANTHROPIC_ADMIN_API_KEY="sk-ant-admin01-bench")
    with started(exporter_command(*flags), environ) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: process.answers(f"{url}/-/ready"), "the exporter", PATIENCE_SECONDS)
        yield Served(f"{url}/metrics", f"{url}/metrics", process)


@contextlib.contextmanager
def prometheus_client(exposition: Path) -> Iterator[Served]:
    """Its process prints the CPU seconds of a rendering."""
    port = free_port()
    command = [sys.executable, "-m", "tests.benchmarks.peer", str(port), str(exposition)]
    with started(command, environment()) as process:
        until_it_listens(process, port, "prometheus-client's server")
        url = f"http://127.0.0.1:{port}/metrics"
        yield Served(url, url, process)


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[Served]:
    """Serves the files `plain` and `gz` of the folder."""
    port = free_port()
    folder.chmod(0o755)  # it reads as another user
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port), encoding="utf-8")
    with started([shutil.which("nginx") or "", "-c", str(config)], environment()) as process:
        until_it_listens(process, port, "nginx")
        yield Served(f"http://127.0.0.1:{port}/plain", f"http://127.0.0.1:{port}/gz", process)


def until_it_listens(process: Running, port: int, what: str) -> None:
    def listens() -> bool:
        assert process.process.poll() is None, process.output
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return True
        return False

    eventually(listens, what, PATIENCE_SECONDS)
