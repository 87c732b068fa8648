"""The one door for people: whatever names somebody in a label goes through it."""

from __future__ import annotations

from exporter.contract.labels import NONE
from exporter.contract.names import Names, named


class People:
    """Shows people by the name that the API has for them: e-mail address, name of the API key, ID."""

    def actor(self, name: str | None) -> str:
        """Who uses Claude Code: the label `actor`."""
        return name or NONE

    def account(self, names: Names, account_id: str | None) -> tuple[str, str]:
        """Whose usage it is: the labels `actor` and `actor_id`."""
        return named(names.users, account_id)

    def creator(self, creator_id: str | None) -> str:
        """Who made an API key: the label `created_by`."""
        return creator_id or NONE
