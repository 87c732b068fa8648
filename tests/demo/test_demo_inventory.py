from datetime import datetime
from typing import Any

import httpx
import pytest

from exporter.demo.simulation.organization import SimulatedOrganization


def ids_of(client: httpx.Client, path: str, **params: str) -> list[str]:
    """All IDs of a list that is paged by ID."""
    found: list[str] = []
    while True:
        body = client.get(path, params={**params, **({"after_id": found[-1]} if found else {})}).json()
        found.extend(item["id"] for item in body["data"])
        assert body["first_id"] == body["data"][0]["id"]
        assert body["last_id"] == found[-1]
        if not body["has_more"]:
            return found


def test_me_names_the_organization(client: httpx.Client, organization: SimulatedOrganization) -> None:
    assert client.get("me").json() == {
        "id": organization.me.id,
        "name": organization.me.name,
        "type": "organization",
    }


@pytest.mark.parametrize("limit", ["1", "7", "1000"])
def test_lists_are_complete_whatever_the_limit(
    client: httpx.Client, organization: SimulatedOrganization, now: datetime, limit: str
) -> None:
    assert ids_of(client, "users", limit=limit) == [user.id for user in organization.users]
    assert ids_of(client, "api_keys", limit=limit) == [key.id for key in organization.api_keys(now)]


def test_a_page_has_twenty_objects_by_default(client: httpx.Client) -> None:
    body = client.get("users").json()
    assert (len(body["data"]), body["has_more"]) == (20, True)


def test_lists_are_paged_backwards_too(client: httpx.Client, organization: SimulatedOrganization) -> None:
    users = [user.id for user in organization.users]
    body = client.get("users", params={"before_id": users[5], "limit": "3"}).json()
    assert ([user["id"] for user in body["data"]], body["has_more"]) == (users[2:5], True)
    both = client.get("users", params={"before_id": users[5], "after_id": users[1]})
    assert both.status_code == 400


def test_an_empty_list_has_no_ids(client: httpx.Client) -> None:
    body = client.get("users", params={"email": "nobody@example.com"}).json()
    assert body == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_archived_and_default_workspaces_are_listed_on_request(
    client: httpx.Client, organization: SimulatedOrganization
) -> None:
    named = {workspace.id for workspace in organization.workspaces}
    archived = {workspace.id for workspace in organization.workspaces if workspace.archived_at}
    assert len(archived) == 1
    assert set(ids_of(client, "workspaces")) == named - archived
    assert set(ids_of(client, "workspaces", include_archived="true")) == named
    assert set(ids_of(client, "workspaces", include_default="true")) - named == {organization.default_workspace.id}


def test_a_workspace_has_the_documented_shape(client: httpx.Client) -> None:
    workspaces = client.get("workspaces").json()["data"]
    assert workspaces[0].keys() == {
        "id",
        "name",
        "created_at",
        "archived_at",
        "display_color",
        "compartment_id",
        "data_residency",
        "external_key_id",
        "tags",
        "user_profile_id",
        "type",
    }
    assert 'R&D "α"' in {workspace["name"] for workspace in workspaces}  # noqa: RUF001


def test_the_default_workspace_of_a_key_is_null_in_the_earlier_version_only(
    client: httpx.Client, organization: SimulatedOrganization
) -> None:
    def keys(version: str) -> list[dict[str, Any]]:
        headers = {"anthropic-version": version}
        data: list[dict[str, Any]] = client.get("api_keys", params={"limit": "1000"}, headers=headers).json()["data"]
        return data

    old, new = keys("2023-06-01"), keys("2026-10-21")
    default = {"type": "workspace", "workspace_id": organization.default_workspace.id}
    assert [key["workspace_id"] for key in old if key["scope"] == default] == [None, None]
    assert any(key["workspace_id"] == key["scope"].get("workspace_id") for key in old)
    assert all("workspace_id" not in key for key in new)
    assert {key["scope"]["type"] for key in new} == {"workspace", "organization"}
    assert {key["status"] for key in new} == {"active", "inactive", "archived", "expired"}


@pytest.mark.parametrize("status", ["active", "inactive", "archived", "expired"])
def test_keys_are_filtered_by_status(
    client: httpx.Client, organization: SimulatedOrganization, now: datetime, status: str
) -> None:
    assert ids_of(client, "api_keys", status=status) == [
        key.id for key in organization.api_keys(now) if key.status == status
    ]


def test_users_are_filtered_by_role(client: httpx.Client, organization: SimulatedOrganization) -> None:
    assert ids_of(client, "users", **{"roles[]": "billing"}) == [
        user.id for user in organization.users if user.role == "billing"
    ]


def test_service_accounts_are_paged_by_token(client: httpx.Client, organization: SimulatedOrganization) -> None:
    params = {"limit": "2", "include_archived": "true"}
    first = client.get("service_accounts", params=params).json()
    second = client.get("service_accounts", params={**params, "page": first["next_page"]}).json()
    assert second["next_page"] is None
    assert first.keys() == {"data", "next_page"}
    listed = [account["id"] for account in first["data"] + second["data"]]
    assert listed == [account.id for account in organization.service_accounts]
    active = client.get("service_accounts").json()["data"]
    assert {account["archived_at"] for account in active} == {None}


def test_the_names_in_usage_are_in_the_lists(organization: SimulatedOrganization, client: httpx.Client) -> None:
    body = client.get(
        "usage_report/messages",
        params=httpx.QueryParams(
            [
                ("starting_at", "2026-11-19T00:00:00Z"),
                ("group_by[]", "api_key_id"),
                ("group_by[]", "account_id"),
                ("group_by[]", "workspace_id"),
                ("group_by[]", "service_account_id"),
            ]
        ),
    ).json()
    results = body["data"][0]["results"]
    assert {result["api_key_id"] for result in results} - {None} <= set(ids_of(client, "api_keys"))
    assert {result["account_id"] for result in results} - {None} <= set(ids_of(client, "users"))
    assert {result["workspace_id"] for result in results} - {None} <= set(ids_of(client, "workspaces"))
    accounts = {account.id for account in organization.service_accounts}
    assert {result["service_account_id"] for result in results} - {None} <= accounts
