"""The organization's rate limits, shaped as the Admin API (version 2026-10-21) lists them."""

from collections.abc import Mapping
from random import Random

import msgspec

from exporter.demo.simulation.directory import identifier
from exporter.demo.simulation.models import LINES, WITH_FAST_MODE, display_name, undated

REQUESTS, INPUT, OUTPUT = "requests_per_minute", "input_tokens_per_minute_cache_aware", "output_tokens_per_minute"
# Of a group of models, by family.
CEILINGS: Mapping[str, Mapping[str, int]] = {
    "opus": {REQUESTS: 4_000, INPUT: 2_000_000, OUTPUT: 400_000},
    "sonnet": {REQUESTS: 4_000, INPUT: 4_000_000, OUTPUT: 800_000},
    "haiku": {REQUESTS: 8_000, INPUT: 8_000_000, OUTPUT: 1_600_000},
    "fable": {REQUESTS: 2_000, INPUT: 1_000_000, OUTPUT: 200_000},
}
FAST = {"fast_itpmca": 500_000, "fast_otpm": 100_000}
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
