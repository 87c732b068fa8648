"""prometheus-client's own server with the samples of an exposition: python -m tests.benchmarks.peer PORT FILE.

Prints the CPU seconds of one `generate_latest` of them as its first line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


class Samples(Collector):
    """Families made once, as an exporter that refreshes in the background has them."""

    def __init__(self, exposition: Path) -> None:
        self._families: list[Metric] = []
        with exposition.open(encoding="utf-8") as lines:
            for parsed in text_string_to_metric_families(lines.read()):
                names = list(parsed.samples[0].labels)
                family = GaugeMetricFamily(parsed.name, parsed.documentation, labels=names)
                for sample in parsed.samples:
                    family.add_metric([sys.intern(sample.labels[name]) for name in names], sample.value)
                self._families.append(family)

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def main() -> None:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Samples(Path(sys.argv[2])))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # parsing is no part of the peer's peak
    start = time.process_time()
    generate_latest(registry)
    print(time.process_time() - start, flush=True)
    start_http_server(int(sys.argv[1]), addr="127.0.0.1", registry=registry)[1].join()


if __name__ == "__main__":
    main()
