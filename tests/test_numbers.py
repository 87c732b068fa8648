"""The exposed samples equal the simulated organization's own numbers, per label set, for every family."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.exporting import KEY, Exposed, exporting
from tests.support.truth import data_through, expected

Clock = Callable[[str], Any]
DATA_THROUGH = "anthropic_exporter_collector_data_through_timestamp_seconds"


def exposed(organization: SimulatedOrganization, *flags: str, lags: dict[str, Any] | None = None) -> Exposed:
    async def refresh_once(base_url: str) -> Exposed:
        # Estimates are no numbers of the API's: tests/nowcast.
        async with exporting(base_url, "--no-nowcast.enabled", *flags) as exporter:
            await exporter.refresh()
            own = ("anthropic_exporter_", "process_")
            return {n: s for n, s in exporter.exposed.items() if n == DATA_THROUGH or not n.startswith(own)}

    with running(AdminApi(organization, key=KEY, **(lags or {}))) as base_url:
        return asyncio.run(refresh_once(base_url))


@pytest.mark.parametrize(
    ("instant", "lags"),
    [
        ("2026-11-21T09:41:00Z", {}),
        ("2026-11-02T00:00:10Z", {}),
        ("2026-11-01T00:30:00Z", {"cost_lag": timedelta(0)}),
        ("2026-11-20T23:59:59Z", {"cost_lag": timedelta(hours=30)}),
        ("2028-02-29T12:00:00Z", {"usage_lag": timedelta(0)}),
        ("2026-01-06T15:00:00Z", {}),
    ],
)
def test_every_sample_equals_the_organizations_own_number(clock: Clock, instant: str, lags: dict[str, Any]) -> None:
    clock(instant)
    organization = SimulatedOrganization(seed=3, actors=12, workspaces=5)
    now = datetime.fromisoformat(instant)
    through = data_through(organization, now, **lags)
    assert exposed(organization, lags=lags) == {DATA_THROUGH: through, **expected(organization, now, **lags)}


@pytest.mark.parametrize(("days", "actor_days"), [(9, 9), (9, 5), (3, 31), (31, 1)])
def test_every_sample_is_right_for_other_windows(clock: Clock, days: int, actor_days: int) -> None:
    clock("2026-11-21T09:41:00Z")
    now = datetime(2026, 11, 21, 9, 41, tzinfo=UTC)
    organization = SimulatedOrganization(seed=4, actors=5, workspaces=2, spike=True)
    flags = ["--usage.days", "31", "--cost.days", "1"]
    flags += ["--claude-code.days", str(days), "--claude-code.actor-days", str(actor_days)]
    assert exposed(organization, *flags) == {
        DATA_THROUGH: data_through(organization, now, usage_days=31, claude_code_days=days),
        **expected(organization, now, usage_days=31, cost_days=1, claude_code_days=days, actor_days=actor_days),
    }
