"""Who is in which workspace, who is invited, and how many use Claude: shaped as the Admin API lists them."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from exporter.demo.simulation.directory import FOUNDED, identifier
from exporter.demo.simulation.entities import Invite, InviteStatus, Member, User, Workspace

ROLES = ("workspace_developer", "workspace_user", "workspace_restricted_developer", "workspace_billing")
ADMINS = ("primary_owner", "admin")
INVITE_LIVES = timedelta(days=21)
# State, and how many days ago it was sent.
INVITES: Sequence[tuple[InviteStatus, int]] = (
    *(("pending", days) for days in (3, 12, 19)),
    *(("accepted", days) for days in (30, 45)),
    ("expired", 40),
)
DAY = timedelta(days=1)
PRODUCTS = {"chat": 0.7, "claude_code": 0.5, "cowork": 0.2}
WEEKEND, SATURDAY = 0.2, 5


def members_of(seed: int, workspace: Workspace, users: Sequence[User]) -> list[Member]:
    """Admins are in every workspace, about half of the others in each."""
    rng = Random(f"{seed}/members of {workspace.id}")

    def member(user: User) -> Member | None:
        is_in, role = rng.random() < 1 / 2, rng.choice(ROLES)
        if user.role in ADMINS:
            is_in, role = True, "workspace_admin"
        return Member(user_id=user.id, workspace_id=workspace.id, workspace_role=role) if is_in else None

    return [found for user in users if (found := member(user))]


def invites_at(seed: int, at: datetime) -> list[Invite]:
    """There are always some that wait for their answer."""
    rng = Random(f"{seed}/invites")
    today = at.replace(hour=9, minute=0, second=0, microsecond=0) - DAY

    def invite(position: int, status: InviteStatus, days: int) -> Invite:
        sent = today - days * DAY
        return Invite(
            id=identifier("invite", rng),
            email=f"invited.{position}@example.com",
            role=rng.choice(("developer", "claude_code_user", "user")),
            status=status,
            invited_at=sent,
            expires_at=sent + INVITE_LIVES,
            accepted_at=sent + DAY if status == "accepted" else None,
        )

    return [invite(position, *each) for position, each in enumerate(INVITES)]


def summaries(seed: int, users: int, start: date, end: date) -> Iterator[dict[str, Any]]:
    """A row for each day from the start on and before the end, as `analytics/summaries` has them."""
    for number in range((end - start).days):
        day = start + number * DAY
        rng = Random(f"{seed}/engagement/{day}")
        busy = (WEEKEND if day.weekday() >= SATURDAY else 1) * rng.uniform(0.6, 0.75) if day >= FOUNDED else 0
        daily, weekly, monthly = int(users * busy), int(users * 0.85), int(users * 0.95)
        active = {"daily": daily, "weekly": weekly, "monthly": monthly}
        yield {
            "starting_at": f"{day}T00:00:00Z",
            "ending_at": f"{day + DAY}T00:00:00Z",
            "assigned_seat_count": users,
            "pending_invite_count": sum(status == "pending" for status, _ in INVITES),
            **{f"{period}_active_user_count": count for period, count in active.items()},
            **{f"{period}_adoption_rate": round(100 * count / max(users, 1), 1) for period, count in active.items()},
            **{
                f"{product}_{period}_active_user_count": int(share * count)
                for product, share in PRODUCTS.items()
                for period, count in active.items()
            },
        }
