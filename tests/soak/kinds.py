"""What a fault is: how it spoils an answer, and what an exporter may make of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal

JSON = ("content-type", "application/json")
# In bodies and headers of faults; none of them may show up anywhere.
MARKER = "s3cret-marker"
EMAIL = "leaked.person@example.net"
OTHER_KEY = "sk-ant-admin01-leaked-0123456789"
SECRETS = (MARKER, EMAIL, OTHER_KEY)

REPORTS = ("usage_report/messages", "cost_report", "usage_report/claude_code")
ID_LISTS = ("workspaces", "api_keys", "users", "invites")
TOKEN_LISTS = ("service_accounts", "rate_limits", "spend_limits")
LISTS = (*ID_LISTS, *TOKEN_LISTS)
PAGED = (*REPORTS, *LISTS)
SUMMARIES, MEMBERS = "analytics/summaries", "workspaces/{workspace_id}/members"
LIMITS_OF_WORKSPACE = "workspaces/{workspace_id}/rate_limits"
MINUTES = "usage_report/messages by the minute"  # has faults of its own: the limits read it, and usage does not
ENDPOINTS = (*PAGED, "me", SUMMARIES, MEMBERS, LIMITS_OF_WORKSPACE, MINUTES)
COLLECTORS = {
    "usage": ("usage_report/messages",),
    "cost": ("cost_report",),
    "claude_code": ("usage_report/claude_code",),
    "organization": ("me", *ID_LISTS, "service_accounts", SUMMARIES),
    "members": (MEMBERS,),
    "limits": ("rate_limits", LIMITS_OF_WORKSPACE, "spend_limits", MINUTES),
}
# Nothing is known of these without those.
NEEDS = {LIMITS_OF_WORKSPACE: ("workspaces",), MEMBERS: ("workspaces",), MINUTES: ("rate_limits",)}

Json = dict[str, Any]
End = Literal["keep", "close", "reset", "stall", "refuse"]


@dataclass(frozen=True)
class Reply:
    """An answer that is still HTTP."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (JSON,)

    def having(self, *headers: tuple[str, str]) -> Reply:
        return replace(self, headers=self.headers + headers)


@dataclass(frozen=True)
class Wire:
    """Bytes for the socket, a pause after each piece, and what becomes of the connection after the last."""

    pieces: tuple[bytes, ...] = ()
    pause_seconds: float = 0
    end: End = "close"


# None: the answer has no such place, and the fault waits for another one.
Act = Callable[[Reply], "Reply | Wire | None"]


class Effect(Enum):
    """What one hit makes of a refresh."""

    HARMLESS = "it succeeds"
    PASSING = "it may be tried again in vain: when every answer is so, it fails"
    FATAL = "it fails"
    EITHER = "it fails, or it succeeds with the whole truth"


@dataclass(frozen=True)
class Kind:
    """`clean` makes the undisturbed answer that says the same as a harmless fault's: none where that is the API's.

    `refusal`: where the endpoint was never served, this means that it is not. `always`: meant for every answer.
    `rotates`: the key is another one from here on. `slow` ones take seconds. `wire`: not all of its requests are seen
    on both sides.
    """

    name: str
    act: Act
    effect: Effect
    reasons: frozenset[str] = frozenset()
    endpoints: tuple[str, ...] = ENDPOINTS
    clean: Act | None = None
    refusal: bool = False
    always: bool = False
    rotates: bool = False
    slow: bool = False
    wire: bool = False


def harmless(name: str, act: Act, **more: Any) -> Kind:  # noqa: ANN401  the fields of Kind
    return Kind(name, act, Effect.HARMLESS, **more)


def passing(name: str, act: Act, *reasons: str, **more: Any) -> Kind:  # noqa: ANN401  the fields of Kind
    return Kind(name, act, Effect.PASSING, frozenset(reasons), **more)


def fatal(name: str, act: Act, *reasons: str, **more: Any) -> Kind:  # noqa: ANN401  the fields of Kind
    return Kind(name, act, Effect.FATAL, frozenset(reasons), **more)


def either(name: str, act: Act, *reasons: str, **more: Any) -> Kind:  # noqa: ANN401  the fields of Kind
    return Kind(name, act, Effect.EITHER, frozenset(reasons), **more)


def edited(edit: Callable[[Json], object]) -> Act:
    """The page with an edit, which says False where there is no place for it."""

    def act(reply: Reply) -> Reply | None:
        answer = json.loads(reply.body)
        if reply.status != 200 or edit(answer) is False:
            return None
        return replace(reply, body=json.dumps(answer).encode())

    return act


def rows_of(answer: Json) -> list[Json]:
    """The rows of a page: of the first bucket that has any, in a list all of them, and of `me` itself."""
    if "data" not in answer:
        return [answer]
    data: list[Json] = answer["data"]
    if data and "results" in data[0]:
        return next((bucket["results"] for bucket in data if bucket["results"]), [])
    return data


def row(edit: Callable[[Json], object]) -> Act:
    """The page with an edit of its first row."""
    return edited(lambda answer: edit(rows_of(answer)[0]) if rows_of(answer) else False)


def setting(name: str, value: object) -> Act:
    """The first row with a field of another value; a dotted name leads into it."""

    def edit(found: Json) -> object:
        *path, last = name.split(".")
        for step in path:
            found = found[step]
        found[last] = value
        return True

    return row(edit)


def prefixed(name: str) -> Act:
    """The first row with a value that nobody knows; what was two things stays two."""

    def edit(found: Json) -> object:
        found[name] = f"invented_{found[name]}"
        return True

    return row(edit)


def without(name: str) -> Act:
    """The first row without a field."""
    return row(lambda found: found.pop(name, None) is not None)


def raw(before: bytes, after: bytes) -> Act:
    """The first such bytes of the body replaced."""
    return lambda reply: replace(reply, body=reply.body.replace(before, after, 1)) if before in reply.body else None


def then(first: Act, second: Act) -> Act:
    def act(reply: Reply) -> Reply | Wire | None:
        between = first(reply)
        return second(between) if isinstance(between, Reply) else between

    return act
