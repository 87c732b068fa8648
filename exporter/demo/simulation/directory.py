"""Who and what belongs to the organization: workspaces, API keys, users, service accounts."""

from datetime import UTC, date, datetime, timedelta
from random import Random

import msgspec

from exporter.demo.simulation.entities import (
    ApiKey,
    Creator,
    KeyStatus,
    Me,
    OrganizationRole,
    OrganizationScope,
    ServiceAccount,
    User,
    Workspace,
    WorkspaceScope,
)
from exporter.demo.simulation.people import person_name

FOUNDED = date(2026, 1, 5)
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

WORKSPACES = ("Production", 'R&D "α"', "Legacy Chatbot", "Claude Code", "Data Platform", "Evaluations")  # noqa: RUF001  on purpose
ARCHIVED = "Legacy Chatbot"
ARCHIVED_AT = datetime(2026, 8, 14, 15, 30, tzinfo=UTC)
# Some workspaces have none, or not all.
TAGS = {
    "Production": {"team": "Product", "cost_center": "1000"},
    WORKSPACES[1]: {"team": "Research", "cost_center": "2000"},
    "Claude Code": {"team": "Engineering", "cost_center": "3000"},
    "Data Platform": {"team": "Engineering", "cost_center": "3000"},
    "Evaluations": {"team": "Research"},
}
COLORS = ("#6C5BB9", "#C96442", "#2E7D32", "#1565C0", "#AD1457", "#F9A825")

ROTATED_EVERY = timedelta(days=14)

STAFF_ROLES = ("primary_owner", "admin", "billing", "developer", "membership_admin")
EVERY_API_ACTOR = 7


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """`workspaces` does not hold the default one. Each workspace has at least two keys, its traffic's keys first.

    `api_keys` are as they were made. `rotated_key` is the first of a line of keys that each live for a fortnight.
    """

    me: Me
    default_workspace: Workspace
    workspaces: tuple[Workspace, ...]
    api_keys: tuple[ApiKey, ...]
    rotated_key: ApiKey
    users: tuple[User, ...]
    service_accounts: tuple[ServiceAccount, ...]

    def keys_of(self, workspace: Workspace) -> list[ApiKey]:
        return [key for key in self.api_keys if key.workspace_id == workspace.id]

    def api_keys_at(self, at: datetime) -> tuple[ApiKey, ...]:
        return (*(key.as_of(at) for key in self.api_keys), _successor(self.rotated_key, at))


def identifier(prefix: str, rng: Random) -> str:
    return f"{prefix}_01" + "".join(rng.choices(ALPHABET, k=22))


def day_after_founding(days: int) -> datetime:
    return datetime(FOUNDED.year, FOUNDED.month, FOUNDED.day, 9, tzinfo=UTC) + timedelta(days=days)


def _me(rng: Random) -> Me:
    digits = f"{rng.getrandbits(128):032x}"
    uuid = "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "8" + digits[17:20], digits[20:]))
    return Me(id=uuid, name="Example Robotics")


def _workspace(name: str, age: int, rng: Random) -> Workspace:
    return Workspace(
        id=identifier("wrkspc", rng),
        name=name,
        # The founding day's first hours already have traffic.
        created_at=day_after_founding(0) - timedelta(hours=9) if age == 0 else day_after_founding(age % 30),
        archived_at=ARCHIVED_AT if name == ARCHIVED else None,
        display_color=COLORS[age % len(COLORS)],
        compartment_id=identifier("cmpt", rng),
        tags=TAGS.get(name, {}),
    )


def _workspace_names(count: int) -> list[str]:
    return [WORKSPACES[n] if n < len(WORKSPACES) else f"Team {n + 1}" for n in range(count)]


def is_api_actor(position: int) -> bool:
    """Whether the Claude Code actor at a position works with an API key rather than as a user."""
    return position % EVERY_API_ACTOR == EVERY_API_ACTOR - 1


def _user(position: int, role: str, rng: Random) -> User:
    first, last = person_name(position)
    return User(
        id=identifier("user", rng),
        email=f"{first}.{last}@example.com".lower(),
        name=f"{first} {last}",
        role=role,
        added_at=day_after_founding(position % 200),
    )


def _users(actors: int, rng: Random) -> list[User]:
    developers = sum(not is_api_actor(position) for position in range(actors))
    roles = [*STAFF_ROLES, *(rng.choice(("developer", "claude_code_user", "user")) for _ in range(developers))]
    return [_user(position, role, rng) for position, role in enumerate(roles)]


def claude_code_users(directory: Directory) -> tuple[User, ...]:
    return directory.users[len(STAFF_ROLES) :]


def claude_code_key_name(position: int) -> str:
    return f"claude-code-ci-{position // EVERY_API_ACTOR + 1}"


class _KeyMaker:
    def __init__(self, creators: list[User], rng: Random) -> None:
        self._creators = creators
        self._rng = rng

    def make(
        self,
        name: str,
        workspace: Workspace | None,
        status: KeyStatus = "active",
        expires_at: datetime | None = None,
    ) -> ApiKey:
        tail = "".join(self._rng.choices(ALPHABET, k=4))
        return ApiKey(
            id=identifier("apikey", self._rng),
            name=name,
            status=status,
            created_at=workspace.created_at if workspace else day_after_founding(0),
            expires_at=expires_at,
            created_by=Creator(self._rng.choice(self._creators).id) if self._rng.random() < 0.9 else None,
            partial_key_hint=f"sk-ant-api03-{tail[:3]}...{tail}",
            scope=WorkspaceScope(workspace.id) if workspace else OrganizationScope(),
        )


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def _api_keys(default: Workspace, workspaces: list[Workspace], actors: int, maker: _KeyMaker) -> list[ApiKey]:
    keys = [
        maker.make(f"{_slug(workspace.name)}-{purpose}", workspace, "archived" if workspace.archived_at else "active")
        for workspace in (default, *workspaces)
        for purpose in ("server", "pipeline")
    ]
    first, last = workspaces[0], workspaces[-1]
    keys.append(maker.make("hackathon", first, "active", day_after_founding(60)))
    keys.append(maker.make("load-test", last, "inactive"))
    keys.append(maker.make("old-gateway", first, "archived"))
    keys.append(maker.make("rotates-in-2027", first, "active", datetime(2027, 1, 31, tzinfo=UTC)))
    keys.append(maker.make("organization-wide", None))
    names = (claude_code_key_name(position) for position in range(actors) if is_api_actor(position))
    keys.extend(maker.make(name, first) for name in names)
    return keys


def _successor(first: ApiKey, at: datetime) -> ApiKey:
    """The key that works at an instant, where a new one takes the place of the one that expires."""
    number = max(0, (at - first.created_at) // ROTATED_EVERY)
    created_at = first.created_at + number * ROTATED_EVERY
    return msgspec.structs.replace(
        first,
        id=identifier("apikey", Random(f"{first.id}/{number}")),
        created_at=created_at,
        expires_at=created_at + ROTATED_EVERY,
    )


def _service_accounts(owner: User, rng: Random) -> list[ServiceAccount]:
    born, retired = day_after_founding(20), day_after_founding(150)

    def account(name: str, role: OrganizationRole, archived_at: datetime | None = None) -> ServiceAccount:
        return ServiceAccount(
            id=identifier("svac", rng),
            name=name,
            description=f"Used by {name}",
            organization_role=role,
            created_at=born,
            updated_at=archived_at or born,
            archived_at=archived_at,
            created_by_actor_id=owner.id,
        )

    return [account("ci", "developer"), account("terraform", "admin"), account("old-deployer", "developer", retired)]


def build_directory(seed: int, actors: int, workspaces: int) -> Directory:
    """The same directory for the same arguments; `workspaces` does not count the default one."""
    rng = Random(f"{seed}/directory")
    me = _me(rng)
    default = _workspace("Default", 0, rng)
    named = [_workspace(name, age, rng) for age, name in enumerate(_workspace_names(workspaces))]
    users = _users(actors, rng)
    keys = _KeyMaker(users[: len(STAFF_ROLES)], rng)
    return Directory(
        me=me,
        default_workspace=default,
        workspaces=tuple(named),
        api_keys=tuple(_api_keys(default, named, actors, keys)),
        users=tuple(users),
        service_accounts=tuple(_service_accounts(users[0], rng)),
        rotated_key=keys.make("rotated-fortnightly", named[0]),
    )
