"""The records of Claude Code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.contract.metric import Number
from exporter.contract.untracked import Untracked

# Whatever the API says.
Told = str | bool | int | float | None


class Actor(Untracked):
    kind: str
    address: str | None = None
    key_name: str | None = None
    account_id: str | None = None
    subject: str | None = None

    @property
    def name(self) -> str | None:
        return self.address or self.key_name or self.account_id or self.subject


class Lines(Untracked):
    added: Number
    removed: Number


class Core(Untracked):
    sessions: Number
    lines: Lines
    commits: Number
    pull_requests: Number


class Decisions(Untracked):
    accepted: Number
    rejected: Number


class Tokens(Untracked):
    uncached_input: Number
    output: Number
    cache_read: Number
    cache_write: Number


class Estimate(Untracked):
    """Cents; the text of a float is the API's own decimal number."""

    cents: Number


class ModelUse(Untracked):
    model: str | None
    tokens: Tokens
    estimate: Estimate


class Activity(Untracked):
    """What an actor did in a terminal on a day, by tool and by model."""

    actor: Actor
    core: Core
    tools: Mapping[str, Decisions]
    models: Sequence[ModelUse]
    customer_type: str | None = None
    terminal: str | None = None
    subscription_type: Told = None
    is_remote: Told = None


class ReadPage(Untracked):
    """A page of a day as it was read: its bytes' digest, where it goes on, and how many of the day's rows it had."""

    digest: bytes
    has_more: bool
    next_page: str | None
    rows: int
