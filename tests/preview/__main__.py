"""`make preview`: draws the dashboards, states, widths and themes that are named, all of a kind if none is.

`make pictures` draws those of the documentation.
"""

from __future__ import annotations

import argparse
import html
import json
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import structlog

from docs.reference import ROOT
from tests.preview.drawing import DASHBOARDS, NODE_MAJOR, Page, drawer, install, node
from tests.preview.history import past
from tests.preview.states import STATES, running

BUILD = ROOT / "build"
OUT = BUILD / "preview"
PICTURES = ROOT / "docs/pictures"
PICTURED = {"cost": "spike", "usage": "quiet", "claude-code": "quiet"}
PICTURE_PIXELS = 860
NAMES = [path.stem.removeprefix("anthropic-") for path in sorted(DASHBOARDS.glob("*.json"))]
KINDS = {"dashboards": NAMES, "states": list(STATES), "widths": ["1366", "1920"], "themes": ["dark", "light"]}

HEAD = """<!doctype html>
<meta charset="utf-8">
<title>Preview</title>
<style>
a { display: inline-block; margin: 8px; vertical-align: top }
img { width: 300px; max-height: 500px; object-fit: cover; object-position: top }
</style>
"""


def main() -> None:
    started = time.monotonic()
    if sys.argv[1:] == ["pictures"]:
        PICTURES.mkdir(parents=True, exist_ok=True)
        _draw(
            PICTURED.values(),
            lambda urls: [
                replace(
                    _page(urls[state], f"{dashboard}-{state}", dashboard, "1366", "dark", {}),
                    picture=str(PICTURES / f"{dashboard}.png"),
                    height=PICTURE_PIXELS,
                )
                for dashboard, state in PICTURED.items()
            ],
        )
        return
    chosen, variables = _arguments()
    dashboards, states, widths, themes = chosen.values()
    _draw(
        states,
        lambda urls: [
            _page(urls[state], f"{dashboard}-{state}", dashboard, width, theme, variables)
            for state, dashboard, width, theme in product(states, dashboards, widths, themes)
        ],
    )
    (OUT / "index.html").write_text(_index(), encoding="utf-8")
    print(f"{OUT / 'index.html'}: {time.monotonic() - started:.0f} s")


def _draw(states: Iterable[str], pages: Callable[[Mapping[str, str]], Iterable[Page]]) -> None:
    """The pages of the states' Prometheus, which is at a URL."""
    if not node(_program):
        sys.exit(f"Node {NODE_MAJOR} or newer is needed")
    install(_program)
    OUT.mkdir(parents=True, exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    names = list(dict.fromkeys(states))
    with drawer(_program) as draw, tempfile.TemporaryDirectory(prefix="preview-", dir=BUILD) as folder:
        pasts = {kind: _past(kind) for kind in {STATES[name].past for name in names}}
        with running(names, _program, Path(folder), pasts) as urls:
            draw(pages(urls))


def _arguments() -> tuple[dict[str, list[str]], dict[str, str]]:
    """What is chosen of each kind, and what variables are set to."""
    every = [word for words in KINDS.values() for word in words]
    parser = argparse.ArgumentParser(prog="make preview")
    parser.add_argument("words", nargs="*", metavar="WORD", help=f"VARIABLE=VALUE, or of {', '.join(every)}")
    words = parser.parse_args().words
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    if unknown := {word for word in words if "=" not in word} - set(every):
        parser.error(f"{', '.join(sorted(unknown))}: not of {', '.join(every)}")
    return {kind: [word for word in known if word in words] or known for kind, known in KINDS.items()}, variables


def _program(name: str) -> str:
    return shutil.which(name) or sys.exit(f"{name} is not installed")


def _past(kind: str | None) -> list[Path]:
    if not kind:
        return []
    dashboards = [json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS.glob("*.json")]
    return past(_program("promtool"), BUILD / "past", dashboards, kind, datetime.now(UTC))


def _page(url: str, name: str, dashboard: str, width: str, theme: str, variables: dict[str, str]) -> Page:
    file = OUT / f"{name}-{width}{'' if theme == 'dark' else '-light'}"
    return Page(
        dashboard=f"anthropic-{dashboard}.json",
        prometheus=int(url.rpartition(":")[2]),
        width=int(width),
        theme=theme,
        variables=variables,
        json=f"{file}.json",
        picture=f"{file}.png",
    )


def _index() -> str:
    """All pictures that there are, by dashboard."""
    rows = []
    for name in NAMES:
        pictures = [html.escape(path.name) for path in sorted(OUT.glob(f"{name}-*.png"))]
        links = [f'<a href="{one}"><img src="{one}" loading="lazy"><br>{one}</a>' for one in pictures]
        rows.append("\n".join([f"<h2>{name}</h2>", *links]))
    return HEAD + "\n".join(rows)


if __name__ == "__main__":
    main()
