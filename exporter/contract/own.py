"""What the exporter says of itself: the state of each job, requests to the API, the process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from exporter.contract.labels import label_text
from exporter.contract.metric import Declared, Family, Group, Kind, Number, Sample
from exporter.contract.state import Reason, State

LARGE_BYTES = 16 << 20  # of an exposition: vmagent, for one, refuses more unless it is told to take it
SECONDS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def _declared(name: str, meaning: str, unit: str, *labels: str, kind: Kind = Kind.GAUGE) -> Declared:
    return Declared(f"anthropic_exporter_{name}", meaning, unit, own=labels, kind=kind)


UP = _declared("up", "1 when the last refresh of every available collector succeeded", "0 or 1")
COLLECTOR_UP = _declared(
    "collector_up",
    "1 when the last refresh succeeded, 0 from the start until then; absent while unavailable",
    "0 or 1",
    "collector",
)
AVAILABLE = _declared(
    "collector_available",
    "0 while the API does not serve the collector to this key (403 or 404)",
    "0 or 1",
    "collector",
)
INTERVAL = _declared(
    "collector_refresh_interval_seconds", "Seconds between refreshes, as configured", "seconds", "collector"
)
LAST_SUCCESS = _declared(
    "collector_last_success_timestamp_seconds",
    "Unix time of the last refresh that succeeded",
    "Unix time",
    "collector",
)
DURATION = _declared(
    "collector_refresh_duration_seconds",
    "Seconds that the last refresh took, without its wait for the first names",
    "seconds",
    "collector",
)
DATA_THROUGH = _declared(
    "collector_data_through_timestamp_seconds",
    "Unix time up to which the API has reported: the end of the newest day with a row, if it is over",
    "Unix time",
    "collector",
)
SERIES = _declared("collector_series", "Samples exposed", "samples", "collector")
FOLDED = _declared(
    "folded_series", "Samples that are in others, whose labels say other, to keep a bound", "samples", "family"
)
INFO = _declared(
    "collector_info",
    "Which API the collector reads: legacy or analytics reports, else admin; none for nowcast",
    "1",
    "collector",
    "source",
)
FAILING = _declared(
    "collector_failing", "1 for the reason why the last refresh failed, else 0", "0 or 1", "collector", "reason"
)
BUILD_INFO = _declared("build_info", "Version of the exporter", "1", "version", "revision", "python_version")
DEMO = _declared("demo", "1 while the numbers are those of a simulated organization", "1")
LINES_DROPPED = _declared(
    "log_lines_dropped_total",
    "Log lines that were lost, because standard error was not read or could not be written",
    "lines",
    kind=Kind.COUNTER,
)
WEB_REQUESTS = _declared(
    "web_requests_total",
    "Answers of the endpoint by HTTP status, those to malformed requests included; who is cut off gets none",
    "requests",
    "code",
    kind=Kind.COUNTER,
)
RELOAD_SUCCESSFUL = _declared(
    "config_last_reload_successful",
    "1 when the map of people was read the last time that it should be, 0 while an earlier one is in force",
    "0 or 1",
)
RELOADED = _declared(
    "config_last_reload_success_timestamp_seconds",
    "Unix time in seconds at which the map of people was last read",
    "Unix time",
)
EXPOSITION_BYTES = _declared(
    "exposition_bytes",
    "Bytes that a scrape gets, by content encoding, as of the previous rendering",
    "bytes",
    "encoding",
)
FAILURES = _declared(
    "collector_refresh_failures_total",
    "Refreshes that failed, by reason",
    "refreshes",
    "collector",
    "reason",
    kind=Kind.COUNTER,
)
REQUESTS = _declared(
    "api_requests_total",
    "Requests to the API by endpoint and HTTP status, or timeout or network where there was none",
    "requests",
    "api_endpoint",
    "status",
    kind=Kind.COUNTER,
)
REQUEST_SECONDS = _declared(
    "api_request_duration_seconds",
    "Duration in seconds of a request to the API",
    "seconds",
    "api_endpoint",
    kind=Kind.HISTOGRAM,
)
# What prometheus-client's collector says of the process.
OF_THE_KERNEL = (
    Declared("process_virtual_memory_bytes", "Virtual memory size in bytes", "bytes"),
    Declared("process_resident_memory_bytes", "Resident memory size in bytes", "bytes"),
    Declared("process_start_time_seconds", "Start time of the process since unix epoch in seconds", "Unix time"),
    Declared(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds",
        "seconds",
        kind=Kind.COUNTER,
    ),
    Declared("process_open_fds", "Number of open file descriptors", "file descriptors"),
    Declared("process_max_fds", "Maximum number of open file descriptors", "file descriptors"),
)
# Those with a collector or an endpoint, and `up`, also have `organization` where it has a name; but not the histogram.
FAMILIES = (
    *(UP, COLLECTOR_UP, AVAILABLE, INTERVAL, LAST_SUCCESS, DURATION, DATA_THROUGH, SERIES, FOLDED, INFO, FAILING),
    *(BUILD_INFO, DEMO, LINES_DROPPED, WEB_REQUESTS, RELOAD_SUCCESSFUL, RELOADED),
    *(EXPOSITION_BYTES, FAILURES, REQUESTS, REQUEST_SECONDS),
    *OF_THE_KERNEL,
)

_OF_STATE: tuple[tuple[Declared, Callable[[State], Number | None]], ...] = (
    (COLLECTOR_UP, lambda state: int(state.up) if state.available else None),
    (AVAILABLE, lambda state: int(state.available)),
    (INTERVAL, lambda state: state.interval_seconds),
    (LAST_SUCCESS, lambda state: state.last_success.timestamp() if state.last_success else None),
    (DURATION, lambda state: state.duration_seconds),
    (
        DATA_THROUGH,
        lambda state: state.data_through.timestamp() if state.data_through and state.available else None,
    ),
    (SERIES, lambda state: state.samples),
)


def job_families(state: State, organization: str | None) -> Iterator[Family]:
    """Of one collector of one organization."""
    name = state.collector
    for declared, number_of in _OF_STATE:
        number = number_of(state)
        yield _family(declared, organization, [] if number is None else [((name,), number)])
    yield _family(FOLDED, organization, [((family,), number) for family, number in sorted(state.folded.items())])
    yield _family(INFO, organization, [((name, state.source), 1)] if state.source else [])
    yield _family(FAILING, organization, [((name, each), int(each is state.reason)) for each in Reason])
    yield _family(FAILURES, organization, [((name, each), state.failures[each]) for each in Reason])


def organization_families(
    states: Sequence[State], requests: Mapping[tuple[str, str], int], organization: str | None
) -> Iterator[Family]:
    """Of all jobs of one organization; `requests` by endpoint and status."""
    available = [state for state in states if state.available]
    # Nothing at all is no success.
    up = bool(available) and all(state.up for state in available)
    yield _family(UP, organization, [((), int(up))])
    yield _family(REQUESTS, organization, requests.items())


@dataclass(frozen=True)
class Build:
    version: str
    revision: str
    python_version: str


@dataclass(frozen=True)
class Reload:
    """Of what is read again while the process runs."""

    successful: bool
    last_success: datetime


def process_families(
    build: Build,
    *,
    demo: bool,
    lines_dropped: int,
    exposition_bytes: Mapping[str, int],
    durations: Mapping[str, Sequence[float]],
    reload: Reload | None = None,
    web_answers: Mapping[int, int] = MappingProxyType({}),
) -> Iterator[Family]:
    """Of the process; `durations` has, by endpoint, requests in each of the buckets and over all, and their seconds."""
    yield _family(BUILD_INFO, None, [((build.version, build.revision, build.python_version), 1)])
    yield _family(DEMO, None, [((), 1)] if demo else [])
    yield _family(LINES_DROPPED, None, [((), lines_dropped)])
    yield _family(WEB_REQUESTS, None, [((str(code),), number) for code, number in sorted(web_answers.items())])
    if reload:
        yield _family(RELOAD_SUCCESSFUL, None, [((), int(reload.successful))])
        yield _family(RELOADED, None, [((), reload.last_success.timestamp())])
    yield _family(EXPOSITION_BYTES, None, [((encoding,), size) for encoding, size in exposition_bytes.items()])
    yield Family(
        REQUEST_SECONDS,
        [group for endpoint, numbers in durations.items() for group in _histogram(endpoint, numbers)],
    )


def _histogram(endpoint: str, numbers: Sequence[float]) -> Iterator[Group]:
    *counts, seconds = numbers
    buckets = {}
    total = 0.0
    for bound, count in zip((*map(str, SECONDS_BUCKETS), "+Inf"), counts, strict=True):
        total += count
        buckets[label_text([("le", bound)])] = total
    labels = label_text(zip(REQUEST_SECONDS.own, (endpoint,), strict=True))
    yield Group(labels, buckets, "_bucket")
    yield Group(labels, {"": total}, "_count")
    yield Group(labels, {"": seconds}, "_sum")


def _family(declared: Declared, organization: str | None, samples: Iterable[Sample]) -> Family:
    """Labels in the order of their names, as prometheus-client has them."""
    shared = [("organization", organization)] if organization else []

    def text(values: Iterable[str]) -> str:
        return label_text(sorted([*shared, *zip(declared.own, values, strict=True)]))

    return Family(declared, [Group("", {text(values): number for values, number in samples})])
