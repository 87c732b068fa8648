"""How often the API is polled: no endpoint more than once a minute, whoever asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from exporter.settings.sources import flag_of, name_of
from exporter.settings.values import SHORTEST_INTERVAL_SECONDS

if TYPE_CHECKING:
    from exporter.settings.model import Settings

HOUR_SECONDS = 3600
HOURS_INTERVAL_SECONDS = 300  # at the least


def too_often(settings: Settings, values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the intervals, for the real API."""
    others = _others_of_usage(settings) if settings.usage.enabled else {}
    beside = f" beside {' and '.join(others)}, which {'poll' if len(others) > 1 else 'polls'} the same report"
    is_refused = False
    for section, collector in settings.enabled().items():
        is_shared = section == "usage" and bool(others)
        shortest = SHORTEST_INTERVAL_SECONDS * (2 if is_shared else 1)
        if collector.interval_seconds < shortest:
            is_refused = True
            name, got = name_of((section, "interval_seconds"), values), values[section]["interval_seconds"]
            yield f"{name}: must be at least {shortest} for the real API{beside if is_shared else ''}, got {got!r}"
    # Where usage comes every 150 s, two whole minutes do not fit between its polls: one is left for the others.
    interval = settings.usage.interval_seconds
    left = (interval // SHORTEST_INTERVAL_SECONDS - 1) / interval
    wanted = sum(1 / seconds for seconds in others.values())
    if not is_refused and wanted > left:
        yield (
            f"{flag_of(('usage', 'interval_seconds'))}: {interval:g} leaves {left * HOUR_SECONDS:.0f} polls an hour of "
            f"the usage report to {' and '.join(others)}, which want {wanted * HOUR_SECONDS:.0f}: make one of these "
            "intervals longer"
        )


def _others_of_usage(settings: Settings) -> dict[str, float]:
    """Who polls the usage report beside usage, and how often, in seconds."""
    found = {}
    if settings.has_nowcast:
        found["the nowcast"] = settings.nowcast.interval_seconds
    if settings.limits.enabled:
        found["the minutes of the limits"] = settings.limits.interval_seconds
    if settings.usage.hours:
        found["the hours"] = max(settings.usage.interval_seconds, HOURS_INTERVAL_SECONDS)
    return found
