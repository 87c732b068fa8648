"""`python -m tests.soak --rounds 300 --seed 1`: exits with 1 if anything did not hold."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator

from tests.soak import memory
from tests.soak.catalogue import catalogue
from tests.soak.rounds import Outcome
from tests.soak.running import Result, run

SHOWN_PROBLEMS = 12


def main() -> None:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each further one has the next")
    parser.add_argument("--only", default="", help="kinds of faults, or starts of their names, with commas between")
    parser.add_argument("--quick", action="store_true", help="without the kinds that take seconds")
    parser.add_argument("--list", action="store_true", help="name the kinds of faults, and do no more")
    options = parser.parse_args()
    kinds = catalogue()
    if options.only:
        kinds = {name: kind for name, kind in kinds.items() if name.startswith(tuple(options.only.split(",")))}
    if options.quick:
        kinds = {name: kind for name, kind in kinds.items() if not kind.slow}
    if options.list or not kinds:
        print("\n".join(sorted(kinds)) or "no such kind: --list names them")
        return
    start = time.monotonic()
    result = run(range(options.seed, options.seed + options.rounds), kinds, _tell)
    for line in _summary(result, len(kinds), time.monotonic() - start):
        print(line)
    sys.exit(1 if result.failed else 0)


def _tell(outcome: Outcome) -> None:
    """A line for a round that failed, and one for each hundred."""
    if outcome.problems:
        start = "from the start" if outcome.fresh else "after good data"
        print(f"--rounds 1 --seed {outcome.seed}: {start}, {'; '.join(map(str, outcome.faults))}")
        for problem in outcome.problems[:SHOWN_PROBLEMS]:
            print(f"    {problem}")
        sys.stdout.flush()
    elif outcome.seed % 100 == 0:
        print(f"seed {outcome.seed} done", flush=True)


def _summary(result: Result, kinds: int, seconds: float) -> Iterator[str]:
    outcomes = result.outcomes
    counts = sum((outcome.results for outcome in outcomes), Counter[tuple[str, str]]())
    yield ""
    yield "kind of fault: what became of the collector, and how often"
    for name in sorted({name for name, _ in counts}):
        results = sorted((what, count) for (kind, what), count in counts.items() if kind == name)
        yield f"  {name}: " + ", ".join(f"{what} {count}" for what, count in results)
    failed = [outcome.seed for outcome in outcomes if outcome.problems]
    faults, met = sum(counts.values()), len({name for name, what in counts if what != "not met"})
    yield ""
    yield (
        f"{len(outcomes)} rounds from seed {outcomes[0].seed} in {seconds:.0f} s: {faults} faults, "
        f"{met} of {kinds} kinds met, {sum(outcome.scrapes for outcome in outcomes)} scrapes checked"
    )
    yield from _memory(result)
    yield f"rounds that failed: {len(failed)}" + (f", seeds {failed}" if failed else "")


def _memory(result: Result) -> Iterator[str]:
    first, last, slope = memory.growth(result.samples)
    final = result.samples[-1]
    yield (
        f"memory: {first:.1f} MB after the warm-up, {last:.1f} MB at the end, {slope:+.2f} MB a hundred rounds; "
        f"{final.threads} threads, {final.descriptors} open files, {final.tasks - 1} tasks left"
    )
    yield from (f"memory: {problem}" for problem in result.memory_problems)


if __name__ == "__main__":
    main()
