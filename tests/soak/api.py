"""The demo's Admin API, undisturbed: several pages of everything, in some states of its organization."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from exporter.demo.api.endpoints import Endpoints, Incoming
from exporter.demo.api.errors import ApiError, error_body
from exporter.demo.api.reports import Reports
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.soak.kinds import JSON, Json, Reply, rows_of
from tests.soak.paging import ALIAS

OF_MINUTES = "60"
CURSORS = ("page", "after_id")
# So small that every list and report has several pages.
LIMITS = {
    "usage_report/messages": "2",
    "cost_report": "19",
    "usage_report/claude_code": "2",
    "workspaces": "2",
    "api_keys": "5",
    "users": "4",
    "service_accounts": "2",
    "rate_limits": "5",
    "invites": "2",
    "spend_limits": "2",
    "workspaces/{workspace_id}/members": "4",
}
OWN_KEY = "sk-ant-admin01-the-demo-s-own"
# A report that is late, or that has been revised, differs from the prompt one in its two newest days.
LAGS = {"prompt": timedelta(minutes=5), "late": timedelta(hours=7), "spike": timedelta(minutes=5)}


class SimulatedApi:
    """What it says depends on the turn alone; it takes the newest key only."""

    def __init__(self, key_file: Path) -> None:
        self.now = self.billed_at = datetime.fromisoformat("2026-11-09T00:00:00Z")
        self.state = "prompt"
        self.revision = 0
        self._key_file = key_file
        self._keys = 0
        self.rotate()
        organizations = {
            state: SimulatedOrganization(seed=5, actors=5, workspaces=3, spike=state == "spike") for state in LAGS
        }
        self.default_id = organizations["prompt"].default_workspace.id
        self._endpoints = {
            state: Endpoints(
                organization,
                Reports(organization, usage_lag=LAGS[state], cost_lag=LAGS[state], claude_code_lag=LAGS[state]),
                key=OWN_KEY,
                forbidden=frozenset(),
            )
            for state, organization in organizations.items()
        }

    def turn(self, now: datetime, state: str, revision: int) -> None:
        """Bills of old days are revised at any moment, and read again hourly: here only an hour after a turn."""
        if not timedelta() <= now - self.now < timedelta(hours=1):
            self.billed_at = now
        self.now, self.state, self.revision = now, state, revision

    def rotate(self) -> None:
        """Another key, in the file too."""
        self._keys += 1
        self.key = f"sk-ant-admin01-soak-{self._keys}"
        self._key_file.write_text(self.key, encoding="utf-8")

    def answer(
        self, endpoint: str, items: list[tuple[str, str]], headers: Mapping[str, str], ids: Mapping[str, str]
    ) -> Reply:
        given = headers.get("x-api-key")
        own = {**headers, "x-api-key": OWN_KEY if given == self.key else str(given)}
        params = [pair for name, value in items if (pair := _translated(endpoint, name, value))]
        at = self.billed_at if endpoint == "cost_report" else self.now
        try:
            answer = self._endpoints[self.state].answer(Incoming(endpoint, params, own, at, ids))
        except ApiError as error:
            extra = tuple(error.headers.items())
            return Reply(error_body(error.status, error.message, "req_soak", error.code), error.status, (JSON, *extra))
        return Reply(revised(answer.body, endpoint, self.revision))


def placed(path: str) -> tuple[str, dict[str, str]]:
    """The endpoint's name, and the IDs that its path has."""
    found = re.fullmatch("workspaces/([^/]+)/(rate_limits|members)", path)
    return (f"workspaces/{{workspace_id}}/{found[2]}", {"workspace_id": found[1]}) if found else (path, {})


def _translated(endpoint: str, name: str, value: str) -> tuple[str, str] | None:
    if name == "limit":
        return name, value if value == OF_MINUTES else LIMITS[endpoint]
    if name in CURSORS and value.startswith(ALIAS):
        *_, value = value.split(".", 2)
        return (name, value) if value else None
    return name, value


def revised(body: bytes, endpoint: str, revision: int) -> bytes:
    """As the organization is in that revision: names change, and roles."""
    if endpoint not in (*LIMITS, "me") or "report" in endpoint:
        return body
    answer: Json = json.loads(body)
    for row in rows_of(answer):
        if "name" in row:
            row["name"] = f"{row['name']} {revision}"
    for row in rows_of(answer)[:1]:
        for role in {"role", "organization_role"} & row.keys():
            row[role] = f"role_{revision}"
    return json.dumps(answer).encode()
