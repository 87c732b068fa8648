"""All kinds of faults, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from tests.soak import bodies, paging, statuses, wires
from tests.soak.kinds import ENDPOINTS, Effect, Kind
from tests.soak.upstream import ALWAYS, Fault

GROUPS = {"statuses": statuses, "bodies": bodies, "paging": paging, "wires": wires}
MOST_FAULTS = 4
# Slow kinds come as often as so many others are passed over.
SLOW_SHARE = 0.1


def catalogue() -> dict[str, Kind]:
    kinds = [kind for group in GROUPS.values() for kind in group.kinds()]
    found = {kind.name: kind for kind in kinds}
    assert len(found) == len(kinds), "two kinds of one name"
    return found


def draw(kinds: Mapping[str, Kind], rng: Random) -> list[Fault]:
    """Between one and four faults, each at an endpoint of its own."""
    wanted = rng.randint(1, MOST_FAULTS)
    free = list(ENDPOINTS)
    rng.shuffle(free)
    faults: list[Fault] = []
    for kind in _shuffled(kinds, rng):
        endpoint = next((each for each in free if each in kind.endpoints), None)
        if endpoint and len(faults) < wanted:
            free.remove(endpoint)
            faults.append(_fault(kind, endpoint, rng))
    return faults


def _shuffled(kinds: Mapping[str, Kind], rng: Random) -> Iterator[Kind]:
    for name in rng.sample(sorted(kinds), len(kinds)):
        if len(kinds) < MOST_FAULTS or not kinds[name].slow or rng.random() < SLOW_SHARE:
            yield kinds[name]


def _fault(kind: Kind, endpoint: str, rng: Random) -> Fault:
    if kind.always:
        return Fault(kind, endpoint, 0, ALWAYS)
    if kind.rotates:
        return Fault(kind, endpoint, rng.randint(0, 1), 1)
    after = rng.choice((0, 0, 1, 2))
    return Fault(kind, endpoint, after, rng.choice((1, 1, 2, 3, ALWAYS)))


def must_fail(fault: Fault) -> bool:
    """Once it was met."""
    return fault.kind.effect is Effect.FATAL or (fault.kind.effect is Effect.PASSING and fault.count >= ALWAYS)
