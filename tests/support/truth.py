"""What the metric contract makes of a simulated organization, worked out from the organization's own rows.

It shares no code with the exporter: sums are fractions, names come from the organization's inventory.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

from exporter.demo.simulation.cost import CostRow
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.exporting import Exposed, Labels, labels

TOKEN_TYPES = {
    "uncached_input_tokens": "uncached_input",
    "cache_read_input_tokens": "cache_read",
    "ephemeral_5m_input_tokens": "cache_write_5m",
    "ephemeral_1h_input_tokens": "cache_write_1h",
    "output_tokens": "output",
}
Sums = dict[Labels, Fraction]


def expected(
    organization: SimulatedOrganization,
    now: datetime,
    *,
    usage_days: int = 10,
    cost_days: int = 31,
    claude_code_days: int = 9,
    actor_days: int = 2,
    usage_lag: timedelta = timedelta(minutes=5),
    cost_lag: timedelta = timedelta(0),
    claude_code_lag: timedelta = timedelta(hours=1),
) -> Exposed:
    """Every sample of the sections usage, cost, Claude Code, organization and limits for a refresh at `now`."""
    exact = {
        **_usage(organization, now, usage_days, now - usage_lag),
        **_cost(organization, now, cost_days, now - cost_lag),
        **_claude_code(organization, now, claude_code_days, actor_days, now - claude_code_lag),
        **_organization(organization, now),
        **_people(organization, now),
        **_limits(organization),
        **_peaks(organization, now, now - usage_lag),
    }
    return {name: {key: float(value) for key, value in sums.items()} for name, sums in exact.items() if sums}


def data_through(
    organization: SimulatedOrganization,
    now: datetime,
    *,
    usage_days: int = 10,
    claude_code_days: int = 9,
    usage_lag: timedelta = timedelta(minutes=5),
    cost_lag: timedelta = timedelta(0),
    claude_code_lag: timedelta = timedelta(hours=1),
) -> Sums:
    """Up to when the reports of a refresh at `now` have rows, and when the lists were read."""
    cost_days = (now.astimezone(UTC).date().replace(day=1) - timedelta(days=1)).day + now.astimezone(UTC).day
    rows: dict[str, list[tuple[date, Sequence[object]]]] = {
        "usage": [(d, organization.usage_rows(d, now - usage_lag)) for _, d in _days(now, usage_days)],
        "cost": [(d, organization.cost_rows(d, now - cost_lag)) for _, d in _days(now, cost_days)],
        "claude_code": [
            (d, organization.claude_code_rows(d, now - claude_code_lag)) for _, d in _days(now, claude_code_days)
        ],
    }
    through = {labels(collector=name): Fraction(now.timestamp()) for name in ("organization", "members", "limits")}
    for collector, by_day in rows.items():
        if with_rows := [day for day, of_day in by_day if of_day]:
            end = datetime.combine(max(with_rows) + timedelta(days=1), datetime.min.time(), UTC)
            through[labels(collector=collector)] = Fraction(min(end, now).timestamp())
    return through


def _days(now: datetime, days: int) -> list[tuple[str, date]]:
    return [(str(age), now.astimezone(UTC).date() - timedelta(days=age)) for age in range(days)]


def _workspace(organization: SimulatedOrganization, workspace_id: str | None) -> dict[str, str]:
    if workspace_id in (None, organization.default_workspace.id):
        return {"workspace": "default", "workspace_id": "default"}
    names = {workspace.id: workspace.name for workspace in organization.workspaces}
    assert workspace_id
    return {"workspace": names[workspace_id] or workspace_id, "workspace_id": workspace_id}


# Dimensions as the API has them: workspace and model first, then the others.
Dimensions = tuple[str, ...]


def _zeros(rows: Mapping[date, set[Dimensions]], reported: Iterable[date]) -> dict[date, set[Dimensions]]:
    """The rows of nothing that rule 3 of the contract adds to each reported day."""
    every = set().union(*rows.values())
    found = {}
    for day in reported:
        nearby = [of for other, of in rows.items() if -7 <= (day - other).days <= 11]
        there = {row[:2] for row in rows.get(day, ())}
        pairs = {row[:2] for of in nearby for row in of} - there
        found[day] = {min(row for of in nearby for row in of if row[:2] == pair) for pair in pairs}
        if not there and not pairs and every:
            found[day] = {min(every)}
    return found


def _usage(organization: SimulatedOrganization, now: datetime, days: int, at: datetime) -> dict[str, Sums]:
    tokens: Sums = defaultdict(Fraction)
    searches: Sums = defaultdict(Fraction)
    rows = {day: organization.usage_rows(day, at) for _, day in _days(now, days)}
    dimensions: dict[date, set[Dimensions]] = {
        day: {(row.workspace_id or "", row.model, row.service_tier) for row in rows[day]} for day in rows
    }
    zeros = _zeros(dimensions, rows)
    for age, day in _days(now, days):

        def base(of: Dimensions, age: str = age) -> Labels:
            workspace_id, model, tier = of
            named = _workspace(organization, workspace_id or None)
            return labels(**named, model=model, service_tier=tier, days_ago=age)

        for row in rows[day]:
            key = base((row.workspace_id or "", row.model, row.service_tier))
            searches[key] += row.web_search_requests
            for field, token_type in TOKEN_TYPES.items():
                tokens[key | labels(token_type=token_type)] += getattr(row, field)
        for of in zeros[day]:
            searches[base(of)] += 0
            for token_type in TOKEN_TYPES.values():
                tokens[base(of) | labels(token_type=token_type)] += 0
    return {"anthropic_usage_tokens": tokens, "anthropic_usage_web_search_requests": searches}


def _cost(organization: SimulatedOrganization, now: datetime, days: int, at: datetime) -> dict[str, Sums]:
    today = now.astimezone(UTC).date()
    month = today.replace(day=1)
    previous = (month - timedelta(days=1)).replace(day=1)
    oldest = min(previous, today - timedelta(days=days - 1))
    rows = {day: organization.cost_rows(day, at) for _, day in _days(now, (today - oldest).days + 1)}
    newest = max(day for day, of_day in rows.items() if of_day)

    def dimensions(row: CostRow) -> Dimensions:
        key = row.key
        tier, model = key.service_tier or "none", key.model or "none"
        return (key.workspace_id or "", model, key.cost_type, _token_type(key.token_type), tier)

    def named(of: Dimensions, age: str) -> Labels:
        workspace_id, model, cost_type, token_type, tier = of
        workspace = _workspace(organization, workspace_id or None)
        own = {"cost_type": cost_type, "model": model, "token_type": token_type, "service_tier": tier}
        return labels(**workspace, **own, days_ago=age)

    ages = {day: age for age, day in _days(now, days) if day <= newest}
    zeros = _zeros({day: set(map(dimensions, of_day)) for day, of_day in rows.items()}, ages)
    cost: Sums = defaultdict(Fraction)
    for day, age in ages.items():
        for row in rows[day]:
            cost[named(dimensions(row), age)] += Fraction(row.amount) / 100
        for of in zeros[day]:
            cost[named(of, age)] += 0

    def total(selected: Iterable[date]) -> Sums:
        sums: Sums = defaultdict(Fraction)
        for day in selected:
            for row in rows.get(day, ()):
                sums[labels(**_workspace(organization, row.key.workspace_id))] += Fraction(row.amount) / 100
        return sums

    return {
        "anthropic_cost_usd": cost,
        "anthropic_cost_month_to_date_usd": total(day for day in rows if day >= month),
        "anthropic_cost_previous_month_usd": total(day for day in rows if previous <= day < month)
        if newest >= month - timedelta(days=1)
        else {},
    }


def _token_type(name: str | None) -> str:
    return TOKEN_TYPES.get((name or "none").removeprefix("cache_creation."), name or "none")


def _claude_code(
    organization: SimulatedOrganization, now: datetime, days: int, actor_days: int, at: datetime
) -> dict[str, Sums]:
    families: dict[str, Sums] = defaultdict(lambda: defaultdict(Fraction))
    for age, day in _days(now, days):
        actors: dict[tuple[str, str], set[str]] = defaultdict(set)
        for kind in ("user", "api_key"):
            for customer in ("api", "subscription"):
                actors[kind, customer] = set()
        for record in organization.claude_code_rows(day, at):
            email = getattr(record.actor, "email_address", None)
            actor, kind = (email, "user") if email else (getattr(record.actor, "api_key_name"), "api_key")  # noqa: B009  a union
            actors[kind, record.customer_type].add(actor)
            base = labels(
                days_ago=age,
                actor=actor if int(age) < actor_days else "all",
                actor_type=kind,
                terminal=record.terminal_type,
                customer_type=record.customer_type,
            )

            def add(name: str, value: object, base: Labels = base, **own: str) -> None:
                families[f"anthropic_claude_code_{name}"][base | labels(**own)] += Fraction(str(value))

            core = record.core_metrics
            add("sessions", core.num_sessions)
            add("commits", core.commits_by_claude_code)
            add("pull_requests", core.pull_requests_by_claude_code)
            add("lines_of_code", core.lines_of_code.added, change="added")
            add("lines_of_code", core.lines_of_code.removed, change="removed")
            for key, action in record.tool_actions.items():
                add("tool_actions", action.accepted, tool=key.removesuffix("_tool"), decision="accepted")
                add("tool_actions", action.rejected, tool=key.removesuffix("_tool"), decision="rejected")
            for use in record.model_breakdown:
                tokens = use.tokens
                add("tokens", tokens.input, model=use.model, token_type="uncached_input")
                add("tokens", tokens.cache_read, model=use.model, token_type="cache_read")
                add("tokens", tokens.cache_creation, model=use.model, token_type="cache_write")
                add("tokens", tokens.output, model=use.model, token_type="output")
                add("estimated_cost_usd", Fraction(str(use.estimated_cost.amount)) / 100, model=use.model)
        for (kind, customer), names in actors.items():
            counted = labels(days_ago=age, actor_type=kind, customer_type=customer)
            families["anthropic_claude_code_active_actors"][counted] += len(names)
    return {name: dict(sums) for name, sums in families.items()}


def _organization(organization: SimulatedOrganization, now: datetime) -> dict[str, Sums]:
    families: dict[str, Sums] = defaultdict(lambda: defaultdict(Fraction))

    def add(name: str, value: float, **own: str) -> None:
        families[f"anthropic_{name}"][labels(**own)] += Fraction(value)

    me = organization.me
    add("organization_info", 1, organization_id=me.id, organization_name=me.name)
    for workspace in (organization.default_workspace, *organization.workspaces):
        named, geo = _workspace(organization, workspace.id), workspace.data_residency.workspace_geo
        add("workspace_info", 1, **named, archived=_archived(workspace.archived_at), workspace_geo=geo)
        created = workspace.created_at.timestamp()
        add("workspace_created_timestamp_seconds", created, workspace_id=named["workspace_id"])
    for user in organization.users:
        add("organization_users", 1, role=user.role)
    for key in organization.api_keys(now):
        named = {"workspace": "none", "workspace_id": "none"}
        if key.workspace_id:
            named = _workspace(organization, key.workspace_id)
        creator = key.created_by.id if key.created_by else "none"
        add("api_key_info", 1, api_key_id=key.id, api_key=key.name, **named, status=key.status, created_by=creator)
        add("api_key_created_timestamp_seconds", key.created_at.timestamp(), api_key_id=key.id)
        if key.expires_at:
            add("api_key_expires_timestamp_seconds", key.expires_at.timestamp(), api_key_id=key.id)
    for account in organization.service_accounts:
        add("service_accounts", 1, role=account.organization_role, archived=_archived(account.archived_at))
    return {name: dict(sums) for name, sums in families.items()}


def _people(organization: SimulatedOrganization, now: datetime) -> dict[str, Sums]:
    """Who is invited, who is in which workspace, and how many are active."""
    families: dict[str, Sums] = defaultdict(lambda: defaultdict(Fraction))

    def add(name: str, value: float, **own: str) -> None:
        families[f"anthropic_{name}"][labels(**own)] += Fraction(value)

    for invite in organization.invites(now):
        add("organization_invites", 1, role=invite.role, status=invite.status)
        if invite.status == "pending":
            expiry = invite.expires_at.timestamp()
            add("invite_expires_timestamp_seconds", expiry, invite_id=invite.id, role=invite.role)
    for workspace in organization.workspaces:
        if not workspace.archived_at:
            for member in organization.members(workspace.id):
                add("workspace_members", 1, **_workspace(organization, workspace.id), role=member.workspace_role)
    today = now.astimezone(UTC).date()
    (newest,) = organization.summaries(today - timedelta(days=1), today)
    for name, count in newest.items():
        if found := re.fullmatch(r"(.*?)_?(daily|weekly|monthly)_active_user_count", name):
            period = {"daily": "day", "weekly": "week", "monthly": "month"}[found[2]]
            add("organization_active_users", count, period=period, product=found[1] or "all")
    add("organization_seats", newest["assigned_seat_count"], state="assigned")
    add("organization_seats", newest["pending_invite_count"], state="pending_invite")
    return {name: dict(sums) for name, sums in families.items()}


UNITS = {
    "requests": "requests_per_minute",
    "input": "tokens_per_minute",
    "output": "tokens_per_minute",
    "fast": "tokens_per_minute",
    "tool": "tool_uses_per_second",
    "enqueued": "requests",
}


def _limits(organization: SimulatedOrganization) -> dict[str, Sums]:
    ceilings: Sums = {}
    models: Sums = {}
    for row in organization.rate_limits:
        group = {"group": row.group.display_name or row.group.id, "group_id": row.group.id}
        for limiter in row.limits:
            own = {"group_type": row.group.type, "limiter": limiter.type, "unit": UNITS[limiter.type.split("_")[0]]}
            ceilings[labels(**group, **own)] = Fraction(limiter.value)
        for model in row.models or ():
            models[labels(**group, model=model)] = Fraction(1)
    of_workspaces: Sums = {}
    for workspace in organization.workspaces:
        if workspace.archived_at:
            continue
        for of in organization.workspace_rate_limits(workspace.id, inherited=True):
            named = _workspace(organization, workspace.id) | {"group": of.group.display_name or of.group.id}
            for each in of.limits:
                unit = UNITS[each.type.split("_")[0]]
                own = {"group_id": of.group.id, "group_type": of.group.type, "limiter": each.type, "unit": unit}
                ceiling = Fraction(min(each.value, each.org_limit))
                of_workspaces[labels(**named, **own, source=each.source.type)] = ceiling
    return {
        "anthropic_rate_limit": ceilings,
        "anthropic_rate_limit_model_info": models,
        "anthropic_workspace_rate_limit": of_workspaces,
        "anthropic_spend_limit_usd": _spend_limits(organization),
    }


def _spend_limits(organization: SimulatedOrganization) -> Sums:
    found: Sums = {}
    for row in organization.spend_limits:
        if row.is_enabled and row.amount is not None:
            workspace = {"workspace": "none", "workspace_id": "none"}
            if row.scope.type == "workspace":
                workspace = _workspace(organization, row.scope.workspace_id)
            found[labels(scope=row.scope.type, period=row.period, **workspace)] = Fraction(int(row.amount), 100)
    return found


def _peaks(organization: SimulatedOrganization, now: datetime, at: datetime) -> dict[str, Sums]:
    """The busiest of the sixty complete minutes, by what each limiter counts."""
    fresh = ("uncached_input_tokens", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    counted = {
        "input_tokens_per_minute_cache_aware": (fresh, "standard"),
        "output_tokens_per_minute": (("output_tokens",), "standard"),
        "fast_itpmca": (fresh, "fast"),
        "fast_otpm": (("output_tokens",), "fast"),
    }
    minute = timedelta(minutes=1)
    end = now.astimezone(UTC).replace(second=0, microsecond=0)
    starts = [end - age * minute for age in range(1, 61)]
    used = [organization.usage_between(start, start + minute, at) for start in starts]
    found: Sums = {}
    for group in organization.rate_limits:
        for limiter in group.limits:
            if group.models and limiter.type in counted:
                fields, speed = counted[limiter.type]
                key = labels(
                    group=group.group.display_name or group.group.id, group_id=group.group.id, limiter=limiter.type
                )
                found[key] = max(
                    sum(
                        (
                            Fraction(getattr(row, field))
                            for row in rows
                            if row.model in group.models and row.service_tier == "standard" and row.speed == speed
                            for field in fields
                        ),
                        Fraction(0),
                    )
                    for rows in used
                )
    return {"anthropic_usage_peak_tokens_per_minute": found}


def _archived(archived_at: datetime | None) -> str:
    return "true" if archived_at else "false"
