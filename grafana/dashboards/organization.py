"""Who and what belongs to the organization: workspaces, people, and the age of API keys."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.bars import ranking
from grafana.dashboards.frame import dashboard
from grafana.dashboards.month import MONTH_TO_DATE
from grafana.dashboards.panels import GREY, LEAST, NO_DATA, USD, Steps
from grafana.dashboards.promql import BY_WORKSPACE, DAY_SECONDS, ORGANIZATION, SCOPE, largest, merged, samples, total
from grafana.dashboards.stats import stat
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.words import INVITE_STATUS, KEY_STATUS, PRODUCTS, ROLES, SEATS

BY_KEY = (*ORGANIZATION, "api_key_id")
OF_KEY = "api_key, workspace, created_by"
OF_WORKSPACE = "workspace, archived, workspace_geo"
ACTIVE, NOT_ARCHIVED = 'status="active"', 'archived="false"'
EXPIRING_DAYS, OLD_DAYS = 14, 365
NEVER_DAYS = 1_000_000
DAYS_UNIT = "suffix: d"  # Grafana's own unit of days turns 300 of them into weeks
NOT_SERVED = "No data: the API does not list it to this key."
NARROW, WIDE = (3, 4), (4, 4)
ENTERPRISE = "Of the newest day that Claude Enterprise's engagement report has: most keys have none."
SOME_OR_NONE: Steps = ((None, GREY), (0, "green"), (1, "orange"))


def build() -> Dashboard:
    return dashboard(
        "organization",
        "Organization",
        "Workspaces, people and service accounts, and which API keys expire soon or were never replaced.",
        (),
        {"": [*_at_a_glance(), _api_keys(), _workspaces(), *_shares()]},
        collector="organization",
    )


def _at_a_glance() -> list[Builder[Panel]]:
    name = merged("anthropic_organization_info")
    return [
        stat(
            "Organization",
            f"The organization that the key belongs to. {NOT_SERVED}",
            # A value that has the colour of no data.
            f'{name} or label_replace({10 * LEAST:.0f} * absent({name}), "organization_name", "{NO_DATA}", "", "")',
            unit="short",
            shown_label="organization_name",
            size=(5, 4),
        ),
        _count("Workspaces", "Workspaces that are not archived.", "workspace_info", NOT_ARCHIVED),
        stat(
            "Users",
            f"Members of the organization. {NOT_SERVED}",
            total(samples("anthropic_organization_users")),
            unit="short",
            size=(2, 4),
        ),
        _count("Active API keys", "API keys that can be used.", "api_key_info", ACTIVE, WIDE),
        stat(
            "Invites",
            f"Invites to the organization that wait for their answer. {NOT_SERVED}",
            f"count({merged('anthropic_invite_expires_timestamp_seconds')}) or "
            f"0 * count({merged('anthropic_organization_invites')})",
            unit="short",
            size=NARROW,
        ),
        _judged(
            "Expiring soon",
            f"Active API keys that expire within {EXPIRING_DAYS} days: the first below.",
            f"{_seconds_left()} < {EXPIRING_DAYS * DAY_SECONDS}",
        ),
        _judged(
            "Never replaced",
            f"Active API keys that are older than {OLD_DAYS} days.",
            f"{_age()} > {OLD_DAYS * DAY_SECONDS}",
            WIDE,
        ),
    ]


def _api_keys() -> Builder[Panel]:
    by = ", ".join(BY_KEY)
    names = f"topk by ({by}) (1, group by ({by}, {OF_KEY}) (anthropic_api_key_info{{{SCOPE}}}))"

    def named(days: str) -> str:
        return f"({days}) * on ({by}) group_left ({OF_KEY}) {names}"

    left = f"floor({_seconds_left()} / {DAY_SECONDS})"
    never = f"{NEVER_DAYS} + 0 * {_age()}"
    return table(
        "API keys",
        "Every active API key; those that expire first are on top. One without a time of expiry never expires. The API "
        f"knows its creator by an ID only. {NOT_SERVED}",
        {
            "api_key": Label("API key"),
            "workspace": Label("Workspace", 150, words={"none": "Every one"}),
            "created_by": Label("Created by", 270, words={"none": "Not known"}),
            "api_key_id": Label("ID", 280),
        },
        {
            "Expires in": Number(
                named(f"{left} or on ({by}) {never}"),
                unit=DAYS_UNIT,
                width_pixels=125,
                steps=((None, "orange"), (EXPIRING_DAYS, "text")),
                texts={str(NEVER_DAYS): ("never", "text")},
            ),
            "Age": Number(
                named(f"floor({_age()} / {DAY_SECONDS})"),
                unit=DAYS_UNIT,
                width_pixels=90,
                steps=((None, "text"), (OLD_DAYS, "orange")),
            ),
        },
        sort="Expires in",
        ascending=True,
        no_value=NO_DATA,
        last=("created_by", "api_key_id"),
    )


def _workspaces() -> Builder[Panel]:
    by = ", ".join(BY_WORKSPACE)
    names = f"topk by ({by}) (1, group by ({by}, {OF_WORKSPACE}) (anthropic_workspace_info{{{SCOPE}}}))"

    def named(expression: str) -> str:
        return f"({expression}) * on ({by}) group_left ({OF_WORKSPACE}) {names}"

    created = merged("anthropic_workspace_created_timestamp_seconds")
    return table(
        "Workspaces",
        "Every workspace, archived ones too, the dearest first: its cost of this month, its members and active API "
        "keys, its age. "
        f"Budgets are on Cost. {NOT_SERVED}",
        {
            "workspace": Label("Workspace"),
            "archived": Label("Archived", 100, words={"true": "yes", "false": "no"}),
            "workspace_geo": Label("Region", 100, words={"us": "US", "eu": "EU", "none": "Not known"}),
        },
        {
            "Month to date": Number(named(total(samples(MONTH_TO_DATE), *BY_WORKSPACE)), USD, 0, width_pixels=160),
            "Members": Number(named(total(samples("anthropic_workspace_members"), *BY_WORKSPACE)), width_pixels=100),
            "Active API keys": Number(named(f"count by ({by}) ({_keys(ACTIVE)})"), width_pixels=150, blank="0"),
            "Age": Number(named(f"floor((time() - {created}) / {DAY_SECONDS})"), unit=DAYS_UNIT, width_pixels=100),
        },
        sort="Month to date",
        no_value=NO_DATA,
        last=("archived", "workspace_geo"),
    )


def _shares() -> list[Builder[Panel]]:
    return [
        ranking(
            "Users by role",
            f"Members of the organization. {NOT_SERVED}",
            f"sort_desc({total(samples('anthropic_organization_users'), 'role')})",
            label="role",
            unit="short",
            words=ROLES,
            no_value=NO_DATA,
            size=(8, 12),
        ),
        ranking(
            "Service accounts by role",
            "Those that are not archived. No data: there are none, or the API does not list them to this key.",
            f"sort_desc({total(samples('anthropic_service_accounts', NOT_ARCHIVED), 'role')})",
            label="role",
            unit="short",
            words=ROLES,
            no_value=NO_DATA,
            size=(8, 12),
        ),
        ranking(
            "API keys by status",
            f"All API keys, expired and archived ones too. {NOT_SERVED}",
            largest(10, f"count by (status) ({_keys()})"),
            label="status",
            unit="short",
            words=KEY_STATUS,
            no_value=NO_DATA,
            size=(8, 12),
        ),
        ranking(
            "Invites by status",
            f"Invites to the organization. {NOT_SERVED}",
            largest(10, total(samples("anthropic_organization_invites"), "status")),
            label="status",
            unit="short",
            words=INVITE_STATUS,
            no_value=NO_DATA,
            size=(8, 9),
        ),
        ranking(
            "Active users by product",
            f"Users who were active in the last 30 days. {ENTERPRISE}",
            largest(10, total(samples("anthropic_organization_active_users", 'period="month"'), "product")),
            label="product",
            unit="short",
            words=PRODUCTS,
            no_value=NO_DATA,
            size=(8, 9),
        ),
        ranking(
            "Seats",
            f"Seats that are assigned, and invites to one that wait for their answer. {ENTERPRISE}",
            largest(10, total(samples("anthropic_organization_seats"), "state")),
            label="state",
            unit="short",
            words=SEATS,
            no_value=NO_DATA,
            size=(8, 9),
        ),
    ]


def _count(title: str, description: str, family: str, matcher: str, size: tuple[int, int] = NARROW) -> Builder[Panel]:
    expr = f"count({merged(f'anthropic_{family}', matcher)})"
    return stat(title, f"{description} {NOT_SERVED}", expr, unit="short", size=size)


def _judged(title: str, description: str, keys: str, size: tuple[int, int] = NARROW) -> Builder[Panel]:
    """How many of the active keys these are: none is good."""
    expr = f"count({keys}) or 0 * count({_keys(ACTIVE)})"
    return stat(title, f"{description} {NOT_SERVED}", expr, unit="short", steps=SOME_OR_NONE, size=size)


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
