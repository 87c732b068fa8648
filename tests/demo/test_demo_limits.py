from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from exporter.demo.simulation.organization import SimulatedOrganization

Pages = Callable[..., list[list[Any]]]
NEWER = {"anthropic-version": "2026-10-21"}


def test_without_a_limit_all_come_on_one_page(client: httpx.Client, organization: SimulatedOrganization) -> None:
    body = client.get("rate_limits", headers=NEWER).json()
    assert body == {"data": msgspec.to_builtins(list(organization.rate_limits)), "next_page": None}
    assert body["data"][0].keys() == {"id", "type", "group", "models", "limits"}


@pytest.mark.parametrize("limit", [1, 5, 1000])
def test_pages_lead_to_all(client: httpx.Client, organization: SimulatedOrganization, pages: Pages, limit: int) -> None:
    found = pages(client, "rate_limits", [("limit", limit)], **NEWER)
    assert [row["id"] for page in found for row in page] == [row.id for row in organization.rate_limits]
    assert max(map(len, found)) <= limit


def test_the_older_version_has_the_group_type_in_the_entry(client: httpx.Client) -> None:
    rows = client.get("rate_limits").json()["data"]
    assert all(row["group_type"] == row["group"]["type"] for row in rows)


def test_only_groups_of_models_have_a_name_and_models_and_a_model_is_in_one(
    organization: SimulatedOrganization,
) -> None:
    of_models = [row for row in organization.rate_limits if row.group.type == "model_group"]
    others = [row for row in organization.rate_limits if row.group.type != "model_group"]
    assert all(row.group.display_name for row in of_models)
    assert not any(row.group.display_name or row.models for row in others)
    models = [model for row in of_models for model in row.models or ()]
    assert len(set(models)) == len(models) > len(of_models)


def test_a_group_has_the_same_id_in_every_organization_and_an_entry_has_not(
    organization: SimulatedOrganization,
) -> None:
    other = SimulatedOrganization(seed=2).rate_limits
    assert [row.group for row in organization.rate_limits] == [row.group for row in other]
    assert not {row.id for row in organization.rate_limits} & {row.id for row in other}


def test_they_are_chosen_by_type_and_by_model_or_its_alias(client: httpx.Client) -> None:
    (batch,) = client.get("rate_limits", params={"group_type": "batch"}).json()["data"]
    assert (batch["group"]["type"], batch["models"]) == ("batch", None)
    by_model, by_alias = (
        client.get("rate_limits", params={"model": model}).json()["data"]
        for model in ("claude-haiku-4-5-20251001", "claude-haiku-4-5")
    )
    assert by_model == by_alias
    assert [row["group"]["display_name"] for row in by_model] == ["Claude Haiku 4.x"]
    assert client.get("rate_limits", params={"model": "claude-9"}).status_code == 404


# Of a workspace


def of_workspace(client: httpx.Client, workspace_id: str, **params: str) -> list[dict[str, Any]]:
    answer = client.get(f"workspaces/{workspace_id}/rate_limits", params=params)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    assert {(row["workspace_id"], row["type"]) for row in rows} <= {(workspace_id, "workspace_rate_limit")}
    return rows


def test_only_its_own_are_listed_unless_inherited_ones_are_asked_for(
    client: httpx.Client, organization: SimulatedOrganization
) -> None:
    without, having = organization.workspaces[:2]
    every = {(row.id, each.type): each.value for row in organization.rate_limits for each in row.limits}
    assert of_workspace(client, without.id) == of_workspace(client, organization.default_workspace.id) == []
    own = of_workspace(client, having.id)
    assert {each["source"]["type"] for row in own for each in row["limits"]} == {"workspace"}
    assert {each["value"] < each["org_limit"] for row in own for each in row["limits"]} == {True, False}
    for workspace in (without, having, organization.default_workspace):
        rows = of_workspace(client, workspace.id, include_inherited="true")
        found = {(row["rate_limit_id"], each["type"]): each for row in rows for each in row["limits"]}
        assert {key: each["org_limit"] for key, each in found.items()} == every
        inherited = [(key, each) for key, each in found.items() if each["source"]["type"] == "organization"]
        assert all(each["value"] == every[key] for key, each in inherited)
        assert (len(inherited) == len(every)) == (workspace is not having)


def test_they_are_chosen_by_type_paged_and_refused_for_an_unknown_workspace(
    client: httpx.Client, organization: SimulatedOrganization, pages: Pages
) -> None:
    workspace_id = organization.workspaces[1].id
    (batch,) = of_workspace(client, workspace_id, include_inherited="true", group_type="batch")
    assert batch["group"]["type"] == "batch"
    path = f"workspaces/{workspace_id}/rate_limits"
    found = pages(client, path, [("limit", 3), ("include_inherited", "true")])
    assert [row["group"]["id"] for page in found for row in page] == [row.group.id for row in organization.rate_limits]
    assert client.get("workspaces/wrkspc_unknown/rate_limits").status_code == 404
    token = client.get(path, params={"limit": "1", "include_inherited": "true"}).json()["next_page"]
    other = f"workspaces/{organization.workspaces[3].id}/rate_limits"
    assert client.get(other, params={"limit": "1", "include_inherited": "true", "page": token}).status_code == 400
