"""What the exporter says of itself: counters of its requests and failures, and the state of each collector."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from exporter import __revision__, __version__, log
from exporter.api.errors import ApiError, Reason

REQUEST_SECONDS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass
class CollectorStatus:
    """How a collector is doing; written by the poller alone."""

    name: str
    source: str
    interval_seconds: float
    available: bool = True
    up: bool = False
    attempted: bool = False
    error: ApiError | None = None
    failures: int = 0  # in a row
    failing_since: datetime | None = None
    last_success: datetime | None = None
    data_through: datetime | None = None
    duration_seconds: float | None = None

    @property
    def reason(self) -> Reason | None:
        return self.error.reason if self.error else None


class Telemetry(Collector):
    """The exporter's own metrics, rendered in the background like everything else."""

    def __init__(self, *, organization: str | None = None, demo: bool = False) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus-client has no types here
        self.statuses: list[CollectorStatus] = []
        # Of the last rendering, by collector and by encoding.
        self.series: Mapping[str, int] = {}
        self.exposition_bytes: Mapping[str, int] = {"identity": 0, "gzip": 0}
        self._demo = demo
        self._shared = {"organization": organization} if organization else {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._failures = Counter(
            "anthropic_exporter_collector_refresh_failures_total",
            "Refreshes that failed, by reason.",
            [*self._shared, "collector", "reason"],
            registry=self._registry,
        )
        self._requests = Counter(
            "anthropic_exporter_api_requests_total",
            "Requests to the API by endpoint and HTTP status, or timeout or network where there was none.",
            [*self._shared, "api_endpoint", "status"],
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "anthropic_exporter_api_request_duration_seconds",
            "Duration in seconds of a request to the API.",
            [*self._shared, "api_endpoint"],
            registry=self._registry,
            buckets=REQUEST_SECONDS_BUCKETS,
        )
        ProcessCollector(registry=self._registry)

    def watch(self, name: str, source: str, interval_seconds: float) -> CollectorStatus:
        """Show another collector: what its owner writes into the status is what the next rendering shows."""
        status = CollectorStatus(name, source, interval_seconds)
        for reason in Reason:  # every label value from the start, or alerts see nothing
            self._failures.labels(**self._shared, collector=name, reason=reason)
        self.statuses.append(status)
        return status

    def observe_request(self, endpoint: str, status: str, seconds: float) -> None:
        self._requests.labels(**self._shared, api_endpoint=endpoint, status=status).inc()
        self._request_seconds.labels(**self._shared, api_endpoint=endpoint).observe(seconds)

    def count_failure(self, collector: str, reason: Reason) -> None:
        self._failures.labels(**self._shared, collector=collector, reason=reason).inc()

    def render_text(self) -> bytes:
        return prometheus_client.generate_latest(self._registry)

    def render_openmetrics(self) -> bytes:
        text: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]  # no types here
        return text

    def collect(self) -> Iterator[Metric]:
        """The families that follow from the collectors' states. Called by the registry when it is rendered."""
        yield self._family(
            "up", "1 when the last refresh of every available collector succeeded.", (), [((), self._up())]
        )
        by_collector = [
            ("up", "1 when the last refresh succeeded, 0 from the start until then; absent while unavailable.", _up),
            ("available", "0 while the API does not serve the collector to this key (403 or 404).", _available),
            ("refresh_interval_seconds", "Seconds between refreshes, as configured.", _interval),
            ("last_success_timestamp_seconds", "Unix time of the last refresh that succeeded.", _last_success),
            (
                "refresh_duration_seconds",
                "Seconds that the last refresh took, without its wait for the first names.",
                _duration,
            ),
            (
                "data_through_timestamp_seconds",
                "Unix time up to which the API has reported: the end of the newest day with a row, if it is over.",
                _data_through,
            ),
            ("series", "Samples exposed.", self._series),
        ]
        for name, documentation, value_of in by_collector:
            samples = [((s.name,), value) for s in self.statuses if (value := value_of(s)) is not None]
            yield self._family(f"collector_{name}", documentation, ("collector",), samples)
        yield self._family(
            "collector_info",
            "Which API the collector reads: legacy or analytics reports, else admin.",
            ("collector", "source"),
            [((s.name, s.source), 1) for s in self.statuses],
        )
        yield self._family(
            "collector_failing",
            "1 for the reason why the last refresh failed, else 0.",
            ("collector", "reason"),
            [((s.name, reason), s.reason is reason) for s in self.statuses for reason in Reason],
        )
        yield from self._of_the_process()

    def _of_the_process(self) -> Iterator[Metric]:
        build = (__version__, __revision__, platform.python_version())
        yield _gauge("build_info", "Version of the exporter.", ("version", "revision", "python_version"), [(build, 1)])
        if self._demo:
            yield _gauge("demo", "1 while the numbers are those of a simulated organization.", (), [((), 1)])
        yield CounterMetricFamily(
            "anthropic_exporter_log_lines_dropped_total",
            "Log lines that were lost, because standard error was not read or could not be written.",
            value=log.dropped_lines(),
        )
        yield _gauge(
            "exposition_bytes",
            "Bytes that a scrape gets, by content encoding, as of the previous rendering.",
            ("encoding",),
            [((encoding,), size) for encoding, size in self.exposition_bytes.items()],
        )

    def _series(self, status: CollectorStatus) -> float:
        return self.series.get(status.name, 0)

    def _up(self) -> bool:
        """Whether something is available and all that is available is up: nothing at all is no success."""
        available = [status for status in self.statuses if status.available]
        return bool(available) and all(status.up for status in available)

    def _family(
        self, name: str, documentation: str, labels: tuple[str, ...], samples: Iterable[tuple[tuple[str, ...], float]]
    ) -> Metric:
        shared = tuple(self._shared.values())
        return _gauge(name, documentation, (*self._shared, *labels), [((*shared, *own), v) for own, v in samples])


def _gauge(
    name: str, documentation: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], float]]
) -> Metric:
    family = GaugeMetricFamily(f"anthropic_exporter_{name}", documentation, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family


def _up(status: CollectorStatus) -> float | None:
    return status.up if status.available else None


def _available(status: CollectorStatus) -> float:
    return status.available


def _interval(status: CollectorStatus) -> float:
    return status.interval_seconds


def _last_success(status: CollectorStatus) -> float | None:
    return status.last_success.timestamp() if status.last_success else None


def _duration(status: CollectorStatus) -> float | None:
    return status.duration_seconds


def _data_through(status: CollectorStatus) -> float | None:
    return status.data_through.timestamp() if status.data_through and status.available else None
