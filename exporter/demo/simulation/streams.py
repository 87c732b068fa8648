"""Who in the organization sends what: the steady streams of Messages API traffic."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from exporter.demo.simulation.directory import Directory
from exporter.demo.simulation.entities import Workspace
from exporter.demo.simulation.prices import CACHE_READ, CACHE_WRITE_1H, CACHE_WRITE_5M, INPUT, OUTPUT
from exporter.demo.simulation.rhythm import CLOSED_WEEKENDS, NIGHTLY, OFFICE, SERVICE, Rhythm

USD_PER_WORKDAY = 1000.0
DEFAULT_WORKSPACE_SHARE = 0.12
LARGE_WORKSPACES = 3
SMALL_WORKSPACE_PATTERNS = 4

# Tokens of each type for one output token.
Mix = dict[str, float]
CHAT: Mix = {INPUT: 4, OUTPUT: 1, CACHE_READ: 12, CACHE_WRITE_5M: 1.5, CACHE_WRITE_1H: 0}
AGENT: Mix = {INPUT: 2, OUTPUT: 1, CACHE_READ: 70, CACHE_WRITE_5M: 3, CACHE_WRITE_1H: 2}
DOCUMENTS: Mix = {INPUT: 14, OUTPUT: 1, CACHE_READ: 0, CACHE_WRITE_5M: 0, CACHE_WRITE_1H: 0}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way of using the API. `share` is of the workspace's spend, `searches` are web searches for each dollar."""

    share: float
    line: str
    mix: Mix
    rhythm: Rhythm
    caller: str = "server"
    service_tier: str = "standard"
    context_window: str = "0-200k"
    inference_geo: str = "global"
    speed: str = "standard"
    searches: float = 0.0


PATTERNS = (
    Pattern(0.28, "opus", AGENT, SERVICE),
    Pattern(0.16, "sonnet", CHAT, SERVICE, searches=2.0),
    Pattern(0.08, "haiku", DOCUMENTS, SERVICE, "pipeline"),
    Pattern(0.10, "sonnet", DOCUMENTS, NIGHTLY, "pipeline", service_tier="batch"),
    Pattern(0.08, "opus", AGENT, OFFICE, context_window="200k-1M"),
    Pattern(0.06, "sonnet", CHAT, OFFICE, "pipeline", inference_geo="us"),
    Pattern(0.06, "legacy", CHAT, SERVICE, "pipeline"),
    Pattern(0.05, "opus", CHAT, OFFICE, speed="fast"),
    Pattern(0.05, "fable", AGENT, OFFICE, "service_account"),
    Pattern(0.04, "sonnet", CHAT, OFFICE, "console", searches=0.5),
    Pattern(0.04, "opus", AGENT, OFFICE, "user"),
    Pattern(0.10, "sonnet", CHAT, SERVICE, service_tier="priority"),
)


@dataclass(frozen=True, slots=True)
class Stream:
    """A pattern at work in a workspace; `usd` is its list price on an ordinary Monday.

    `workspace_id` is None for the default workspace, as in the legacy reports.
    """

    workspace: Workspace
    workspace_id: str | None
    pattern: Pattern
    usd: float
    api_key_id: str | None = None
    account_id: str | None = None
    service_account_id: str | None = None


def shares(workspaces: int) -> list[float]:
    """Each named workspace's share of the spend, largest first."""
    weights = [1 / (position + 1) for position in range(workspaces)]
    return [(1 - DEFAULT_WORKSPACE_SHARE) * weight / sum(weights) for weight in weights]


def _small_workspace_patterns(rng: Random) -> list[Pattern]:
    """A few patterns, none at weekends."""
    chosen = rng.sample(PATTERNS, SMALL_WORKSPACE_PATTERNS)
    return [replace(pattern, rhythm=CLOSED_WEEKENDS) for pattern in chosen]


def _caller(pattern: Pattern, workspace: Workspace, directory: Directory, rng: Random) -> dict[str, str]:
    keys = directory.keys_of(workspace)
    match pattern.caller:
        case "server":
            return {"api_key_id": keys[0].id}
        case "pipeline":
            return {"api_key_id": keys[1].id}
        case "service_account":
            return {"service_account_id": directory.service_accounts[0].id}
        case "user":
            return {"account_id": rng.choice(directory.users).id}
    return {}


def _workspace_streams(
    workspace: Workspace, share: float, patterns: list[Pattern], directory: Directory, rng: Random
) -> Iterator[Stream]:
    total = sum(pattern.share for pattern in patterns)
    for pattern in patterns:
        yield Stream(
            workspace,
            None if workspace is directory.default_workspace else workspace.id,
            pattern,
            USD_PER_WORKDAY * share * pattern.share / total,
            **_caller(pattern, workspace, directory, rng),
        )


def build_streams(seed: int, directory: Directory) -> list[Stream]:
    rng = Random(f"{seed}/streams")
    everything = list(PATTERNS)
    streams = list(_workspace_streams(directory.default_workspace, DEFAULT_WORKSPACE_SHARE, everything, directory, rng))
    for position, workspace in enumerate(directory.workspaces):
        patterns = everything if position < LARGE_WORKSPACES else _small_workspace_patterns(rng)
        share = shares(len(directory.workspaces))[position]
        streams.extend(_workspace_streams(workspace, share, patterns, directory, rng))
    return streams
