"""All rounds, in one process with a frozen clock."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import freezegun

from exporter import memory as allocator
from exporter.background import DaemonThreads
from tests.soak import memory
from tests.soak.api import SimulatedApi
from tests.soak.kinds import Kind
from tests.soak.memory import Sample
from tests.soak.rounds import FIRST, Outcome, Soak
from tests.soak.upstream import Upstream


@dataclass(frozen=True)
class Result:
    outcomes: Sequence[Outcome]
    samples: Sequence[Sample]
    memory_problems: Sequence[str]

    @property
    def failed(self) -> bool:
        return bool(self.memory_problems) or any(outcome.problems for outcome in self.outcomes)


def run(seeds: range, kinds: Mapping[str, Kind], tell: Callable[[Outcome], None] = lambda _: None) -> Result:
    """A round for each seed. The clock is frozen before any thread starts, for event loops must not see two.

    Memory is allocated, and threads are started, as `exporter.commands.serve.run` does it.
    """
    allocator.limit_heaps()
    allocator.stop_less()
    with freezegun.freeze_time(FIRST, real_asyncio=True) as frozen, tempfile.TemporaryDirectory() as folder:
        key_file = Path(folder) / "key"
        with Upstream(SimulatedApi(key_file)) as upstream:
            return asyncio.run(_run(Soak(upstream, key_file, frozen.move_to), seeds, kinds, tell))


async def _run(soak: Soak, seeds: range, kinds: Mapping[str, Kind], tell: Callable[[Outcome], None]) -> Result:
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    outcomes, samples = [], []
    descriptors = memory.most_descriptors()
    async with soak.exporter() as lasting:
        for number, seed in enumerate(seeds):
            outcomes.append(await soak.round(seed, kinds, lasting))
            tell(outcomes[-1])
            if number % memory.EVERY_ROUNDS == 0 or seed == seeds[-1]:
                samples.append(await memory.sample(number, descriptors))
    return Result(outcomes, samples, list(memory.problems(samples, descriptors)))
