"""The organization's rate limits, shaped as the Admin API (version 2026-10-21) lists them."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

import msgspec

from exporter.demo.simulation.directory import identifier
from exporter.demo.simulation.models import LINES, WITH_FAST_MODE, display_name, undated

REQUESTS, INPUT, OUTPUT = "requests_per_minute", "input_tokens_per_minute_cache_aware", "output_tokens_per_minute"
# Of a group of models, by family.
CEILINGS: Mapping[str, Mapping[str, int]] = {
    "opus": {REQUESTS: 2_000, INPUT: 80_000, OUTPUT: 16_000},
    "sonnet": {REQUESTS: 2_000, INPUT: 200_000, OUTPUT: 40_000},
    "haiku": {REQUESTS: 4_000, INPUT: 1_200_000, OUTPUT: 120_000},
    "fable": {REQUESTS: 1_000, INPUT: 40_000, OUTPUT: 8_000},
}
FAST = {"fast_itpmca": 20_000, "fast_otpm": 4_000}
# Of what is not a model's.
OTHERS: Mapping[str, Mapping[str, int]] = {
    "batch": {REQUESTS: 4_000, "enqueued_batch_requests": 500_000},
    "token_count": {REQUESTS: 8_000},
    "files": {REQUESTS: 500},
    "skills": {REQUESTS: 500},
    "web_search": {"tool_uses_per_second": 30},
}


class LimitGroup(msgspec.Struct, frozen=True):
    id: str
    type: str
    display_name: str | msgspec.UnsetType = msgspec.UNSET


class Limiter(msgspec.Struct, frozen=True):
    type: str
    value: int


class RateLimit(msgspec.Struct, frozen=True, tag_field="type", tag="rate_limit"):
    id: str
    group: LimitGroup
    models: list[str] | None
    limits: list[Limiter]


class Source(msgspec.Struct, frozen=True):
    type: Literal["workspace", "organization"]


class WorkspaceLimiter(msgspec.Struct, frozen=True):
    type: str
    value: int
    org_limit: int
    source: Source


class WorkspaceRateLimit(msgspec.Struct, frozen=True, tag_field="type", tag="workspace_rate_limit"):
    rate_limit_id: str
    workspace_id: str
    group: LimitGroup
    models: list[str] | None
    limits: list[WorkspaceLimiter]


def build_limits(seed: int) -> tuple[RateLimit, ...]:
    rng = Random(f"{seed}/limits")

    def limit(group: LimitGroup, models: list[str] | None, ceilings: Mapping[str, int]) -> RateLimit:
        limiters = [Limiter(kind, value) for kind, value in ceilings.items()]
        return RateLimit(identifier("rl", rng), group, models, limiters)

    found = []
    for name, models in _models_by_group().items():
        fast = FAST if any(model in WITH_FAST_MODE for model in models) else {}
        ceilings = CEILINGS[undated(models[0]).split("-")[1]]
        found.append(limit(LimitGroup(_group_id(name), "model_group", name), models, {**ceilings, **fast}))
    found += [limit(LimitGroup(_group_id(kind), kind), None, ceilings) for kind, ceilings in OTHERS.items()]
    return tuple(found)


def limits_of_workspace(
    limits: Sequence[RateLimit], workspace_id: str, position: int | None, *, inherited: bool
) -> list[WorkspaceRateLimit]:
    """Of the workspace at a position, None for the default one, which cannot have its own; `inherited` ones, too."""
    found = []
    for row in limits:
        own = {} if position is None else _own(row, position)
        limiters = [
            WorkspaceLimiter(
                each.type,
                own.get(each.type, each.value),
                each.value,
                Source("workspace" if each.type in own else "organization"),
            )
            for each in row.limits
            if inherited or each.type in own
        ]
        if limiters:
            found.append(WorkspaceRateLimit(row.id, workspace_id, row.group, row.models, limiters))
    return found


def _own(row: RateLimit, position: int) -> dict[str, int]:
    """Every other workspace has a lower limit for Opus, and one for Sonnet above the organization's: the lower wins."""
    if position % 2 == 0 or not row.group.display_name:
        return {}
    ceilings = {each.type: each.value for each in row.limits}
    if row.group.display_name.startswith("Claude Opus"):
        return {REQUESTS: ceilings[REQUESTS] // 4, OUTPUT: ceilings[OUTPUT] // 4}
    return {OUTPUT: ceilings[OUTPUT] * 2} if row.group.display_name.startswith("Claude Sonnet") else {}


def _models_by_group() -> dict[str, list[str]]:
    """All models and their aliases, by family and major version."""
    groups: dict[str, set[str]] = {}
    for model in sorted({model for line in LINES.values() for _, model in line}):
        group = f"{display_name(model).partition('.')[0]}.x"
        groups.setdefault(group, set()).update({model, undated(model)})
    return {group: sorted(models) for group, models in groups.items()}


def _group_id(name: str) -> str:
    """The same in every organization."""
    return identifier("rlg", Random(f"limits of {name}"))
