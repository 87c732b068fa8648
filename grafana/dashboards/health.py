"""Whether the numbers can be trusted: what the exporter says of itself."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.frame import dashboard
from grafana.dashboards.panels import HALF, Steps, lines, stat, table
from grafana.dashboards.promql import JOB, SCOPE, total

OWN = "anthropic_exporter_"
BY_COLLECTOR = ("job", "organization", "collector")
UP_OR_DOWN: Steps = ((None, "red"), (1, "green"))
RATE = "[$__rate_interval]"
HOUR = "[1h]"  # refreshes are minutes apart: in a shorter time there may be no request
EIGHT = (8, 8)


def build() -> Dashboard:
    return dashboard(
        "exporter-health",
        "Exporter health",
        "Whether the numbers are fresh and whole: collectors, the API's answers, and the process itself.",
        (),
        {
            "Collectors": _collectors(),
            "Failures": _failures(),
            "The API": _api(),
            "The process": _process(),
        },
    )


def _collectors() -> list[Builder[Panel]]:
    by = ", ".join(BY_COLLECTOR)
    sources = f"group by ({by}, source) ({OWN}collector_info{{{SCOPE}}})"

    def state(name: str) -> str:
        value = f"max by ({by}) ({OWN}collector_{name}{{{SCOPE}}})"
        return f"{value} * on ({by}) group_left (source) topk by ({by}) (1, {sources})"

    return [
        stat(
            "Everything works",
            "Whether the last refresh of every available collector succeeded, and there is one; of the worst exporter.",
            f"min({OWN}up{{{SCOPE}}})",
            unit="short",
            texts={"0": ("A collector fails, or none is served", "red"), "1": ("All collectors work", "green")},
            no_value="No exporter",
            size=(6, 8),
        ),
        table(
            "State of the collectors",
            "Up: the last refresh succeeded. Available: the API serves it to this key. Reported through: how long ago "
            "the newest day with a row ends. Of several replicas, the best.",
            {
                "Up": state("up"),
                "Available": state("available"),
                "Last success": f"time() - {state('last_success_timestamp_seconds')}",
                "Refreshes every": state("refresh_interval_seconds"),
                "Last refresh took": state("refresh_duration_seconds"),
                "Reported through": f"time() - {state('data_through_timestamp_seconds')}",
                "Series": state("series"),
            },
            labels={"collector": "Collector", "source": "API"},
            units={
                "Last success": "s",
                "Refreshes every": "s",
                "Last refresh took": "s",
                "Reported through": "s",
                "Series": "short",
            },
            sort="Last success",
            yes_no=("Up", "Available"),
            size=(18, 8),
            no_value="No collector",
        ),
    ]


def _failures() -> list[Builder[Panel]]:
    by_reason = (*BY_COLLECTOR, "reason")
    failures = f"increase({OWN}collector_refresh_failures_total{{{SCOPE}}}{RATE})"
    return [
        table(
            "Failing now",
            "Why the last refresh failed. The last good data stay until it works again.",
            {"Replicas": f"{total(f'{OWN}collector_failing{{{SCOPE}}}', *by_reason)} > 0"},
            labels={"collector": "Collector", "reason": "Reason"},
            units={"Replicas": "short"},
            sort="Replicas",
            size=HALF,
            no_value="Nothing fails",
        ),
        lines(
            "Failures by reason",
            "Refreshes that failed.",
            {"{{collector}} {{reason}}": f"{total(failures, *by_reason)} > 0"},
            unit="short",
            no_value="Nothing has failed in this time range",
            interval="5m",
        ),
    ]


def _api() -> list[Builder[Panel]]:
    duration = f"{OWN}api_request_duration_seconds_bucket{{{SCOPE}}}"

    def quantile(share: float) -> str:
        return f"histogram_quantile({share}, sum by (api_endpoint, le) (rate({duration}{HOUR})))"

    return [
        lines(
            "Requests in an hour",
            "Requests to the Admin API, retries included, by endpoint and status.",
            {
                "{{api_endpoint}} {{status}}": total(
                    f"increase({OWN}api_requests_total{{{SCOPE}}}{HOUR})", "api_endpoint", "status"
                )
            },
            unit="short",
            interval="5m",
        ),
        lines(
            "Latency",
            "Half and nineteen twentieths of an hour's requests to the Admin API took no longer.",
            {"{{api_endpoint}} p50": quantile(0.5), "{{api_endpoint}} p95": quantile(0.95)},
            unit="s",
            interval="5m",
        ),
    ]


def _process() -> list[Builder[Panel]]:
    of_exporters = f"on (job, instance) {OWN}build_info{{{JOB}}}"
    return [
        lines(
            "Series",
            "Samples exposed by each collector.",
            {"{{collector}} {{instance}}": f"{OWN}collector_series{{{SCOPE}}}"},
            unit="short",
            size=EIGHT,
        ),
        lines(
            "Size of a scrape",
            "Bytes that a scrape gets, by content encoding.",
            {"{{encoding}} {{instance}}": f"{OWN}exposition_bytes{{{JOB}}}"},
            unit="bytes",
            size=EIGHT,
        ),
        lines(
            "Memory",
            "Resident memory of the exporter.",
            {"{{instance}}": f"process_resident_memory_bytes{{{JOB}}} and {of_exporters}"},
            unit="bytes",
            size=EIGHT,
        ),
        lines(
            "CPU",
            "Cores that the exporter uses.",
            {"{{instance}}": f"rate(process_cpu_seconds_total{{{JOB}}}{RATE}) and {of_exporters}"},
            unit="short",
            size=EIGHT,
        ),
        lines(
            "Open files",
            "File descriptors in use, of those that it may use.",
            {"{{instance}}": f"process_open_fds{{{JOB}}} / process_max_fds{{{JOB}}} and {of_exporters}"},
            unit="percentunit",
            size=EIGHT,
        ),
        table(
            "Versions",
            "What runs where, and since when.",
            {
                "Running for": f"(time() - process_start_time_seconds{{{JOB}}}) * on (job, instance)"
                f" group_left (version, revision, python_version) {OWN}build_info{{{JOB}}}"
            },
            labels={"instance": "Instance", "version": "Version", "revision": "Revision", "python_version": "Python"},
            units={"Running for": "s"},
            sort="Running for",
            size=EIGHT,
            no_value="No exporter",
        ),
    ]
