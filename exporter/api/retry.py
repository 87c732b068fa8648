"""When to ask again, and after how long (https://platform.claude.com/docs/en/api/errors and /rate-limits)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from exporter.contract.state import Reason

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 8.0


def should_retry(status: int, headers: Mapping[str, str], reason: Reason | None = None) -> bool:
    """`x-should-retry` decides; without it the status does, as in the official SDKs.

    A 403 or 404 that is no refusal of the API's own, as its reason says, comes of an edge or a proxy and may pass.
    """
    match headers.get("x-should-retry", "").lower():
        case "true":
            return True
        case "false":
            return False
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return reason is Reason.REQUEST
    return status in (408, 409, 429) or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def backoff_seconds(attempt: int, fraction: float) -> float:
    """Exponential back-off with full jitter: `fraction` (0 to 1) of the delay after the `attempt`-th try (from 0)."""
    return fraction * min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0**attempt)


def asked_delay_seconds(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """The delay that the API asks for, from the first of its headers that makes sense; None when there is none."""
    for header, parse in (
        ("retry-after-ms", _milliseconds),
        ("retry-after", _seconds_or_date),
        ("anthropic-ratelimit-requests-reset", _rfc3339),
    ):
        if header == "anthropic-ratelimit-requests-reset" and status != HTTPStatus.TOO_MANY_REQUESTS:
            continue  # every answer has it: it says when the limit is whole again, not when an outage is over
        if (text := headers.get(header)) is not None:
            seconds = parse(text, now)
            if seconds is not None and math.isfinite(seconds) and seconds >= 0:
                return seconds
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _milliseconds(text: str, _now: datetime) -> float | None:
    number = _number(text)
    return None if number is None else number / 1000


def _seconds_or_date(text: str, now: datetime) -> float | None:
    number = _number(text)
    if number is not None:
        return number
    try:
        return _until(parsedate_to_datetime(text), now)
    except (ValueError, OverflowError):
        return None


def _rfc3339(text: str, now: datetime) -> float | None:
    try:
        return _until(datetime.fromisoformat(text), now)
    except ValueError:
        return None


def _until(moment: datetime, now: datetime) -> float:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
