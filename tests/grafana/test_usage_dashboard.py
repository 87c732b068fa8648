"""Usage at midnight, and where cost has more days than usage has."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.grafana.history import (
    DAY,
    HOUR,
    MINUTE,
    Daily,
    Exporter,
    Gauge,
    daily,
    gauge,
    growing,
    input_series,
    replicas,
    tokens,
)
from tests.support.grafana.panels import QUERIES, filled_in
from tests.support.grafana.rules import complaint

OF_PANEL = {(one.panel, one.legend): one.expr for one in QUERIES if one.dashboard == "anthropic-usage"}
STEP = 5 * MINUTE
WHOLE, CACHED = 1024.0, 4096.0  # which halve well

Answers = Callable[[str, Sequence[Exporter], timedelta, float | None], None]


@pytest.fixture
def answers(program: Callable[[str], str], tmp_path: Path) -> Answers:
    """Fails, with promtool's words, where the expression has another answer at that time."""

    def check(expr: str, exporters: Sequence[Exporter], at: timedelta, expected: float | None) -> None:
        samples = [] if expected is None else [{"labels": "{}", "value": expected}]
        question = {"expr": expr, "eval_time": f"{at // MINUTE}m", "exp_samples": samples}
        series = input_series(exporters, at, STEP)
        test = {"tests": [{"interval": "5m", "input_series": series, "promql_expr_test": [question]}]}
        file = tmp_path / "test.yml"
        file.write_text(json.dumps(test), encoding="utf-8")  # which is YAML
        assert not complaint(program("promtool"), "test", "rules", file)

    return check


@pytest.mark.parametrize(
    ("legend", "at", "expected"),
    [
        ("Today", DAY, None),
        ("Today", DAY + 6 * HOUR, WHOLE / 4),
        ("Today", DAY + 12 * HOUR, WHOLE / 2),
        ("Yesterday", 2 * DAY, None),
        ("Yesterday", 2 * DAY + 6 * HOUR, WHOLE / 4),
        ("A week ago", 8 * DAY, None),
        ("A week ago", 8 * DAY + 12 * HOUR, WHOLE / 2),
    ],
)
def test_a_line_of_today_as_it_grows_is_of_its_day_alone_without_cache_reads(
    answers: Answers, legend: str, at: timedelta, expected: float | None
) -> None:
    """At midnight, replicas have not been scraped with the new day yet."""
    used = [tokens(growing(daily(WHOLE))), tokens(growing(daily(CACHED)), "cache_read")]
    exporters = replicas(Exporter(days=used, behind=MINUTE), behind=3 * MINUTE)
    expr = filled_in(OF_PANEL["Today as it grows, against earlier days", legend])
    answers(expr, exporters, at, expected)


def test_caching_saved_on_days_that_have_tokens(answers: Answers) -> None:
    labels = {"workspace": "default", "workspace_id": "default", "model": "claude-opus-5-5", "token_type": "cache_read"}
    paid = Daily("anthropic_cost_usd", labels, daily(2), days=12)
    exporters = replicas(Exporter(days=[paid, tokens(daily(CACHED), "cache_read", days=10)]))
    answers(filled_in(OF_PANEL["Saved by caching", ""], days=".+"), exporters, HOUR, 10 * 9 * 2)


def test_caching_saved_at_the_prices_that_are_paid_before_anything_is_billed(answers: Answers) -> None:
    """Each model's and tier's own, or the list's; what has no price saves nothing."""

    def used(model: str, tier: str, token_type: str) -> Daily:
        where = {"workspace": "default", "workspace_id": "default", "model": model, "service_tier": tier}
        return Daily("anthropic_usage_tokens", {**where, "token_type": token_type}, daily(1e6), days=1)

    def price(usd: float, model: str, tier: str, basis: str = "billed", **other: str) -> Gauge:
        of_input = {"token_type": "uncached_input", "inference_geo": "global", "speed": "standard", **other}
        labels = {"model": model, "service_tier": tier, "basis": basis, **of_input}
        return gauge("anthropic_price_usd_per_million_tokens", usd, **labels)

    days = [
        *(used("claude-opus-5-5", "standard", each) for each in ("cache_read", "cache_write_5m", "cache_write_1h")),
        used("claude-opus-5-5", "batch", "cache_read"),
        used("claude-next", "standard", "cache_read"),
        used("claude-opus-5-5", "priority", "cache_read"),
    ]
    prices = [
        price(4, "claude-opus-5-5", "standard"),
        price(8, "claude-opus-5-5", "standard", inference_geo="us"),
        price(9, "claude-opus-5-5", "standard", basis="list"),
        price(99, "claude-opus-5-5", "standard", speed="fast"),
        price(2, "claude-opus-5-5", "batch"),
        price(10, "claude-next", "standard", basis="list"),
    ]
    of_standard, of_batch, of_next = 6 * (0.9 - 0.25 - 1), 2 * 0.9, 10 * 0.9
    expr = f"round({filled_in(OF_PANEL['Saved by caching', ''], days='0')}, 0.001)"
    answers(expr, replicas(Exporter(days, prices)), HOUR, round(of_standard + of_batch + of_next, 3))
