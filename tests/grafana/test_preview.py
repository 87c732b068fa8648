"""The dashboards as they are seen: drawn by grafana/preview on a laptop's screen, in every state."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.preview.drawing import NODE_MAJOR, Page, drawer, install, node
from tests.preview.history import past
from tests.preview.states import STATES, running
from tests.support.grafana.panels import DASHBOARDS, NOT_REPORTED_YET, Json, today_is_reported

LAPTOP = 1366
PAST = timedelta(days=12)
WITH_EXPORTER = {name for name, state in STATES.items() if state.has_exporter}
WITH_PAST = {name for name, state in STATES.items() if state.past}
# Panels that have nothing to show in some states, and those in which they do.
ONLY_IN = {
    "Top users": WITH_EXPORTER - {"hidden"},
    "Budgets": {"budgets"},
    "Failing now": {"failing"},
    "Failures by reason": {"failing"},
    # Days, or in the first minutes steps, that Prometheus has not scraped yet.
    **dict.fromkeys(
        (
            "Acceptance over weeks",
            "CPU",
            "Each day from Prometheus' own storage",
            "Developers over weeks",
            "Estimated cost over weeks",
            "Latency",
            "Memory",
            "Nearest limit of each group over time",
            "Requests in an hour",
            "Series",
            "Sessions over weeks",
            "Size of a scrape",
            "Today as it grows, against earlier days",
        ),
        WITH_PAST,
    ),
}
MAY_BE_BLANK = {("hidden", "Named users is empty")}
RAW = re.compile(r'^\{|\{\{|="|\bValue\b|__name__|^$|^\s|\s$|undefined')
REASSURING = re.compile(r"Nothing|None\b|No alert fires|No budget|No failure|Needs|\bworks\b")
NAMES = [name.removesuffix(".json").removeprefix("anthropic-") for name in DASHBOARDS]


@pytest.fixture(scope="module")
def pages(program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Json]:
    """What was drawn, by dashboard and state."""
    for name in ("prometheus", "promtool", "chromium", "npm"):
        program(name)
    if not node(program):
        pytest.skip(f"Node is older than {NODE_MAJOR}")
    install(program)
    folder = tmp_path_factory.mktemp("preview")
    (folder / "states").mkdir()
    now = datetime.now(UTC)
    with drawer(program) as draw:
        pasts = {
            kind: past(program("promtool"), folder / "past", DASHBOARDS.values(), kind, now, PAST) if kind else []
            for kind in {state.past for state in STATES.values()}
        }
        with running(list(STATES), program, folder / "states", pasts) as urls:
            files = {(name, state): folder / f"{name}-{state}.json" for name in NAMES for state in STATES}
            draw(
                Page(
                    dashboard=f"anthropic-{name}.json",
                    prometheus=int(urls[state].rpartition(":")[2]),
                    width=LAPTOP,
                    theme="dark",
                    json=str(file),
                )
                for (name, state), file in files.items()
            )
    return {key: json.loads(file.read_text(encoding="utf-8")) for key, file in files.items()}


@pytest.fixture
def page(pages: dict[tuple[str, str], Json], dashboard: str, state: str) -> Json:
    return pages[dashboard, state]


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("dashboard", NAMES)
class TestDrawn:
    def test_nothing_fails(self, page: Json, dashboard: str, state: str) -> None:
        assert page["messages"] == []
        assert {panel["title"]: panel["errors"] for panel in page["panels"] if panel["errors"]} == {}

    def test_every_panel_has_data_in_a_state_in_which_it_shows_something(
        self, page: Json, dashboard: str, state: str
    ) -> None:
        excused = set() if today_is_reported(datetime.now(UTC)) else {*NOT_REPORTED_YET, "Budgets"}
        empty = [
            panel["title"]
            for panel in page["panels"]
            if panel["type"] != "text"
            and state in ONLY_IN.get(panel["title"], WITH_EXPORTER)
            and panel["title"] not in excused
            and not any(is_known(value) for field in fields(panel, "number") for value in field["values"])
        ]
        assert empty == []

    def test_titles_numbers_headers_and_first_cells_are_whole(self, page: Json, dashboard: str, state: str) -> None:
        cut = [
            (panel["title"], each["text"])
            for panel in page["panels"]
            for each in panel["clipped"]
            if panel["type"] == "stat" or each["in"] in {"title", "cell 1"} or each["in"].startswith("column ")
        ]
        assert cut == []

    def test_columns_are_within_their_panel(self, page: Json, dashboard: str, state: str) -> None:
        outside = [
            (panel["title"], column["text"])
            for panel in page["panels"]
            for column in panel["columns"]
            if right(column["box"]) > right(panel["box"]) + 1
        ]
        assert outside == []

    def test_series_and_columns_have_names_for_people(self, page: Json, dashboard: str, state: str) -> None:
        raw = [(panel["title"], name) for panel in page["panels"] for name in names(panel) if RAW.search(name)]
        assert raw == []

    def test_the_series_of_a_panel_have_colours_of_their_own(self, page: Json, dashboard: str, state: str) -> None:
        alike = {}
        for panel in page["panels"]:
            colors = Counter(series["color"] for series in panel["series"])
            if shared := [series["name"] for series in panel["series"] if colors[series["color"]] > 1]:
                alike[panel["title"]] = shared
        assert alike == {}

    def test_a_tables_queries_are_joined(self, page: Json, dashboard: str, state: str) -> None:
        """One row for each set of labels, with something in it, and no column without anything."""
        wrong = [
            (panel["title"], found)
            for panel in page["panels"]
            if panel["type"] == "table"
            for found in badly_joined(panel)
            if (state, found) not in MAY_BE_BLANK
        ]
        assert wrong == []


@pytest.mark.slow
def test_health_says_which_collectors_fail_and_why(pages: dict[tuple[str, str], Json]) -> None:
    failing = {panel["title"]: panel for panel in pages["exporter-health", "failing"]["panels"]}
    assert failing["Collectors"]["text"].split("\n")[1:] == ["Cost", "fails", "Usage", "fails"]
    assert [row[:2] for row in failing["State of the collectors"]["rows"]][:2] == [["Cost", "no"], ["Usage", "no"]]
    assert sorted(row[:2] for row in failing["Failing now"]["rows"]) == [
        ["Cost", "key rejected (401)"],
        ["Usage", "API's own error (5xx)"],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("dashboard", NAMES)
def test_nothing_reassures_where_there_is_no_exporter(pages: dict[tuple[str, str], Json], dashboard: str) -> None:
    texts = {panel["title"]: panel["text"] for panel in pages[dashboard, "none"]["panels"]}
    assert {title: text for title, text in texts.items() if REASSURING.search(text)} == {}


@pytest.mark.slow
def test_the_keys_that_expire_first_are_on_top(pages: dict[tuple[str, str], Json]) -> None:
    (keys,) = [panel for panel in pages["organization", "quiet"]["panels"] if panel["title"] == "API keys"]
    left = [float(row[2].removesuffix(" d")) if row[2] != "never" else float("inf") for row in keys["rows"]]
    assert left == sorted(left)
    assert left[0] < 14


def badly_joined(panel: Json) -> Iterator[str]:
    for field in fields(panel):
        if field["values"] and not any(is_known(value) for value in field["values"]):
            yield f"{field['name']} is empty"
    labels = [field["values"] for field in fields(panel, "string") if field["name"] != "__name__"]
    yield from (f"{key} has {count} rows" for key, count in Counter(zip(*labels, strict=True)).items() if count > 1)
    for row in zip(*(field["values"] for field in fields(panel, "number")), strict=True):
        if not any(is_known(value) for value in row):
            yield "a row has no numbers"


def names(panel: Json) -> list[str]:
    """Of lines, bars and columns, as they are seen."""
    if panel["type"] in {"timeseries", "barchart"}:
        return [series["name"] for series in panel["series"]]
    if panel["type"] == "table":
        return [field["name"] for field in fields(panel)]
    return [field["name"] for field in fields(panel, "number")] if panel["type"] == "bargauge" else []


def fields(panel: Json, kind: str = "") -> list[Json]:
    return [field for frame in panel["frames"] for field in frame["fields"] if not kind or field["type"] == kind]


def is_known(value: object) -> bool:
    return value is not None and value != ""


def right(box: Json) -> int:
    edge: int = box["left"] + box["width"]
    return edge
