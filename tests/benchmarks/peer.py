"""prometheus-client's own server with the samples of an exposition: python -m tests.benchmarks.peer PORT FILE.

Prints the CPU seconds of one `generate_latest` of them as its first line.
"""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

RENDERINGS = 3
SAMPLE = re.compile(r"\w+\{(.*)\} (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Samples(Collector):
    """Families made once, as an exporter that refreshes in the background has them."""

    def __init__(self, exposition: Path) -> None:
        self._families: list[Metric] = []
        with exposition.open(encoding="utf-8") as lines:  # line by line: what parsing leaves behind is not the peer's
            for line in lines:
                if line.startswith("# HELP "):
                    _, _, name, documentation = line.rstrip("\n").split(" ", 3)
                    self._families.append(GaugeMetricFamily(name, documentation))
                elif sample := SAMPLE.match(line):
                    labels = {sys.intern(label): sys.intern(text) for label, text in LABEL.findall(sample[1])}
                    self._families[-1].add_sample(self._families[-1].name, labels, float(sample[2]))

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def main() -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Samples(Path(sys.argv[2])))
    print(_rendering_seconds(registry), flush=True)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak so far is no scrape's
    start_http_server(int(sys.argv[1]), addr="127.0.0.1", registry=registry)[1].join()


def _rendering_seconds(registry: CollectorRegistry) -> float:
    generate_latest(registry)
    seconds = []
    for _ in range(RENDERINGS):
        start = time.process_time()
        generate_latest(registry)
        seconds.append(time.process_time() - start)
    return median(seconds)


if __name__ == "__main__":
    main()
