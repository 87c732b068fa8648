"""All families, in the order of the exposition."""

from __future__ import annotations

from exporter.contract import claude_code, clock, cost, hours, inventory, limits, members, nowcast, own, usage

# Scrapers that cut off a long answer keep its beginning: cost, then how the exporter is doing.
CHAPTERS = (
    cost.FAMILIES,
    nowcast.FAMILIES,
    own.FAMILIES,
    usage.FAMILIES,
    hours.FAMILIES,
    claude_code.FAMILIES,
    inventory.FAMILIES,
    members.FAMILIES,
    limits.FAMILIES,
    clock.FAMILIES,
)
