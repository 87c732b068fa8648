"""The programs of the stack, as processes of a test."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.processes import environment, eventually, free_port, started

ROOT = Path(__file__).parents[3]
STACK = ROOT / "grafana/stack"
ALERTS = ROOT / "grafana/alerts"
PATIENCE_SECONDS = 60.0
EVALUATIONS = 3

Alert = dict[str, Any]


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


@contextmanager
def prometheus(program: Callable[[str], str], folder: Path, config: dict[str, Any], *flags: str) -> Iterator[str]:
    """The base URL of a Prometheus whose files are in the folder."""
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    storage = (f"--storage.tsdb.path={folder / 'prometheus'}", "--storage.tsdb.retention.time=1y")
    command = [program("prometheus"), f"--config.file={file}", *storage, *flags]
    with _listening(command) as url:
        yield url


@contextmanager
def alertmanager(program: Callable[[str], str], folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """The base URL of an Alertmanager whose files are in the folder."""
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    name = "alertmanager" if shutil.which("alertmanager") else "prometheus-alertmanager"  # Debian's name
    storage = f"--storage.path={folder / 'alertmanager'}"
    with _listening([program(name), f"--config.file={file}", storage, "--cluster.listen-address="]) as url:
        yield url


@contextmanager
def receiver() -> Iterator[tuple[str, list[Alert]]]:
    """The URL of a webhook, and the alerts that it has received."""
    received: list[Alert] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", received
        finally:
            server.shutdown()
            thread.join()


def ask(url: str, path: str) -> Any:  # noqa: ANN401  JSON
    answer = httpx.get(f"{url}{path}", trust_env=False, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def write_rules(folder: Path) -> None:
    """The rules, but an alert fires as soon as its condition is true, and no longer."""
    folder.mkdir()
    for path in ALERTS.glob("*.yml"):
        text = re.sub(r"^ +keep_firing_for: .*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        text = re.sub(r"^( +for:) .*", r"\1 0s", text, flags=re.MULTILINE)
        (folder / path.name).write_text(text, encoding="utf-8")


def rule_groups(url: str) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = ask(url, "/api/v1/rules")["data"]["groups"]
    return groups


def await_evaluations(url: str, times: int = EVALUATIONS) -> None:
    """Until all rules were evaluated anew a few times."""
    for _ in range(times):
        _await_evaluation(url, _evaluated(url))


def _await_evaluation(url: str, before: set[tuple[str, str]]) -> None:
    eventually(lambda: not before & _evaluated(url), "an evaluation of every group", PATIENCE_SECONDS)


def _evaluated(url: str) -> set[tuple[str, str]]:
    return {(group["name"], group["lastEvaluation"]) for group in rule_groups(url)}


@contextmanager
def _listening(command: list[str]) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    with started([*command, f"--web.listen-address={address}"], environment()) as process:
        eventually(lambda: process.answers(f"http://{address}/-/ready"), command[0])
        yield f"http://{address}"
