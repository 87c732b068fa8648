"""Whether the process grows: resident memory, threads, descriptors, tasks."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import linear_regression, median
from typing import NamedTuple

EVERY_ROUNDS = 5
WARM_UP = 0.3
FEWEST_SAMPLES = 20
# The client keeps so many connections, each with two ends in this process.
MOST_DESCRIPTORS = 2 * 8
# The main one, the upstream's, and what the executor has not ended yet.
MOST_THREADS = 6
MOST_GROWTH_MB = 16
PATIENCE = 100


class Sample(NamedTuple):
    round: int
    resident_mb: float
    threads: int
    descriptors: int
    tasks: int


async def sample(number: int, most_descriptors: int) -> Sample:
    """Taken when the ends of closed connections have gone, for which there is some patience."""
    for _ in range(PATIENCE):
        if _descriptors() <= most_descriptors and len(asyncio.all_tasks()) == 1:
            break
        await asyncio.sleep(0.02)
    gc.collect()
    return Sample(number, _resident_mb(), threading.active_count(), _descriptors(), len(asyncio.all_tasks()))


def most_descriptors() -> int:
    """From now on, before there are any connections."""
    return _descriptors() + MOST_DESCRIPTORS


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def growth(samples: Sequence[Sample]) -> tuple[float, float, float]:
    """Megabytes after the warm-up, at the end, and by a hundred rounds between."""
    warm = samples[int(len(samples) * WARM_UP) :]
    few = max(1, len(warm) // 5)
    first, last = (median(one.resident_mb for one in part) for part in (warm[:few], warm[-few:]))
    slope = 0.0
    if len(warm) > 1:
        slope = 100 * linear_regression([one.round for one in warm], [one.resident_mb for one in warm]).slope
    return first, last, slope


def problems(samples: Sequence[Sample], descriptors: int) -> Iterator[str]:
    if (most := max(one.threads for one in samples)) > MOST_THREADS:
        yield f"{most} threads"
    if (most := max(one.descriptors for one in samples)) > descriptors:
        yield f"{most} open files, not at most {descriptors}"
    if (most := max(one.tasks for one in samples)) > 1:
        yield f"{most - 1} tasks left"
    first, last, _ = growth(samples)
    if len(samples) >= FEWEST_SAMPLES and last - first > MOST_GROWTH_MB:
        yield f"memory grew from {first:.1f} to {last:.1f} MB"
