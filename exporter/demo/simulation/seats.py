"""Who uses Claude Code, and where."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from exporter.demo.simulation.claude_code import ApiActor, UserActor
from exporter.demo.simulation.directory import Directory, claude_code_key_name, claude_code_users, is_api_actor

TERMINALS = ("vscode", "iTerm.app", "tmux", "ghostty", "WezTerm", "Apple_Terminal", "cursor", "JetBrains-JediTerm")


class Seat(NamedTuple):
    """A place an actor works at; each has its own record a day. `pace` is its usual number of sessions."""

    actor: UserActor | ApiActor
    customer_type: str
    subscription_type: str | None
    terminal_type: str
    is_remote: bool
    line: str
    pace: float
    whole_cents: bool


def _actors(count: int, directory: Directory) -> Iterator[UserActor | ApiActor]:
    users = iter(claude_code_users(directory))
    for position in range(count):
        if is_api_actor(position):
            yield ApiActor(claude_code_key_name(position))
        else:
            yield UserActor(next(users).email)


def _seats_of(actor: UserActor | ApiActor, rng: Random) -> Iterator[Seat]:
    line = rng.choice(("opus", "sonnet", "sonnet", "fable"))
    pace = rng.lognormvariate(0.6, 0.5)
    whole_cents = rng.random() < 0.3
    if isinstance(actor, ApiActor):
        yield Seat(actor, "api", None, "non-interactive", False, "sonnet", 3 * pace, whole_cents)
        return
    subscription = rng.choice(("team", "enterprise")) if rng.random() < 0.7 else None
    customer = "subscription" if subscription else "api"
    for terminal in rng.sample(TERMINALS, rng.choice((2, 2, 3))):
        yield Seat(actor, customer, subscription, terminal, False, line, pace, whole_cents)
    if rng.random() < 0.4:
        yield Seat(actor, customer, subscription, "remote", True, line, pace / 2, whole_cents)


def build_seats(seed: int, actors: int, directory: Directory) -> list[Seat]:
    rng = Random(f"{seed}/claude-code")
    return [seat for actor in _actors(actors, directory) for seat in _seats_of(actor, rng)]
