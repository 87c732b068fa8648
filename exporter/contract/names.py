"""Names by ID: the API's reports name workspaces, API keys and people by their IDs alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.contract.labels import NONE

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True)
class Names:
    """An ID without a name stands for itself."""

    workspaces: Mapping[str, str] = field(default_factory=dict)
    api_keys: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    service_accounts: Mapping[str, str] = field(default_factory=dict)
    default_workspace_id: str | None = None

    def workspace(self, workspace_id: str | None) -> tuple[str, str]:
        """(name, ID); the default workspace is `default` whichever way the API names it."""
        if workspace_id is None or workspace_id == self.default_workspace_id:
            return DEFAULT_WORKSPACE, DEFAULT_WORKSPACE
        return named(self.workspaces, workspace_id)


def named(names: Mapping[str, str], identifier: str | None) -> tuple[str, str]:
    """(name, ID) of a dimension's value; null is `none`."""
    if identifier is None:
        return NONE, NONE
    return names.get(identifier) or identifier, identifier
