"""The one door for people: whatever names somebody goes through it."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256

from exporter.contract.labels import NONE
from exporter.contract.names import Names

ALL, UNMAPPED, HIDDEN = "all", "unmapped", "hidden"
API_KEY = "api_key"
SERVICE_ACCOUNT = "svac_"  # how their IDs begin
HASH_DIGITS = 16
EVERYBODY_OF = "*@"
ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"'/?=&]+@[^\s@<>()\[\],;:\"'/?=&]+\.[^\W\d_]{2,}[\w.-]*")

# From an e-mail address in lower case, or the ID of somebody who has none, to what is shown instead.
Disguise = Callable[[str], str]


def by_hash(key: bytes) -> Disguise:
    """The same person has the same hash wherever the key is the same."""

    @cache
    def hashed(who: str) -> str:
        return hmac.new(key, who.encode(), sha256).hexdigest()[:HASH_DIGITS]

    return hashed


def by_team(teams: Mapping[str, str]) -> Disguise:
    """By address, else by `*@domain`, all in lower case."""

    def team(who: str) -> str:
        return teams.get(who) or teams.get(EVERYBODY_OF + who.rpartition("@")[2]) or UNMAPPED

    return team


def everybody(_: str) -> str:
    return ALL


def who(name: str | None, kind: str) -> str:
    """Whom a name of Claude Code's is of; `kind` is the label `actor_type`."""
    return (name or NONE) if kind == API_KEY else (name or NONE).lower()


def without_addresses(text: str) -> str:
    return ADDRESS.sub(HIDDEN, text) if "@" in text else text


class People:
    """Shows people as the mode says; in lower case, for addresses that differ in case alone are one person's.

    `disguise` may be another later on: whoever keeps text made with it compares it.
    """

    def __init__(self, disguise: Disguise | None = None, *, hides_keys: bool = False) -> None:
        self.disguise = disguise
        self._hides_keys = hides_keys

    def actor(self, name: str | None, kind: str) -> str:
        """Who uses Claude Code: the label `actor`; `kind` is the label `actor_type`."""
        if not name:
            return NONE
        if kind == API_KEY:
            return ALL if self._hides_keys else self.text(name)
        return who(name, kind) if self.disguise is None else self.disguise(who(name, kind))

    def account(self, names: Names, account_id: str | None) -> tuple[str, str]:
        """Whose usage it is: the labels `actor` and `actor_id`; disguised, they are one and the same."""
        if account_id is None:
            return NONE, NONE
        email = names.users.get(account_id, "").lower()
        if self.disguise is None:
            return email or account_id, account_id
        shown = self.disguise(email or account_id)
        return shown, shown

    def creator(self, names: Names, creator_id: str | None) -> str:
        """Who made an API key: the label `created_by`."""
        if creator_id is None:
            return NONE
        if self.disguise is None:
            return creator_id
        if creator_id in names.service_accounts or creator_id.startswith(SERVICE_ACCOUNT):
            return ALL if self._hides_keys else creator_id
        return self.disguise(names.users.get(creator_id, "").lower() or creator_id)

    def text(self, name: str) -> str:
        """The name of something that is no person; where people are disguised, without addresses."""
        return name if self.disguise is None else without_addresses(name)
