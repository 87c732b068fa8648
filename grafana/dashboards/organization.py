"""Who and what belongs to the organization: workspaces, people, and the age of API keys."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.frame import dashboard
from grafana.dashboards.panels import HALF, Steps, ranking, stat, table
from grafana.dashboards.promql import BY_WORKSPACE, DAY_SECONDS, ORGANIZATION, SCOPE, largest, merged, total

BY_KEY = (*ORGANIZATION, "api_key_id")
ACTIVE, NOT_ARCHIVED = 'status="active"', 'archived="false"'
EXPIRING_DAYS, OLD_DAYS = 14, 365
NOT_SERVED = "The API does not list it to this key"
ATTENTION: Steps = ((None, "green"), (1, "orange"))


def build() -> Dashboard:
    return dashboard(
        "organization",
        "Organization",
        "Workspaces, people and service accounts, and which API keys expire soon or were never replaced.",
        (),
        {
            "At a glance": _at_a_glance(),
            "API keys": _api_keys(),
            "Workspaces": [_workspaces()],
            "People": _people(),
        },
    )


def _at_a_glance() -> list[Builder[Panel]]:
    return [
        stat(
            "Organization",
            "The organization that the key belongs to.",
            merged("anthropic_organization_info"),
            unit="short",
            no_value=NOT_SERVED,
            shown_label="organization_name",
        ),
        _count("Workspaces", "Workspaces that are not archived.", "workspace_info", NOT_ARCHIVED),
        _sum("Users", "Members of the organization.", "organization_users"),
        _count("Active API keys", "API keys that can be used.", "api_key_info", ACTIVE),
        stat(
            "Expiring soon",
            f"Active API keys that expire within {EXPIRING_DAYS} days.",
            f"count({_seconds_left()} < {EXPIRING_DAYS * DAY_SECONDS}) or 0 * count({_keys(ACTIVE)})",
            unit="short",
            steps=ATTENTION,
            no_value=NOT_SERVED,
        ),
        stat(
            "Never replaced",
            f"Active API keys that are older than {OLD_DAYS} days.",
            f"count({_age()} > {OLD_DAYS * DAY_SECONDS}) or 0 * count({_keys(ACTIVE)})",
            unit="short",
            steps=ATTENTION,
            no_value=NOT_SERVED,
        ),
    ]


def _api_keys() -> list[Builder[Panel]]:
    return [
        table(
            "API keys",
            "Every active API key. One without a time of expiry never expires.",
            {"Age": _named(_age()), "Expires in": _named(_seconds_left())},
            labels={"api_key": "API key", "workspace": "Workspace", "created_by": "Created by", "api_key_id": "ID"},
            units={"Age": "s", "Expires in": "s"},
            blanks={"Expires in": "never"},
            sort="Age",
            size=(16, 9),
            no_value=NOT_SERVED,
        ),
        ranking(
            "API keys by status",
            "All API keys, expired and archived ones too.",
            largest(10, f"count by (status) ({_keys()})"),
            label="status",
            unit="short",
            no_value=NOT_SERVED,
            size=(8, 9),
        ),
    ]


def _workspaces() -> Builder[Panel]:
    by = ", ".join(BY_WORKSPACE)
    created = merged("anthropic_workspace_created_timestamp_seconds")
    names = (
        f"topk by ({by}) (1, group by ({by}, workspace, archived, workspace_geo) (anthropic_workspace_info{{{SCOPE}}}))"
    )
    active = f"count by ({by}) ({_keys(ACTIVE)})"
    return table(
        "Workspaces",
        "Every workspace, archived ones too, with its age and its active API keys.",
        {
            "Age": _with_names(f"(time() - {created})", by, names),
            "Active API keys": _with_names(f"({active})", by, names),
        },
        labels={"workspace": "Workspace", "archived": "Archived", "workspace_geo": "Region"},
        units={"Age": "s"},
        blanks={"Active API keys": "0"},
        sort="Age",
        no_value=NOT_SERVED,
    )


def _people() -> list[Builder[Panel]]:
    return [
        ranking(
            "Users by role",
            "Members of the organization.",
            f"sort_desc({total(merged('anthropic_organization_users'), 'role')})",
            label="role",
            unit="short",
            no_value=NOT_SERVED,
            size=HALF,
        ),
        ranking(
            "Service accounts by role",
            "Service accounts that are not archived.",
            f"sort_desc({total(merged('anthropic_service_accounts', NOT_ARCHIVED), 'role')})",
            label="role",
            unit="short",
            no_value="None, or the API does not list them to this key",
            size=HALF,
        ),
    ]


def _count(title: str, description: str, family: str, matcher: str) -> Builder[Panel]:
    expr = f"count({merged(f'anthropic_{family}', matcher)})"
    return stat(title, description, expr, unit="short", no_value=NOT_SERVED)


def _sum(title: str, description: str, family: str) -> Builder[Panel]:
    return stat(title, description, total(merged(f"anthropic_{family}")), unit="short", no_value=NOT_SERVED)


def _keys(*matchers: str) -> str:
    """One sample for each key, whatever it and its workspace are called."""
    selector = f"anthropic_api_key_info{{{', '.join((SCOPE, *matchers))}}}"
    return f"group by ({', '.join(BY_KEY)}, workspace_id, status) ({selector})"


def _age() -> str:
    return _of_active_keys(f"time() - {merged('anthropic_api_key_created_timestamp_seconds')}")


def _seconds_left() -> str:
    return _of_active_keys(f"{merged('anthropic_api_key_expires_timestamp_seconds')} - time()")


def _of_active_keys(expression: str) -> str:
    return f"(({expression}) and on ({', '.join(BY_KEY)}) {_keys(ACTIVE)})"


def _named(expression: str) -> str:
    by = ", ".join(BY_KEY)
    names = f"topk by ({by}) (1, group by ({by}, api_key, workspace, created_by) (anthropic_api_key_info{{{SCOPE}}}))"
    return f"{expression} * on ({by}) group_left (api_key, workspace, created_by) {names}"


def _with_names(expression: str, by: str, names: str) -> str:
    return f"{expression} * on ({by}) group_left (workspace, archived, workspace_geo) {names}"
