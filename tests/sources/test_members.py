"""Members of workspaces, invites, engagement and tags, against an API on a real socket."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.answers import (
    INVITES,
    MEMBERS_OF_WORKSPACE,
    SUMMARIES,
    WORKSPACES,
    Row,
    invite_row,
    listing,
    member_row,
    script,
    summary_row,
    workspace_row,
)
from tests.support.exporting import Exporter, exporting, labels
from tests.support.loading import problems
from tests.support.scripted import ScriptedApi, Seen, error

Clock = Callable[[str], Any]
MEMBERS, INFO = "anthropic_workspace_members", "anthropic_workspace_info"
RESEARCH = {"workspace": "Research", "workspace_id": "wrkspc_01"}


@pytest.fixture(autouse=True)
def noon(clock: Clock) -> None:
    clock("2026-11-21T12:00:00Z")


def with_exporter(act: Callable[[ScriptedApi, Exporter], Awaitable[None]], *flags: str) -> None:
    async def run(base_url: str) -> None:
        async with exporting(base_url, "--api.retry-seconds=0.1", *flags) as exporter:
            await act(api, exporter)

    with ScriptedApi() as api:
        script(api)
        asyncio.run(run(api.base_url))


def refreshed(answers: dict[str, object], *flags: str) -> Exporter:
    found: list[Exporter] = []

    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        for path, answer in answers.items():
            api.on(path, answer)
        await exporter.refresh("organization", "members")
        found.append(exporter)

    with_exporter(act, *flags)
    return found[0]


# Members


def test_members_are_counted_by_role_over_all_pages() -> None:
    roles = ["workspace_admin", "workspace_developer", "workspace_developer", "a_role_of_tomorrow", None]
    rows = [member_row(f"user_{number}", role) for number, role in enumerate(roles)]

    def paged(seen: Seen) -> Row:
        start = next((n + 1 for n, row in enumerate(rows) if row["user_id"] == seen.param("after_id")), 0)
        data = rows[start : start + 2]
        return {**listing(*data), "has_more": start + 2 < len(rows), "last_id": data[-1]["user_id"]}

    exporter = refreshed({MEMBERS_OF_WORKSPACE: paged})
    assert exporter.exposed[MEMBERS] == {
        labels(**RESEARCH, role="workspace_admin"): 1,
        labels(**RESEARCH, role="workspace_developer"): 2,
        labels(**RESEARCH, role="a_role_of_tomorrow"): 1,
        labels(**RESEARCH, role="none"): 1,
    }
    assert exporter.state("members").up


def test_archived_workspaces_are_not_asked() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        archived = workspace_row("wrkspc_02", archived_at="2026-11-01T00:00:00Z")
        api.on(WORKSPACES, listing(workspace_row("wrkspc_01"), archived))
        await exporter.refresh("organization", "members")
        assert [seen.path for seen in api.requests if seen.path.endswith("/members")] == [MEMBERS_OF_WORKSPACE]

    with_exporter(act)


def test_of_many_workspaces_parts_are_read_and_all_within_the_interval_of_the_organization() -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        identifiers = [f"wrkspc_{number:03}" for number in range(120)]
        api.on(WORKSPACES, listing(*map(workspace_row, identifiers)))
        for identifier in identifiers:
            api.on(f"{WORKSPACES}/{identifier}/members", listing(member_row("user_01")))

        async def asked(refreshes: int) -> Counter[str]:
            before = len(api.requests)
            for _ in range(refreshes):
                await exporter.refresh("members")
                assert exporter.state("members").up
            return Counter(seen.path for seen in api.requests[before:] if seen.path.endswith("/members"))

        await exporter.refresh("organization")
        # Fifty at once until all are known, and a twelfth of those that are every five minutes.
        assert len(await asked(3)) == 120
        assert len(exporter.exposed[MEMBERS]) == 120
        hour = await asked(12)
        assert (len(hour), hour.total()) == (120, 120)

    with_exporter(act)


@pytest.mark.parametrize("answer", [error(529, "busy"), {"data": "none"}, error(404, "gone?")])
def test_a_workspace_that_fails_keeps_its_members_and_names_stay(answer: object) -> None:
    async def act(api: ScriptedApi, exporter: Exporter) -> None:
        await exporter.refresh("organization", "members")
        before = exporter.data_text
        api.on(MEMBERS_OF_WORKSPACE, answer)
        await exporter.refresh("organization", "members")
        assert exporter.data_text == before
        assert not exporter.state("members").up
        assert exporter.state("organization").up

    with_exporter(act)


def test_where_members_are_refused_all_the_rest_is_there() -> None:
    exporter = refreshed({MEMBERS_OF_WORKSPACE: error(403, "no")})
    assert MEMBERS not in exporter.exposed
    assert exporter.value("anthropic_exporter_collector_available", collector="members") == 0
    assert exporter.exposed[INFO]


# Invites


def test_invites_are_counted_and_pending_ones_say_when_they_expire() -> None:
    rows = [
        invite_row("invite_01"),
        invite_row("invite_02", role="admin"),
        invite_row("invite_03", status="accepted"),
        invite_row("invite_04", status="expired"),
        invite_row("invite_05", expires_at=None),
    ]
    exporter = refreshed({INVITES: listing(*rows)})
    assert exporter.exposed["anthropic_organization_invites"] == {
        labels(role="developer", status="pending"): 2,
        labels(role="admin", status="pending"): 1,
        labels(role="developer", status="accepted"): 1,
        labels(role="developer", status="expired"): 1,
    }
    assert exporter.exposed["anthropic_invite_expires_timestamp_seconds"] == {
        labels(invite_id="invite_01", role="developer"): 1796083200,
        labels(invite_id="invite_02", role="admin"): 1796083200,
    }
    assert "grace@example.com" not in exporter.text


# Engagement


def test_engagement_is_that_of_the_newest_day() -> None:
    days = [summary_row(f"2026-11-{day}", daily_active_user_count=day) for day in (18, 20, 19)]
    days.append(summary_row("2026-11-21", daily_active_user_count=None))
    exporter = refreshed({SUMMARIES: {"data": days, "next_page": None}})
    assert exporter.exposed["anthropic_organization_active_users"] == {
        labels(period=period, product=product): value
        for period, everybody, chat in (("day", 20, 30), ("week", 45, 35), ("month", 48, 38))
        for product, value in (("all", everybody), ("chat", chat))
    }
    assert exporter.exposed["anthropic_organization_seats"] == {
        labels(state="assigned"): 50,
        labels(state="pending_invite"): 3,
    }


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_key_without_engagement_has_all_the_rest_and_no_failure(status: int) -> None:
    exporter = refreshed({SUMMARIES: error(status, "read:analytics")})
    assert "anthropic_organization_active_users" not in exporter.exposed
    assert exporter.state("organization").up
    assert exporter.exposed[INFO]


def test_a_week_without_a_day_is_nothing_and_not_zero() -> None:
    exporter = refreshed({SUMMARIES: {"data": [], "next_page": None}})
    assert "anthropic_organization_active_users" not in exporter.exposed
    assert "anthropic_organization_seats" not in exporter.exposed


# Tags


def test_tags_that_are_asked_for_are_labels_and_others_are_not() -> None:
    rows = [
        workspace_row("wrkspc_01", tags={"team": 'Search "ü"', "owner": "ada"}),
        workspace_row("wrkspc_02", name="Bare", tags={"cost_center": ""}),
        workspace_row("wrkspc_03", name="Old", tags=None),
    ]
    exporter = refreshed({WORKSPACES: listing(*rows)}, "--organization.workspace-tags=team,cost_center")
    found = {
        dict(key)["workspace_id"]: (dict(key)["tag_team"], dict(key)["tag_cost_center"])
        for key in exporter.exposed[INFO]
    }
    assert found["wrkspc_01"] == ('Search "ü"', "none")
    assert found["wrkspc_02"] == found["wrkspc_03"] == ("none", "none")
    assert "ada" not in exporter.text


def test_without_being_asked_for_no_tag_is_a_label() -> None:
    exporter = refreshed({WORKSPACES: listing(workspace_row("wrkspc_01", tags={"team": "Search"}))})
    assert all(not name.startswith("tag_") for key in exporter.exposed[INFO] for name, _ in key)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("cost-center", "must be letters, digits and _, as labels are, got 'cost-center'"),
        ("größe", "must be letters, digits and _, as labels are, got 'größe'"),
        ("team,team", "must name each dimension once, got team, team"),
    ],
)
def test_a_tag_that_can_be_no_label_is_refused_at_start(tags: str, said: str) -> None:
    assert problems(f"--organization.workspace-tags={tags}") == [f"--organization.workspace-tags: {said}"]
