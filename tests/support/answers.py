"""Answers of an Admin API in the shapes of its documentation, for tests that script one row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from tests.support.scripted import ScriptedApi, Seen

ORGANIZATIONS = "/v1/organizations"
USAGE = f"{ORGANIZATIONS}/usage_report/messages"
COST = f"{ORGANIZATIONS}/cost_report"
CLAUDE_CODE = f"{ORGANIZATIONS}/usage_report/claude_code"
WORKSPACES = f"{ORGANIZATIONS}/workspaces"
API_KEYS = f"{ORGANIZATIONS}/api_keys"
USERS = f"{ORGANIZATIONS}/users"
SERVICE_ACCOUNTS = f"{ORGANIZATIONS}/service_accounts"
ME = f"{ORGANIZATIONS}/me"
RATE_LIMITS = f"{ORGANIZATIONS}/rate_limits"
INVITES = f"{ORGANIZATIONS}/invites"
SUMMARIES = f"{ORGANIZATIONS}/analytics/summaries"
MEMBERS_OF_WORKSPACE = f"{WORKSPACES}/wrkspc_01/members"
SPEND_LIMITS = f"{ORGANIZATIONS}/spend_limits"
LIMITS_OF_WORKSPACE = f"{WORKSPACES}/wrkspc_01/rate_limits"

Row = dict[str, Any]
RowsByDay = Mapping[str, Sequence[Row]]


def usage_row(**values: object) -> Row:
    """A row of usage_report/messages; every dimension null and every number 0 unless given."""
    row: Row = {
        "uncached_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
        "server_tool_use": {"web_search_requests": 0},
        "account_id": None,
        "service_account_id": None,
        "api_key_id": None,
        "workspace_id": None,
        "model": "claude-opus-5-5",
        "context_window": None,
        "service_tier": "standard",
        "inference_geo": None,
    }
    return row | values


def cost_row(amount: str, **values: object) -> Row:
    """A row of cost_report: output tokens of the default workspace unless said otherwise."""
    row: Row = {
        "amount": amount,
        "currency": "USD",
        "description": "Claude Opus 5.5 Usage - Output Tokens",
        "cost_type": "tokens",
        "token_type": "output_tokens",
        "model": "claude-opus-5-5",
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": "global",
        "workspace_id": None,
    }
    return row | values


def claude_code_row(day: str, **values: object) -> Row:
    """A record of usage_report/claude_code."""
    row: Row = {
        "date": f"{day}T00:00:00Z",
        "actor": {"type": "user_actor", "email_address": "dev@example.com"},
        "organization_id": "0b1c2d3e-0000-4000-8000-00000000abcd",
        "customer_type": "api",
        "subscription_type": None,
        "terminal_type": "vscode",
        "is_remote": False,
        "core_metrics": {
            "num_sessions": 1,
            "lines_of_code": {"added": 10, "removed": 5},
            "commits_by_claude_code": 2,
            "pull_requests_by_claude_code": 1,
        },
        "tool_actions": {"edit_tool": {"accepted": 3, "rejected": 1}},
        "model_breakdown": [
            {
                "model": "claude-opus-5-5",
                "tokens": {"input": 100, "output": 20, "cache_read": 300, "cache_creation": 40},
                "estimated_cost": {"amount": 77, "currency": "USD"},
            }
        ],
    }
    return row | values


def workspace_row(workspace_id: str, **values: object) -> Row:
    row: Row = {
        "id": workspace_id,
        "type": "workspace",
        "name": "Research",
        "created_at": "2026-02-01T09:00:00Z",
        "archived_at": None,
        "display_color": "#6C5BB9",
        "data_residency": {"allowed_inference_geos": "unrestricted", "workspace_geo": "us"},
    }
    return row | values


def api_key_row(api_key_id: str, **values: object) -> Row:
    """An active key without an end, made by user_01 for wrkspc_01, as API version 2026-10-21 has it."""
    row: Row = {
        "id": api_key_id,
        "type": "api_key",
        "name": "ci",
        "status": "active",
        "created_at": "2026-03-01T09:00:00Z",
        "expires_at": None,
        "created_by": {"id": "user_01", "type": "user"},
        "partial_key_hint": "sk-ant-api03-Ab1...x9AA",
        "principal": None,
        "scope": {"type": "workspace", "workspace_id": "wrkspc_01"},
    }
    return row | values


def rate_limit_row(rate_limit_id: str, **values: object) -> Row:
    """The limits of a group of models, as API version 2026-10-21 has them."""
    row: Row = {
        "id": rate_limit_id,
        "type": "rate_limit",
        "group": {"id": "rlg_01", "type": "model_group", "display_name": "Claude Opus 5.x"},
        "models": ["claude-opus-5", "claude-opus-5-5"],
        "limits": [{"type": "requests_per_minute", "value": 4000}],
    }
    return row | values


def workspace_limit_row(rate_limit_id: str, **values: object) -> Row:
    """An inherited limit of wrkspc_01."""
    row = rate_limit_row(rate_limit_id)
    inherited = {"type": "requests_per_minute", "value": 4000, "org_limit": 4000, "source": {"type": "organization"}}
    own: Row = {"rate_limit_id": row.pop("id"), "type": "workspace_rate_limit", "workspace_id": "wrkspc_01"}
    return row | own | {"limits": [inherited]} | values


def invite_row(identifier: str, **values: object) -> Row:
    row: Row = {
        "id": identifier,
        "type": "invite",
        "email": "grace@example.com",
        "role": "developer",
        "status": "pending",
        "invited_at": "2026-11-10T00:00:00Z",
        "expires_at": "2026-12-01T00:00:00Z",
        "accepted_at": None,
        "rbac_group_ids": [],
    }
    return row | values


def member_row(identifier: str, role: object = "workspace_developer") -> Row:
    return {"user_id": identifier, "workspace_id": "wrkspc_01", "workspace_role": role, "type": "workspace_member"}


def summary_row(day: str, **values: object) -> Row:
    """A day of the engagement report, with one product."""
    row: Row = {
        "starting_at": f"{day}T00:00:00Z",
        "ending_at": f"{day}T00:00:00Z",
        "assigned_seat_count": 50,
        "pending_invite_count": 3,
        "daily_adoption_rate": 80.0,
    }
    counts = zip(("daily", "weekly", "monthly"), (40, 45, 48), strict=True)
    for period, count in counts:
        row |= {f"{period}_active_user_count": count, f"chat_{period}_active_user_count": count - 10}
    return row | values


def spend_limit_row(identifier: str, **values: object) -> Row:
    """A monthly limit of $500 for the organization."""
    row: Row = {
        "id": identifier,
        "type": "spend_limit",
        "amount": "50000",
        "currency": "USD",
        "is_enabled": True,
        "period": "monthly",
        "scope": {"type": "organization"},
        "created_at": "2026-10-01T00:00:00Z",
        "updated_at": "2026-11-02T00:00:00Z",
    }
    return row | values


def by_the_minute(rows: RowsByDay, seen: Seen) -> Row:
    """The usage report's answer for a window of minutes: rows by `hour:minute`; nothing for wider buckets."""
    if seen.param("bucket_width") != "1m":
        return {"data": [], "has_more": False, "next_page": None}
    start, end = (datetime.fromisoformat(seen.param(name) or "") for name in ("starting_at", "ending_at"))
    minutes = [start + timedelta(minutes=n) for n in range((end - start) // timedelta(minutes=1))]
    data = [{"starting_at": each.isoformat(), "results": rows.get(f"{each:%H:%M}", ())} for each in minutes]
    return {"data": data, "has_more": False, "next_page": None}


def buckets(rows: RowsByDay, seen: Seen) -> Row:
    """A report's answer on one page: a bucket for each day of the window, empty ones too."""
    first, end = (date.fromisoformat((seen.param(name) or "")[:10]) for name in ("starting_at", "ending_at"))
    days = [first + timedelta(days=n) for n in range((end - first).days)]
    data = [
        {
            "starting_at": f"{day}T00:00:00Z",
            "ending_at": f"{day + timedelta(days=1)}T00:00:00Z",
            "results": rows.get(day.isoformat(), ()),
        }
        for day in days
    ]
    return {"data": data, "has_more": False, "next_page": None}


def records(rows: RowsByDay, seen: Seen) -> Row:
    return {"data": rows.get(seen.param("starting_at") or "", ()), "has_more": False, "next_page": None}


def listing(*rows: Row) -> Row:
    return {"data": rows, "has_more": False, "first_id": None, "last_id": None}


def script(
    api: ScriptedApi,
    *,
    usage: RowsByDay | None = None,
    cost: RowsByDay | None = None,
    claude_code: RowsByDay | None = None,
) -> None:
    """An organization with one workspace besides the default one, and one of all else that there are lists of."""
    default = workspace_row("wrkspc_default", name="Default", created_at="2026-01-01T00:00:00Z")
    research = workspace_row("wrkspc_01")

    def workspaces(seen: Seen) -> Row:
        return listing(default, research) if seen.param("include_default") else listing(research)

    api.on(USAGE, lambda seen: buckets(usage or {}, seen))
    api.on(COST, lambda seen: buckets(cost or {}, seen))
    api.on(CLAUDE_CODE, lambda seen: records(claude_code or {}, seen))
    api.on(WORKSPACES, workspaces)
    api.on(API_KEYS, listing(api_key_row("apikey_01")))
    api.on(USERS, listing({"id": "user_01", "email": "ada@example.com", "name": "Ada", "role": "admin"}))
    bot = {"id": "svac_01", "name": "bot", "organization_role": "developer", "archived_at": None}
    api.on(SERVICE_ACCOUNTS, {"data": [bot], "next_page": None})
    api.on(RATE_LIMITS, {"data": [rate_limit_row("rl_01")], "next_page": None})
    api.on(LIMITS_OF_WORKSPACE, {"data": [workspace_limit_row("rl_01")], "next_page": None})
    api.on(INVITES, listing(invite_row("invite_01")))
    api.on(MEMBERS_OF_WORKSPACE, listing(member_row("user_01")))
    api.on(SUMMARIES, {"data": [summary_row("2026-11-20")], "next_page": None})
    api.on(SPEND_LIMITS, {"data": [spend_limit_row("spl_01")], "next_page": None})
    api.on(ME, {"id": "0b1c2d3e-0000-4000-8000-00000000abcd", "name": "Acme", "type": "organization"})
