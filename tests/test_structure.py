"""The package's layers: each knows those below it alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "exporter"
MOST_LINES = 300
# From the top down; what is in a line may use what is below it, and itself.
LAYERS = ("commands", "settings", "web", "jobs", "sources", "api", "status", "exposition", "nowcast", "contract")
# What everybody may use: they know nothing of the rest, but for what is said here.
GROUND: dict[str, set[str]] = {
    "background": set(),
    "lines": set(),
    "log": {"api"},
    "memory": set(),
    "shortage": set(),
}
# Where it starts.
ABOVE = {"cli", "health", "__main__"}


def modules() -> Iterator[tuple[tuple[str, ...], set[tuple[str, ...]]]]:
    """Each module as the parts of its name, and what of the package it imports, at its top or anywhere in it."""
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        imported: set[tuple[str, ...]] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                whole = [alias.name.split(".") for alias in node.names]
                imported |= {tuple(parts[1:]) for parts in whole if parts[0] == "exporter" and parts[1:]}
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "exporter":
                below = tuple((node.module or "").split(".")[1:])
                imported |= {below} if below else {(alias.name,) for alias in node.names}
        yield parts, imported


@pytest.mark.parametrize(
    ("parts", "imported"), sorted(modules()), ids=lambda value: "/".join(value) if isinstance(value, tuple) else ""
)
def test_imports_go_down_only(parts: tuple[str, ...], imported: set[tuple[str, ...]]) -> None:
    place = parts[0]
    for name in {each[0] for each in imported} - {"__version__", "__revision__"}:
        if place in ABOVE or place == name:
            continue
        if place == "demo":
            assert name in GROUND, f"the demo imports {name}"
        elif place in GROUND:
            assert name in {*GROUND, *GROUND[place]}, f"{place} imports {name}"
        else:
            of_the_demo = place == "commands" and name == "demo"
            assert name in GROUND or of_the_demo or LAYERS.index(name) > LAYERS.index(place), f"{place} imports {name}"


def test_only_commands_know_the_settings() -> None:
    for parts, imported in modules():
        if parts[0] not in {*ABOVE, "commands", "settings"}:
            assert "settings" not in {each[0] for each in imported}, parts


def test_the_simulation_knows_nothing_of_its_api_and_the_faults_of_neither() -> None:
    allowed = {"faults": {"faults"}, "simulation": {"simulation"}, "api": {"api", "faults", "simulation"}}
    for parts, imported in modules():
        if parts[0] == "demo" and len(parts) > 2:
            assert {each[1] for each in imported if each[0] == "demo"} <= allowed[parts[1]], parts


@pytest.mark.parametrize("folder", ["exporter", "grafana"])
def test_no_file_has_more_than_300_lines(folder: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert long == {}


def test_a_class_has_a_name_of_its_own() -> None:
    """Those of the simulation apart, which is a world of its own, and shapes, which are named after our own records."""
    places: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).parts
        if parts[0] != "demo" and parts[:2] != ("api", "shapes"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places.setdefault(node.name, set()).add("/".join(parts))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
