"""Dashboards drawn by grafana/preview: Grafana's components, in Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from docs.reference import ROOT
from tests.support.processes import environment

PREVIEW = ROOT / "grafana/preview"
DASHBOARDS = ROOT / "grafana/dashboards"
NODE_MAJOR = 20

Json = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """What is drawn, and the files that it is written to; without a picture it is described only."""

    dashboard: str
    prometheus: int
    width: int
    theme: str
    json: str
    picture: str | None = None
    height: int | None = None  # of the picture at the most, in pixels
    variables: dict[str, str] = field(default_factory=dict)


def node(program: Callable[[str], str]) -> str | None:
    """Its path, where it is not too old."""
    path = program("node")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"v(\d+)", version)
    return path if found and int(found[1]) >= NODE_MAJOR else None


def install(program: Callable[[str], str]) -> None:
    """The packages of the lock file, unless they are there."""
    lock, installed = PREVIEW / "package-lock.json", PREVIEW / "node_modules/installed.json"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    subprocess.run([program("npm"), "ci", "--silent"], cwd=PREVIEW, check=True)
    shutil.copy(lock, installed)


@contextmanager
def drawer(program: Callable[[str], str]) -> Iterator[Callable[[Iterable[Page]], None]]:
    """It begins to build its page at once, and draws when it is told what."""
    command = [program("node"), str(PREVIEW / "draw.mjs")]
    with subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, text=True) as process:

        def draw(pages: Iterable[Page]) -> None:
            plan = {
                "dashboards": str(DASHBOARDS),
                "chromium": program("chromium"),
                "pages": [asdict(page) for page in pages],
            }
            process.communicate(json.dumps(plan))
            if process.returncode:
                raise RuntimeError("the dashboards could not be drawn")

        try:
            yield draw
        finally:
            process.kill()
