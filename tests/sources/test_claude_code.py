from __future__ import annotations

import asyncio
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.api.client import Client
from exporter.api.errors import ApiError
from exporter.contract.claude_code import ClaudeCodeReading, FoldedRows
from exporter.sources.claude_code import ClaudeCodeSource
from tests.support.answers import CLAUDE_CODE, Row, claude_code_row, script
from tests.support.exporting import Exporter, Exposed, exporting, labels
from tests.support.processes import PATIENCE_SECONDS
from tests.support.scripted import NOW, ScriptedApi, Seen, connect, error

Clock = Callable[[str], Any]
TODAY, YESTERDAY = "2026-11-21", "2026-11-20"
PREFIX = "anthropic_claude_code_"
BASE = {
    "days_ago": "0",
    "actor": "dev@example.com",
    "actor_type": "user",
    "terminal": "vscode",
    "customer_type": "api",
}


def with_exporter(rows: dict[str, list[Row]], act: Callable[[Exporter], Any], *flags: str) -> ScriptedApi:
    async def run(base_url: str) -> None:
        async with exporting(base_url, *flags) as exporter:
            await act(exporter)

    with ScriptedApi() as api:
        script(api, claude_code=rows)
        asyncio.run(run(api.base_url))
        return api


def exposed(rows: dict[str, list[Row]]) -> dict[str, dict[Any, float]]:
    found: dict[str, dict[Any, float]] = {}

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("claude_code")
        found.update({n.removeprefix(PREFIX): s for n, s in exporter.exposed.items() if n.startswith(PREFIX)})

    with_exporter(rows, act, "--claude-code.days", "1")
    return found


@pytest.fixture(autouse=True)
def noon(clock: Clock) -> None:
    clock(f"{TODAY}T12:00:00Z")


def test_every_number_of_a_record_has_its_sample() -> None:
    found = exposed({TODAY: [claude_code_row(TODAY)]})
    model = {"model": "claude-opus-5-5"}
    assert found["sessions"] == {labels(**BASE): 1}
    assert found["commits"] == {labels(**BASE): 2}
    assert found["pull_requests"] == {labels(**BASE): 1}
    assert found["lines_of_code"] == {labels(**BASE, change="added"): 10, labels(**BASE, change="removed"): 5}
    assert found["tool_actions"] == {
        labels(**BASE, tool="edit", decision="accepted"): 3,
        labels(**BASE, tool="edit", decision="rejected"): 1,
    }
    assert found["tokens"] == {
        labels(**BASE, **model, token_type="uncached_input"): 100,
        labels(**BASE, **model, token_type="cache_read"): 300,
        labels(**BASE, **model, token_type="cache_write"): 40,
        labels(**BASE, **model, token_type="output"): 20,
    }
    assert found["estimated_cost_usd"] == {labels(**BASE, **model): 0.77}


def test_rows_that_differ_only_in_remote_or_subscription_are_added_up() -> None:
    rows = [
        claude_code_row(TODAY, is_remote=remote, subscription_type=kind)
        for remote in (True, False)
        for kind in (None, "team")
    ]
    found = exposed({TODAY: rows})
    assert found["sessions"] == {labels(**BASE): 4}
    assert found["active_actors"][labels(days_ago="0", actor_type="user", customer_type="api")] == 1


@pytest.mark.parametrize("actor_days", ["1", "2"])
def test_what_is_grouped_by_stays_apart_also_on_days_without_names(actor_days: str) -> None:
    rows = [
        claude_code_row(day, is_remote=remote, subscription_type=kind)
        for day in (TODAY, YESTERDAY)
        for remote in (True, False, None)
        for kind in ("team", None)
    ]
    found: dict[Any, float] = {}

    async def act(exporter: Exporter) -> None:
        for _ in range(2):  # from the beginning, and after a day that was there already
            await exporter.refresh("claude_code")
            found.update(exporter.exposed["anthropic_claude_code_sessions"])
            assert exporter.exposed["anthropic_claude_code_active_actors"] == once | counted(found)

    once: dict[Any, float] = {
        labels(days_ago=day, actor_type=kind, customer_type=customer): 0
        for day in ("0", "1")
        for kind in ("user", "api_key")
        for customer in ("api", "subscription")
    }

    def counted(_: object) -> dict[Any, float]:
        return {labels(days_ago=day, actor_type="user", customer_type="api"): 1 for day in ("0", "1")}

    flags = ("--claude-code.days=2", f"--claude-code.actor-days={actor_days}")
    rows_of_days = {day: [row for row in rows if row["date"].startswith(day)] for day in (TODAY, YESTERDAY)}
    with_exporter(rows_of_days, act, *flags, "--claude-code.group-by=remote,subscription_type")
    names = {"0": "dev@example.com", "1": "dev@example.com" if actor_days == "2" else "all"}
    assert found == {
        labels(**BASE | {"days_ago": day, "actor": name}, remote=remote, subscription_type=kind): 1
        for day, name in names.items()
        for remote in ("true", "false", "none")
        for kind in ("team", "none")
    }


def test_an_api_key_is_an_actor_and_unknown_tools_and_terminals_pass() -> None:
    row = claude_code_row(
        TODAY,
        actor={"type": "api_actor", "api_key_name": "ci"},
        terminal_type="Wezterm",
        tool_actions={"dream_tool": {"accepted": 1, "rejected": 0}, "telepathy": {"accepted": 2, "rejected": 0}},
    )
    found = exposed({TODAY: [row]})
    base = BASE | {"actor": "ci", "actor_type": "api_key", "terminal": "Wezterm"}
    assert found["tool_actions"][labels(**base, tool="dream", decision="accepted")] == 1
    assert found["tool_actions"][labels(**base, tool="telepathy", decision="accepted")] == 2


def test_actors_of_an_unknown_type_stay_apart() -> None:
    actors = [{"type": "service_account_actor", "service_account_id": f"svac_{n}"} for n in range(2)]
    found = exposed({TODAY: [claude_code_row(TODAY, actor=actor) for actor in actors]})
    kind = "service_account_actor"
    assert found["active_actors"][labels(days_ago="0", actor_type=kind, customer_type="api")] == 2
    assert found["sessions"][labels(**BASE | {"actor": "svac_1", "actor_type": kind})] == 1


def test_fractions_of_cents_are_added_exactly() -> None:
    def use(amount: float) -> dict[str, Any]:
        tokens = {"input": 0, "output": 0, "cache_read": 0, "cache_creation": 0}
        return {"model": "m", "tokens": tokens, "estimated_cost": {"amount": amount, "currency": "USD"}}

    found = exposed({TODAY: [claude_code_row(TODAY, model_breakdown=[use(10.1), use(20.2), use(30.3)])]})
    assert found["estimated_cost_usd"] == {labels(**BASE, model="m"): 0.606}


def test_active_actors_are_distinct_and_zero_where_nobody_was_active() -> None:
    rows = [
        claude_code_row(TODAY),
        claude_code_row(TODAY, terminal_type="tmux"),
        claude_code_row(TODAY, customer_type="subscription"),
        claude_code_row(TODAY, actor={"type": "user_actor", "email_address": "eve@example.com"}),
    ]
    counts = exposed({TODAY: rows})["active_actors"]
    assert counts == {
        labels(days_ago="0", actor_type="user", customer_type="api"): 2,
        labels(days_ago="0", actor_type="user", customer_type="subscription"): 1,
        labels(days_ago="0", actor_type="api_key", customer_type="api"): 0,
        labels(days_ago="0", actor_type="api_key", customer_type="subscription"): 0,
    }


def test_a_day_of_the_report_is_asked_by_date_with_the_largest_page() -> None:
    async def act(exporter: Exporter) -> None:
        await exporter.refresh("claude_code")

    api = with_exporter({}, act)
    asked = api.seen(CLAUDE_CODE)
    days = sorted((seen.param("starting_at") or "" for seen in asked), reverse=True)
    assert days == [TODAY, *(f"2026-11-{day}" for day in range(20, 12, -1))], "yesterday and the same day a week ago"
    assert {seen.param("limit") for seen in asked} == {"1000"}


def test_days_older_than_yesterday_are_read_again_hourly(clock: Clock) -> None:
    counts = []

    async def act(exporter: Exporter) -> None:
        for instant in ("12:00:00", "12:15:00", "13:00:00"):
            clock(f"{TODAY}T{instant}Z")
            await exporter.refresh("claude_code")
            counts.append(len(api.seen(CLAUDE_CODE)))

    with ScriptedApi() as api:
        script(api)

        async def run() -> None:
            async with exporting(api.base_url, "--claude-code.days", "5") as exporter:
                await act(exporter)

        asyncio.run(run())
    assert counts == [5, 7, 12]


def test_a_day_that_fails_fails_the_refresh_whole() -> None:
    def one_fails(seen: Seen) -> object:
        if seen.param("starting_at") == YESTERDAY:
            return error(400, "no such day")
        return {"data": [claude_code_row(TODAY)], "has_more": False, "next_page": None}

    with ScriptedApi() as api:
        script(api)
        api.on(CLAUDE_CODE, one_fails)

        async def run() -> None:
            async with exporting(api.base_url) as exporter:
                await exporter.refresh("claude_code")
                assert not [name for name in exporter.exposed if name.startswith(PREFIX)]
                assert exporter.value("anthropic_exporter_collector_failing", collector="claude_code", reason="request")

        asyncio.run(run())


THROUGH = "anthropic_exporter_collector_data_through_timestamp_seconds"


@pytest.mark.parametrize(
    ("days", "through"),
    [
        ((TODAY, YESTERDAY), 1795262400),  # the refresh
        ((YESTERDAY,), 1795219200),
        (("2026-11-18", "2026-11-14"), 1795046400),
        ((), None),
        (("2026-11-12",), None),
    ],
)
def test_data_through_is_the_end_of_the_newest_day_with_a_row(days: tuple[str, ...], through: float | None) -> None:
    async def act(exporter: Exporter) -> None:
        for _ in range(2):
            await exporter.refresh("claude_code")
            assert exporter.state("claude_code").up
            assert exporter.value(THROUGH, collector="claude_code") == through

    with_exporter({day: [claude_code_row(day)] for day in days}, act)


def test_rows_of_other_days_are_left_out_of_data_through_too() -> None:
    async def act(exporter: Exporter) -> None:
        await exporter.refresh("claude_code")
        assert exporter.value(THROUGH, collector="claude_code") is None

    with_exporter({TODAY: [claude_code_row(YESTERDAY)], "2026-11-18": [claude_code_row(TODAY)]}, act)


def test_actors_have_their_names_on_the_newest_days_alone() -> None:
    async def act(exporter: Exporter) -> None:
        await exporter.refresh("claude_code")
        found = {
            (dict(key)["days_ago"], dict(key)["actor"], dict(key)["actor_type"]): value
            for key, value in exporter.exposed[f"{PREFIX}sessions"].items()
        }
        assert found == {
            ("0", "ci", "api_key"): 1,
            ("0", "dev@example.com", "user"): 1,
            ("0", "eve@example.com", "user"): 1,
            ("1", "ci", "api_key"): 1,
            ("1", "dev@example.com", "user"): 1,
            ("1", "eve@example.com", "user"): 1,
            ("2", "all", "api_key"): 1,
            ("2", "all", "user"): 2,
            ("8", "all", "api_key"): 1,
            ("8", "all", "user"): 2,
        }
        for age in "0128":
            counted = {"days_ago": age, "actor_type": "user", "customer_type": "api"}
            assert exporter.value(f"{PREFIX}active_actors", **counted) == 2
        assert "example.com" not in "".join(line for line in exporter.text.splitlines() if 'days_ago="2"' in line)

    actors = (
        {"type": "user_actor", "email_address": "dev@example.com"},
        {"type": "user_actor", "email_address": "eve@example.com"},
        {"type": "api_actor", "api_key_name": "ci"},
    )
    days = (TODAY, YESTERDAY, "2026-11-19", "2026-11-13")
    with_exporter({day: [claude_code_row(day, actor=actor) for actor in actors] for day in days}, act)


def test_no_row_of_a_day_without_names_is_held(clock: Clock) -> None:
    async def act(exporter: Exporter) -> None:
        def held() -> list[str]:
            days = exporter.job("claude_code").reading.days  # type: ignore[union-attr]  # it has been read
            return sorted(day.isoformat() for day, held in days.items() if not isinstance(held.rows, FoldedRows))

        await exporter.refresh("claude_code")
        assert held() == [YESTERDAY, TODAY]
        clock("2026-11-22T00:00:01Z")
        await exporter.refresh("claude_code")
        assert held() == [TODAY, "2026-11-22"], "also of one that was not read again since"

    clock(f"{TODAY}T23:59:59Z")
    with_exporter({day: [claude_code_row(day)] for day in (TODAY, YESTERDAY, "2026-11-19")}, act)


numbers = st.integers(0, 2**40)
generated = st.builds(
    lambda actor, terminal, customer, remote, sessions, cents, tool: claude_code_row(
        TODAY,
        actor=actor,
        terminal_type=terminal,
        customer_type=customer,
        is_remote=remote,
        core_metrics={
            "num_sessions": sessions,
            "lines_of_code": {"added": sessions, "removed": 0},
            "commits_by_claude_code": 1,
            "pull_requests_by_claude_code": 0,
        },
        tool_actions={tool: {"accepted": sessions, "rejected": 1}},
        model_breakdown=[
            {
                "model": tool,
                "tokens": {"input": sessions, "output": 1, "cache_read": 2, "cache_creation": 3},
                "estimated_cost": {"amount": cents, "currency": "USD"},
            }
        ],
    ),
    st.one_of(
        st.builds(lambda name: {"type": "user_actor", "email_address": name}, st.sampled_from(["a@x", "b@x", "all"])),
        st.builds(lambda name: {"type": "api_actor", "api_key_name": name}, st.sampled_from(["a@x", "all", ""])),
        st.builds(lambda kind: {"type": kind}, st.sampled_from(["user_actor", "robot"])),
    ),
    st.sampled_from(["vscode", "tmux", None]),
    st.sampled_from(["api", "subscription", None, "gift"]),
    st.booleans(),
    numbers,
    st.floats(-1000, 10**6).map(lambda cents: round(cents, 4)),
    st.sampled_from(["edit_tool", "write_tool", "x"]),
)


def by_dimensions(row: Row) -> tuple[object, ...]:
    return (*row["actor"].values(), row["terminal_type"], row["customer_type"], row["is_remote"])


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(generated, max_size=12, unique_by=by_dimensions), st.integers(1, 5))
def test_sums_and_active_actors_are_the_same_however_many_days_have_names(rows: list[Row], page_size: int) -> None:
    pages = [rows[start : start + page_size] for start in range(0, len(rows), page_size)] or [[]]

    def page(seen: Seen) -> Row:
        number, day = int(seen.param("page") or 0), seen.param("starting_at")
        more = number + 1 < len(pages)
        data = [row | {"date": f"{day}T00:00:00Z"} for row in pages[number]]
        return {"data": data, "has_more": more, "next_page": str(number + 1) if more else None}

    async def run(base_url: str) -> list[dict[str, dict[Any, Fraction]]]:
        found = []
        for actor_days in (1, 2, 4):
            flags = ("--claude-code.days", "3", "--claude-code.actor-days", str(actor_days))
            async with exporting(base_url, *flags) as exporter:
                await exporter.refresh("claude_code")
                found.append(without_actors(exporter.exposed))
        return found

    with ScriptedApi() as api:
        script(api)
        api.on(CLAUDE_CODE, page)
        one, two, every = asyncio.run(run(api.base_url))
    assert one == two == every


# The terminal and sessions of each row of each page, the cursors' beginning; a row of another day has none.
versions = st.tuples(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=3, unique_by=lambda row: row[0]),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from("ab"),
)


@settings(max_examples=80)
@given(st.lists(versions, min_size=1, max_size=4).flatmap(lambda made: st.lists(st.sampled_from(made), max_size=8)))
def test_what_is_read_again_is_what_a_first_reading_finds(in_turn: list[Any]) -> None:
    """Whatever of the pages is as it was, also where a row comes twice, which the API may do in any of them."""
    version: Any = None

    def page(seen: Seen) -> Row:
        of_pages, token = version
        number = int((seen.param("page") or "a0")[1:])
        more = number + 1 < len(of_pages)
        rows = [
            claude_code_row(
                TODAY if terminal else YESTERDAY,
                terminal_type=f"terminal {terminal}",
                core_metrics=claude_code_row(TODAY)["core_metrics"] | {"num_sessions": sessions},
            )
            for terminal, sessions in of_pages[number]
        ]
        return {"data": rows, "has_more": more, "next_page": f"{token}{number + 1}" if more else None}

    async def read(client: Client, before: ClaudeCodeReading | None) -> ClaudeCodeReading | str:
        try:
            return (await ClaudeCodeSource(client, days=1, actor_days=1).read(before, NOW)).reading or "nothing"
        except ApiError as error:
            return error.message

    def rows_of(found: ClaudeCodeReading | str) -> object:
        return found if isinstance(found, str) else found.days[NOW.date()].rows

    async def run() -> None:
        nonlocal version
        async with connect(api) as client:
            before: ClaudeCodeReading | None = None
            for one in in_turn:
                version = one
                again, first = await read(client, before), await read(client, None)
                assert rows_of(again) == rows_of(first)
                if isinstance(again, ClaudeCodeReading):
                    before = again

    with ScriptedApi() as api:
        api.on(CLAUDE_CODE, page)
        asyncio.run(run())


def without_actors(exposed: Exposed) -> dict[str, dict[Any, Fraction]]:
    """The sums over all actors, of exact numbers."""
    found: dict[str, dict[Any, Fraction]] = {}
    for name, samples in exposed.items():
        if name.startswith(PREFIX):
            sums = found.setdefault(name, {})
            for key, value in samples.items():
                rest = frozenset(pair for pair in key if pair[0] != "actor")
                sums[rest] = sums.get(rest, Fraction(0)) + Fraction(repr(value))
    return found


def test_days_are_fetched_side_by_side_with_a_bound() -> None:
    at_once = 0
    most = 0
    all_there = asyncio.Event()

    async def slow(_: Seen) -> object:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        if most == 4:
            all_there.set()
        await asyncio.wait_for(all_there.wait(), PATIENCE_SECONDS)
        # Another one may arrive while these are being answered.
        await asyncio.sleep(0.05)
        at_once -= 1
        return {"data": [], "has_more": False, "next_page": None}

    with ScriptedApi() as api:
        script(api)
        api.on(CLAUDE_CODE, slow)

        async def run() -> None:
            async with exporting(api.base_url, "--claude-code.days", "12") as exporter:
                await exporter.refresh("claude_code")

        asyncio.run(run())
    assert most == 4


def test_an_estimate_that_is_not_in_dollars_fails_the_refresh() -> None:
    row = claude_code_row(TODAY)
    row["model_breakdown"][0]["estimated_cost"]["currency"] = "EUR"

    async def act(exporter: Exporter) -> None:
        await exporter.refresh("claude_code")
        assert exporter.value("anthropic_exporter_collector_failing", collector="claude_code", reason="schema") == 1

    with_exporter({TODAY: [row]}, act)
