"""What belongs to the whole process: its version, its log, how long its requests took, what the kernel says of it."""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import ProcessCollector

from exporter.contract.metric import Family, Group
from exporter.contract.own import OF_THE_KERNEL, SECONDS_BUCKETS, Build, Reload, process_families
from exporter.exposition.publisher import Publisher
from exporter.exposition.store import PROCESS
from exporter.exposition.text import lines_by_family


class Process:
    """Numbers that change without a refresh: they are read whenever something is published."""

    def __init__(self, version: str, revision: str, *, demo: bool, lines_dropped: Callable[[], int]) -> None:
        self._build = Build(version, revision, platform.python_version())
        self._demo = demo
        self._lines_dropped = lines_dropped
        self._kernel: Any = ProcessCollector(registry=None)
        self.web_answers: Counter[int] = Counter()  # by status
        self.reload: Reload | None = None  # where there is something to be read again
        # By endpoint: requests in each bucket and above the last one, and the seconds of all.
        self._durations: dict[str, list[float]] = {}

    def observe(self, endpoint: str, seconds: float) -> None:
        """A request to the API."""
        numbers = self._durations.setdefault(endpoint, [0.0] * (len(SECONDS_BUCKETS) + 2))
        numbers[bisect_left(SECONDS_BUCKETS, seconds)] += 1
        numbers[-1] += seconds

    def show(self, publisher: Publisher) -> None:
        families = process_families(
            self._build,
            demo=self._demo,
            lines_dropped=self._lines_dropped(),
            exposition_bytes=publisher.snapshot.bytes_by_encoding,
            durations=self._durations,
            reload=self.reload,
            web_answers=self.web_answers,
        )
        publisher.put(PROCESS, lines_by_family((*families, *self._of_the_kernel())))

    def _of_the_kernel(self) -> Iterator[Family]:
        declared = {family.name: family for family in OF_THE_KERNEL}
        for metric in self._kernel.collect():
            for sample in metric.samples:
                if sample.name in declared:
                    yield Family(declared[sample.name], [Group("", {"": sample.value})])
