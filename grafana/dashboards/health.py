"""Whether the numbers can be trusted: what the exporter says of itself."""

from __future__ import annotations

from grafana_foundation_sdk.builders.common import StackingConfig, VizLegendOptions
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import LegendPlacement, StackingMode
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.alerts.rules import RUNBOOK_URL
from grafana.dashboards.frame import dashboard
from grafana.dashboards.panels import NO_DATA, lines
from grafana.dashboards.promql import JOB, SCOPE, STALE_INTERVALS, summed
from grafana.dashboards.signs import firing_alerts
from grafana.dashboards.stats import states
from grafana.dashboards.tables import BLANK, Label, Number, table
from grafana.dashboards.words import COLLECTORS, REASONS, SOURCES

NO_COLLECTOR = "No collector"
OWN = "anthropic_exporter_"
WHAT_TO_DO = f"What to do is in the [runbook]({RUNBOOK_URL})."
BY_COLLECTOR = ("job", "organization", "collector")
RATE = "[$__rate_interval]"
HOUR = "[1h]"  # refreshes are minutes apart: in a shorter time there may be no request
LATE = 1.1  # of an interval: a refresh takes its time, too
WIDE, QUARTER = (12, 9), (6, 8)
YES_OR_NO = {"1": ("yes", "green"), "0": ("no", "red")}
# "cost 401" as "Cost 401"
NAMED = {rf"^{name}\b": word for name, word in COLLECTORS.items()}


def build() -> Dashboard:
    return dashboard(
        "exporter-health",
        "Exporter health",
        "Whether the numbers are fresh and whole: collectors, the API's answers, and the process itself.",
        (),
        {
            "": [_collectors(), firing_alerts((18, 7)), _state()],
            "Failures": _failures(),
            "The API": _api(),
            "The process": _process(),
        },
        has_range=True,
    )


def _collectors() -> Builder[Panel]:
    """One sample for each that fails, else one for what is true of all."""
    up = f"{OWN}collector_up{{{SCOPE}}}"
    has_failed = f"max without (reason) ({OWN}collector_failing{{{SCOPE}}}) == 1"
    exporters = f"{OWN}up{{{SCOPE}}}"
    return states(
        "Collectors",
        f"Those that fail, on whichever replica. {WHAT_TO_DO}",
        {
            f"group by (collector) ({up} == 0 and {has_failed})": ("", "fails", "red"),
            f"group by (collector) ({up} == 0 unless {has_failed})": ("", "has not finished yet", "blue"),
            f"group({exporters} == 0 unless on (job, instance) {up})": (
                NO_COLLECTOR,
                "is served to this key",
                "red",
            ),
            f"group(min({exporters}) == 1)": ("Every collector", "works", "green"),
            f"absent({OWN}build_info{{{JOB}}})": ("No exporter", "is scraped", "red"),
        },
        label="collector",
        words=COLLECTORS,
        size=(6, 7),
    )


def _state() -> Builder[Panel]:
    by = ", ".join(BY_COLLECTOR)
    sources = f"topk by ({by}) (1, group by ({by}, source) ({OWN}collector_info{{{SCOPE}}}))"

    def of(name: str) -> str:
        return f"max by ({by}) ({OWN}collector_{name}{{{SCOPE}}})"

    def sourced(expression: str) -> str:
        return f"({expression}) * on ({by}) group_left (source) {sources}"

    age = f"time() - {of('last_success_timestamp_seconds')}"
    return table(
        "State of the collectors",
        "Up: the last refresh succeeded. Reported through: where the newest day with a row ends. Refreshes missed: how "
        "many intervals have passed since the last success; after three, the data are stale. Available: the API serves "
        f"it to this key. Of several replicas, the best. {WHAT_TO_DO}",
        {"collector": Label("Collector", 120, words=COLLECTORS), "source": Label("Source", words=SOURCES)},
        {
            "Up": Number(sourced(of("up")), width_pixels=75, texts=YES_OR_NO),
            "Reported through": Number(
                sourced(f"1000 * {of('data_through_timestamp_seconds')}"), unit="dateTimeAsIso", width_pixels=175
            ),
            "Last success": Number(sourced(age), unit="s", decimals=0, width_pixels=125),
            "Refreshes missed": Number(
                sourced(f"floor(({age}) / ({LATE} * {of('refresh_interval_seconds')}))"),
                width_pixels=155,
                steps=((None, "text"), (1, "orange"), (STALE_INTERVALS, "red")),
            ),
            "Every": Number(sourced(of("refresh_interval_seconds")), unit="s", decimals=0, width_pixels=100),
            "Took": Number(sourced(of("refresh_duration_seconds")), unit="s", decimals=1, width_pixels=100),
            "Available": Number(sourced(of("available")), width_pixels=100, texts=YES_OR_NO),
            "Series": Number(sourced(of("series")), width_pixels=85),
        },
        sort="Up",
        ascending=True,
        size=(24, 7),
        filterable=False,
        no_value=NO_DATA,
        last=("source",),
    )


def _failures() -> list[Builder[Panel]]:
    by_reason = (*BY_COLLECTOR, "reason")
    refreshes = f"increase({OWN}collector_refresh_failures_total{{{SCOPE}}}{RATE})"
    failed = f"round({summed(refreshes, 'collector', 'reason')}) > 0"
    nobody = f'label_replace(0 * absent({OWN}collector_up{{{SCOPE}}}), "collector", "{NO_COLLECTOR}", "", "")'
    return [
        table(
            "Failing now",
            f"Why the last refresh failed. The last good data stay until it works again. {WHAT_TO_DO}",
            {
                "collector": Label("Collector", 150, words=COLLECTORS, colors={NO_COLLECTOR: "red"}),
                "reason": Label("Reason", words=REASONS),
            },
            {
                "Replicas": Number(
                    f"{summed(f'{OWN}collector_failing{{{SCOPE}}}', *by_reason)} > 0 or {nobody}",
                    width_pixels=100,
                    texts={"0": (BLANK, "text")},
                )
            },
            sort="Replicas",
            size=WIDE,
            filterable=False,
            no_value="Nothing fails",
        ),
        lines(
            "Failures by reason",
            f"Refreshes that failed. {WHAT_TO_DO}",
            {
                "No failure": f"0 * group({refreshes}) unless on () ({failed})",
                "{{collector}}: {{reason}}": failed,
            },
            unit="short",
            decimals=0,
            interval="5m",
            bars=True,
            size=WIDE,
            renamed=NAMED | {rf"^(.*): {name}$": f"$1: {word}" for name, word in REASONS.items()},
        )
        .stacking(StackingConfig().mode(StackingMode.NORMAL))
        .axis_soft_max(1),
    ]


def _api() -> list[Builder[Panel]]:
    requests = f"increase({OWN}api_requests_total{{{SCOPE}}}{HOUR})"
    buckets = f"rate({OWN}api_request_duration_seconds_bucket{{{SCOPE}}}{HOUR})"
    return [
        lines(
            "Requests in an hour",
            "Requests to the Admin API, retries included, by endpoint and status.",
            {"{{api_endpoint}} {{status}}": f"round({summed(requests, 'api_endpoint', 'status')})"},
            unit="short",
            decimals=0,
            interval="5m",
            size=WIDE,
        ),
        lines(
            "Latency",
            "Nineteen of twenty requests to the Admin API in an hour took no longer.",
            # What is not a number is not above 0, either.
            {"{{api_endpoint}}": f"histogram_quantile(0.95, {summed(buckets, 'api_endpoint', 'le')}) > 0"},
            unit="s",
            interval="5m",
            size=WIDE,
        ),
    ]


def _process() -> list[Builder[Panel]]:
    of_exporters = f"on (job, instance) {OWN}build_info{{{JOB}}}"
    series = f"max by ({', '.join(BY_COLLECTOR)}) ({OWN}collector_series{{{SCOPE}}})"
    return [
        lines(
            "Series",
            "Samples exposed by each collector.",
            {"{{collector}}": summed(series, "collector")},
            unit="short",
            size=QUARTER,
            renamed=NAMED,
        ).legend(VizLegendOptions().show_legend(True).placement(LegendPlacement.BOTTOM)),  # numbers are above
        lines(
            "Size of a scrape",
            "Bytes that a scrape gets, by content encoding.",
            {"{{encoding}}": f"max by (encoding) ({OWN}exposition_bytes{{{JOB}}})"},
            unit="bytes",
            size=QUARTER,
            renamed={"^identity$": "Not compressed"},
        ),
        lines(
            "Memory",
            "Resident memory of each exporter.",
            {"{{instance}}": f"process_resident_memory_bytes{{{JOB}}} and {of_exporters}"},
            unit="bytes",
            size=QUARTER,
        ),
        lines(
            "CPU",
            "What each exporter uses of one core.",
            {"{{instance}}": f"rate(process_cpu_seconds_total{{{JOB}}}{RATE}) and {of_exporters}"},
            unit="percentunit",
            size=QUARTER,
        ),
        _exporters(),
    ]


def _exporters() -> Builder[Panel]:
    by = "job, instance"
    builds = f"group by ({by}, version, revision, python_version) ({OWN}build_info{{{JOB}}})"

    def built(expression: str) -> str:
        with_build = f"* on ({by}) group_left (version, revision, python_version) {builds}"
        return f"max by ({by}) ({expression}) {with_build}"

    files = f"process_open_fds{{{JOB}}} / process_max_fds{{{JOB}}}"
    lost = f"increase({OWN}log_lines_dropped_total{{{JOB}}}{HOUR})"
    return table(
        "Exporters",
        "What runs where, and since when; the file descriptors in use, of those that it may use; and lines of the log "
        "that a blocked standard error has cost in an hour.",
        {
            "instance": Label("Instance", 240),
            "version": Label("Version", 110),
            "python_version": Label("Python", 100),
            "revision": Label("Revision"),
        },
        {
            "Running for": Number(built(f"time() - process_start_time_seconds{{{JOB}}}"), unit="s", decimals=1),
            "Open files": Number(
                built(files),
                unit="percentunit",
                decimals=0,
                width_pixels=110,
                steps=((None, "text"), (0.8, "red")),
            ),
            "Log lines lost": Number(built(f"round({lost})"), width_pixels=140, steps=((None, "text"), (1, "orange"))),
        },
        sort="Running for",
        ascending=True,
        size=(24, 5),
        filterable=False,
        no_value=NO_DATA,
        last=("version", "python_version", "revision"),
    )
