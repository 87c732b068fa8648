"""Who is invited to the organization, and how many of its people use Claude."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from exporter.contract.labels import NONE
from exporter.contract.metric import Declared, Metric, Number, Sample

PENDING = "pending"


class Invite(NamedTuple):
    id: str
    role: str | None
    status: str | None
    expires_at: datetime | None


class Engagement(NamedTuple):
    """Of the newest day that is reported: active users by period and product (`all`), seats by state."""

    active_users: Mapping[tuple[str, str], Number]
    seats: Mapping[str, Number]


def _expiry(invite: Invite) -> Iterable[Sample]:
    if invite.status == PENDING and invite.expires_at:
        yield (invite.id, invite.role or NONE), invite.expires_at.timestamp()


INVITES: tuple[Metric[Invite], ...] = (
    Metric(
        "anthropic_organization_invites",
        "Invites to the organization by role and status",
        "invites",
        own=("role", "status"),
        api_fields="role, status",
        samples=lambda row: (((row.role or NONE, row.status or NONE), 1),),
    ),
    Metric(
        "anthropic_invite_expires_timestamp_seconds",
        "Unix time in seconds at which the pending invite expires",
        "Unix time",
        own=("invite_id", "role"),
        api_fields="expires_at",
        samples=_expiry,
    ),
)
ENGAGEMENT: tuple[Metric[Engagement], ...] = (
    Metric(
        "anthropic_organization_active_users",
        "Users who were active in the day, week or month that ends with the newest day of the engagement report, which "
        "Claude Enterprise has",
        "users",
        own=("period", "product"),
        api_fields="daily_active_user_count, weekly_active_user_count, monthly_active_user_count",
        samples=lambda row: row.active_users.items(),
    ),
    Metric(
        "anthropic_organization_seats",
        "Seats that are assigned, and invites to a seat that are pending, on the newest day of the engagement report, "
        "which Claude Enterprise has",
        "seats",
        own=("state",),
        api_fields="assigned_seat_count, pending_invite_count",
        samples=lambda row: (((state,), seats) for state, seats in row.seats.items()),
    ),
)
FAMILIES: tuple[Declared, ...] = (*INVITES, *ENGAGEMENT)
