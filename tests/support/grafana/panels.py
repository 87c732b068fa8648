"""The dashboards' queries, and their answers of a real Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx

from grafana.dashboards.__main__ import dashboards
from tests.support.exporting import Exposed
from tests.test_prometheus import query

Json = dict[str, Any]
DASHBOARDS: dict[str, Json] = {name: json.loads(text) for name, text in dashboards().items()}
ANYTHING = ".*"
INTERVAL = "30s"
HOUR_SECONDS = 3600
# In the first hour of a day, or of a month.
NOT_REPORTED_YET = {"Today so far", "Month to date", "Workspaces"}
ACME_ALONE = {"organization": "Acme"}


class Query(NamedTuple):
    dashboard: str
    panel: str
    legend: str
    expr: str
    is_range: bool


def panels(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def _queries() -> Iterator[Query]:
    for dashboard in DASHBOARDS.values():
        for panel in panels(dashboard):
            for target in panel.get("targets", []):
                is_range = target.get("range", False)
                yield Query(dashboard["uid"], panel["title"], target.get("legendFormat", ""), target["expr"], is_range)


QUERIES = list(_queries())


def variables(dashboard: Json) -> dict[str, Json]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


# Answers of a real Prometheus


class Scraped(NamedTuple):
    """All questions are as of one instant, whatever the clock has come to."""

    url: str
    now: datetime
    truth: Exposed

    def query(self, expr: str) -> list[Json]:
        return query(self.url, expr, self.now)


def filled_in(expr: str, days: str = "1", **chosen: str) -> str:
    """With everything chosen but what is said, as Grafana fills it in."""
    values = {"days": days, "by": "model", "tag": "tag_team", **chosen}
    expr = expr.replace("$__rate_interval", INTERVAL)
    return re.sub(r"\$([a-z]\w*)", lambda found: json.dumps(values.get(found[1], ANYTHING))[1:-1], expr)


def answer(scraped: Scraped, one: Query, days: str = "1", **chosen: str) -> list[Json]:
    expr = filled_in(one.expr, days, **chosen)
    if not one.is_range:
        return scraped.query(expr)
    start, end = (scraped.now - timedelta(seconds=10)).timestamp(), scraped.now.timestamp()
    data = {"query": expr, "start": start, "end": end, "step": "1s"}
    response = httpx.post(f"{scraped.url}/api/v1/query_range", data=data, trust_env=False, timeout=30)
    assert response.status_code == 200, response.text
    found: list[Json] = response.json()["data"]["result"]
    return found


def today_is_reported(now: datetime) -> bool:
    """The demo's API is an hour late."""
    return now.hour > 0


def number(scraped: Scraped, dashboard: str, panel: str, **chosen: str) -> float:
    (value, *_) = numbers(scraped, dashboard, panel, **chosen) or [0.0]
    return value


def numbers(scraped: Scraped, dashboard: str, panel: str, **chosen: str) -> list[float]:
    """A stat's number, and what it is compared with."""
    (one,) = [found for found in QUERIES if (found.dashboard, found.panel) == (dashboard, panel)]
    samples = answer(scraped, one, **{**ACME_ALONE, **chosen})
    rows = {sample["metric"].get("row", "1"): float(sample["value"][1]) for sample in samples}
    assert len(rows) == len(samples)
    assert rows.keys() <= {"0", "1"}
    return [rows[row] for row in ("1", "0") if row in rows]


def sum_of(truth: Exposed, name: str, labels: dict[str, str]) -> float:
    return sum(value for key, value in truth.get(name, {}).items() if labels.items() <= dict(key).items())
