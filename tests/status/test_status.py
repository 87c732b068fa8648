"""The status as the front door tells it: what each collector does, made when something has changed and never else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.contract.cost import CostReading, CostRecord
from exporter.contract.names import Names
from exporter.contract.zeros import PairedDay
from exporter.exposition.formats import Format
from exporter.status import answers
from exporter.status.organization import STALE_INTERVALS
from exporter.status.spend import MOST_WORKSPACES, spend
from grafana.dashboards.promql import STALE_INTERVALS as STALE_ON_DASHBOARDS
from tests.support.answers import CLAUDE_CODE, COST, claude_code_row, cost_row, script, usage_row
from tests.support.exporting import Exporter, exporting
from tests.support.scripted import REQUEST_ID, ScriptedApi, error

Json = dict[str, Any]
Clock = Callable[[str], Any]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
YESTERDAY = "2026-11-20"


def with_api(act: Callable[[ScriptedApi, Exporter], Awaitable[None]], *flags: str) -> None:
    async def run(api: ScriptedApi) -> None:
        async with exporting(api.base_url, *flags) as exporter:
            await act(api, exporter)

    with ScriptedApi() as api:
        script(
            api,
            usage={"2026-11-21": [usage_row(output_tokens=7, uncached_input_tokens=2)]},
            cost={YESTERDAY: [cost_row("1234.5")]},
            claude_code={YESTERDAY: [claude_code_row(YESTERDAY)]},
        )
        asyncio.run(run(api))


def told(exporter: Exporter) -> Json:
    found: Json = json.loads(exporter.parts.board.answers.json.plain)["organizations"][0]
    return found


def collectors(exporter: Exporter) -> dict[str, Json]:
    return {each["collector"]: each for each in told(exporter)["collectors"]}


def states(exporter: Exporter) -> dict[str, str]:
    return {name: each["state"] for name, each in collectors(exporter).items()}


def test_old_is_what_the_dashboards_call_old() -> None:
    assert STALE_INTERVALS == STALE_ON_DASHBOARDS


def test_collectors_start_work_and_get_late(clock: Clock) -> None:
    async def act(_: ScriptedApi, exporter: Exporter) -> None:
        await exporter.publish()
        assert set(states(exporter).values()) == {"starting"}
        assert (told(exporter)["spend"], told(exporter)["today_tokens"], told(exporter)["claude_code"]) == (None,) * 3
        await exporter.refresh()
        assert set(states(exporter).values()) == {"works"}
        assert told(exporter)["spend"]["newest_usd"] == 12.345
        assert told(exporter)["today_tokens"] == 9
        assert told(exporter)["claude_code"]["newest"]["active_developers"] == 1
        tries = {name: each["next_try"][:16] for name, each in collectors(exporter).items()}
        assert tries == {
            "cost": "2026-11-21T12:14",
            "usage": "2026-11-21T12:04",
            "nowcast": "2026-11-21T12:04",
            "claude_code": "2026-11-21T12:14",
            "organization": "2026-11-21T12:59",
            "limits": "2026-11-21T12:14",
            "members": "2026-11-21T12:04",
        }
        clock("2026-11-21T13:00:00Z")
        await exporter.publish()
        late = dict.fromkeys(("cost", "usage", "nowcast", "claude_code", "limits", "members"), "late")
        assert states(exporter) == {**late, "organization": "works"}

    clock("2026-11-21T12:00:00Z")
    with_api(act)


def test_a_failure_is_told_whole_and_gone_when_it_works_again(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        works = api._scripts[COST]
        await exporter.refresh()
        api.on(COST, error(400, "so many cooks"))
        clock("2026-11-21T12:15:00Z")
        await exporter.refresh("cost")
        failing = collectors(exporter)["cost"]
        assert (failing["state"], failing["failures_in_a_row"]) == ("failing", 1)
        assert failing["failing_since"].startswith("2026-11-21T12:15:00")
        assert failing["next_try"].startswith("2026-11-21T12:16:00")
        assert failing["failure"] == {
            "reason": "request",
            "endpoint": "cost_report",
            "message": "so many cooks",
            "status": 400,
            "request_id": REQUEST_ID,
            "at": failing["failing_since"],
        }
        assert told(exporter)["spend"]["newest_usd"] == 12.345  # the last good data stay
        assert "so many cooks" in exporter.parts.board.answers.page.plain.decode()
        api.on(COST, works)
        await exporter.refresh("cost")
        recovered = collectors(exporter)["cost"]
        assert (recovered["state"], recovered["failure"], recovered["failing_since"]) == ("works", None, None)

    clock("2026-11-21T12:00:00Z")
    with_api(act)


def test_what_the_key_may_not_see_is_told_with_the_api_s_words(clock: Clock) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        works = api._scripts[CLAUDE_CODE]
        api.on(CLAUDE_CODE, error(403, "not for you"))
        await exporter.refresh()
        refused = collectors(exporter)["claude_code"]
        assert refused["state"] == "not served"
        (unserved,) = refused["unserved"]
        assert unserved["endpoint"] == "usage_report/claude_code"
        assert (unserved["message"], unserved["status"], unserved["request_id"]) == ("not for you", 403, REQUEST_ID)
        assert told(exporter)["claude_code"] is None
        api.on(CLAUDE_CODE, works)
        clock("2026-11-21T13:00:00Z")
        await exporter.refresh("claude_code")
        assert collectors(exporter)["claude_code"]["unserved"] == []

    clock("2026-11-21T12:00:00Z")
    with_api(act)


def test_what_is_switched_off_is_named(clock: Clock) -> None:
    async def act(_: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh()
        assert told(exporter)["switched_off"] == ["claude_code", "organization"]
        assert states(exporter).keys() == {"cost", "usage", "nowcast", "limits"}

    clock("2026-11-21T12:00:00Z")
    with_api(act, "--no-claude-code.enabled", "--no-organization.enabled")


def test_nothing_is_made_again_until_something_has_changed(clock: Clock) -> None:
    async def act(_: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh()
        first = exporter.parts.board.answers
        clock("2026-11-21T12:00:59Z")
        await exporter.publish()
        assert exporter.parts.board.answers is first
        await exporter.refresh("usage")
        assert exporter.parts.board.answers is not first
        second = exporter.parts.board.answers
        clock("2026-11-21T12:01:00Z")  # "4 min ago" becomes another
        await exporter.publish()
        assert exporter.parts.board.answers is not second

    clock("2026-11-21T12:00:00Z")
    with_api(act)


def test_a_defect_of_the_page_harms_no_metrics(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh()
        before = exporter.parts.board.answers
        monkeypatch.setattr(answers, "rendered", _broken)
        api.on(COST, error(400, "x"))
        await exporter.refresh("cost")
        assert exporter.parts.board.answers is before
        assert exporter.value("anthropic_exporter_collector_failing", collector="cost", reason="request") == 1
        monkeypatch.undo()
        await exporter.publish()
        assert states(exporter)["cost"] == "failing"

    clock("2026-11-21T12:00:00Z")
    with_api(act)


def _broken(_: object) -> bytes:
    raise RuntimeError("a defect")


def test_neither_people_nor_keys_are_told(clock: Clock) -> None:
    async def act(_: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh()
        assert "@" in b"".join(exporter.snapshot.plain[Format.TEXT].chunks).decode()
        found = exporter.parts.board.answers
        for answer in (found.page, found.json):
            assert b"@example" not in answer.plain
            assert b"sk-ant" not in answer.plain

    clock("2026-11-21T12:00:00Z")
    with_api(act)


# The sums

ids = st.sampled_from([None, *(f"wrkspc_{number}" for number in range(12))])
rows = st.lists(
    st.builds(
        CostRecord,
        ids,
        st.just("tokens"),
        st.sampled_from(["claude-a", "claude-b", "none"]),
        st.just("output"),
        st.just("standard"),
        st.just("global"),
        st.just("0-200k"),
        st.decimals(min_value=0, max_value=10**7, places=4),
    ),
    max_size=8,
)


@given(
    found=st.dictionaries(st.integers(min_value=0, max_value=50), rows.filter(bool)),
    days=st.integers(min_value=1, max_value=31),
    today=st.dates(min_value=date(2026, 1, 1), max_value=date(2028, 12, 31)),
)
def test_every_sum_is_exact_and_each_row_counts_once(
    found: dict[int, list[CostRecord]], days: int, today: date
) -> None:
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    by_day = {today - timedelta(days=age): each for age, each in found.items()}
    last = max([*by_day, today - timedelta(days=4)])
    held = {day: PairedDay(each, now) for day, each in by_day.items()}
    reading = CostReading(today - timedelta(days=62), held, last, now, now)
    of = spend(reading, Names(), today, days)

    def usd(day: date) -> Decimal | None:
        return sum((row.cents for row in by_day.get(day, [])), Decimal(0)) / 100 if day <= last else None

    exposed = [today - timedelta(days=age) for age in reversed(range(days))]
    assert [(each.day, each.usd) for each in of.days] == [(day, usd(day)) for day in exposed]
    assert len(of.workspaces) <= MOST_WORKSPACES
    for each in of.days:
        assert sum(each.workspaces_usd, Decimal(0)) == (each.usd or 0)
    month = [today.replace(day=1) + timedelta(days=n) for n in range(today.day)]
    expected = [amount for day in month if (amount := usd(day)) is not None]
    assert of.month_to_date_usd == (sum(expected, Decimal(0)) if expected else None)
    if of.newest is not None:
        assert of.newest_usd == usd(of.newest)
        assert of.newest < today
        assert all(usd(day) is None for day in [of.newest + timedelta(days=n) for n in (1, 2)] if day < today)
    if of.projected_usd is not None:
        assert of.projected_usd >= (of.month_to_date_usd or 0)
