"""The organization's spend limits, shaped as the Admin API (version 2026-10-21) lists them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from random import Random

import msgspec

from exporter.demo.simulation.directory import FOUNDED, identifier
from exporter.demo.simulation.entities import Workspace

CENTS = 100
TIER_USD, ORGANIZATION_USD = 200_000, 30_000
# By the workspaces' order: above what each spends in an ordinary month. One is switched off, one has no number.
WORKSPACES: Sequence[tuple[int | None, bool]] = ((13_000, True), (7_000, True), (1_000, False), (None, True))


class SpendScope(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    workspace_id: str | None = None


class SpendLimit(msgspec.Struct, frozen=True, tag_field="type", tag="spend_limit"):
    id: str
    amount: str | None
    currency: str
    is_enabled: bool
    period: str
    scope: SpendScope
    created_at: datetime
    updated_at: datetime


def build_spend_limits(seed: int, workspaces: Iterable[Workspace]) -> tuple[SpendLimit, ...]:
    rng = Random(f"{seed}/spend limits")
    founded = datetime.fromisoformat(f"{FOUNDED}T09:00:00Z")

    def limit(scope: SpendScope, usd: int | None, *, is_enabled: bool = True) -> SpendLimit:
        cents = None if usd is None else str(usd * CENTS)
        return SpendLimit(identifier("spl", rng), cents, "USD", is_enabled, "monthly", scope, founded, founded)

    return (
        limit(SpendScope("usage_tier"), TIER_USD),
        limit(SpendScope("organization"), ORGANIZATION_USD),
        *(
            limit(SpendScope("workspace", workspace.id), usd, is_enabled=is_enabled)
            for workspace, (usd, is_enabled) in zip(workspaces, WORKSPACES, strict=False)
        ),
    )
