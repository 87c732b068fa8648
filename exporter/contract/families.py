"""All families, in the order of the exposition, and whose they are."""

from __future__ import annotations

from exporter.contract import activity_metrics, clock, cost, hours, inventory, limits, members, nowcast, own, usage
from exporter.contract.metric import Declared

# Scrapers that cut off a long answer keep its beginning: cost, then how the exporter is doing.
CHAPTERS: tuple[tuple[Declared, ...], ...] = (
    cost.FAMILIES,
    nowcast.FAMILIES,
    own.FAMILIES,
    usage.FAMILIES,
    hours.FAMILIES,
    activity_metrics.FAMILIES,
    inventory.FAMILIES,
    members.FAMILIES,
    limits.FAMILIES,
    clock.FAMILIES,
)
OWN: tuple[Declared, ...] = (*own.FAMILIES, *clock.FAMILIES)  # that belong to no collector
OF_COLLECTORS: dict[str, tuple[Declared, ...]] = {
    "cost": cost.FAMILIES,
    "nowcast": nowcast.FAMILIES,
    "usage": usage.FAMILIES,
    "hours": hours.FAMILIES,
    "claude_code": activity_metrics.FAMILIES,
    "organization": inventory.FAMILIES,
    "members": members.FAMILIES,
    "limits": limits.FAMILIES,
}
