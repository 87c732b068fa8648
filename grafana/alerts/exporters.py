"""The exporters themselves: what the API refuses, what is old, what is away."""

from __future__ import annotations

from grafana.alerts.promql import FOR_ORGANIZATION, OF_ORGANIZATION, ORGANIZATION, inside, threshold
from grafana.alerts.rules import Alert

OWN = "anthropic_exporter_"
BY_COLLECTOR = f"{ORGANIZATION}, collector"
AND_ON_COLLECTOR = f"and on ({BY_COLLECTOR})"
REJECTED = f'min by ({BY_COLLECTOR}) ({OWN}collector_failing{{reason="auth"}}) == 1'
COLLECTOR = "The {{ $labels.collector }} collector"


def best(state: str) -> str:
    """Of the replicas."""
    return f"max by ({BY_COLLECTOR}) ({OWN}collector_{state})"


_REASON = (
    '{{ with printf "anthropic_exporter_collector_failing{job=%q, organization=%q, collector=%q} == 1" $labels.job '
    '$labels.organization $labels.collector | query }} with reason {{ . | first | label "reason" }}{{ end }}'
)

COLLECTOR_ALERTS = (
    Alert(
        "AnthropicCredentialsRejected",
        "critical",
        inside(f"count by ({ORGANIZATION}) ", REJECTED),
        "5m",
        "15m",
        "The API rejects the Admin key.",
        f"The API answers 401{FOR_ORGANIZATION}: the Admin key is wrong, revoked or expired. Collectors that fail "
        "for it: {{ $value | humanize }}. The last good data stay, and age. See Failing now on the Exporter health "
        "dashboard.",
        "One alert for one key, however many collectors use it.",
    ),
    Alert(
        "AnthropicNothingServed",
        "critical",
        f"max by ({ORGANIZATION}) ({OWN}up) == 0\nunless on ({ORGANIZATION}) {OWN}collector_up",
        "10m",
        "15m",
        "The API serves nothing to this key.",
        f"The API answers 403 or 404 to every collector{OF_ORGANIZATION}: there are no numbers at all, and no "
        "other alert on usage and cost works. The kind of key or the base URL is wrong, or the organization has no "
        "Admin API. See State of the collectors on the Exporter health dashboard.",
        "From the first scrape on: a key or an address that sees nothing has never worked. Once one collector is "
        "available, whether it works or not is told by the others.",
    ),
    Alert(
        "AnthropicCollectorFailing",
        "warning",
        f"{best('up')} == 0\nunless on ({BY_COLLECTOR})\n{REJECTED}",
        "30m",
        "15m",
        "A collector fails.",
        f"Refreshes of the {{{{ $labels.collector }}}} collector fail{FOR_ORGANIZATION}{_REASON}. The last good "
        "data stay, and age. See the exporter's log, and Failing now on the Exporter health dashboard.",
    ),
    Alert(
        "AnthropicCollectorUnavailable",
        "warning",
        f"{best('available')} == 0\n{AND_ON_COLLECTOR}\n"
        f"max by ({BY_COLLECTOR}) (max_over_time({OWN}collector_up[7d])) == 1",
        "15m",
        "15m",
        "The API no longer serves a report.",
        f"The API answers 403 or 404 to the {{{{ $labels.collector }}}} collector{OF_ORGANIZATION}, which worked "
        "within the last seven days: its families are gone, and the alerts on them are silent. See State of the "
        "collectors on the Exporter health dashboard.",
        "It has succeeded within the last seven days.",
    ),
    Alert(
        "AnthropicDataStale",
        "critical",
        "\n".join(
            (
                "time()",
                inside(
                    f"- max by ({BY_COLLECTOR}) ",
                    f"max_over_time({OWN}collector_last_success_timestamp_seconds[1d])",
                ),
                f"> {threshold('stale_intervals')}",
                f"  * {best('refresh_interval_seconds')}",
                AND_ON_COLLECTOR,
                f"{best('available')} == 1",
            )
        ),
        "1h",
        "15m",
        "A collector's data are old.",
        f"{COLLECTOR} last succeeded {{{{ $value | humanizeDuration }}}} ago{FOR_ORGANIZATION}: what dashboards "
        "and alerts show is of then. See State of the collectors on the Exporter health dashboard.",
        "Each collector by its own interval; a restart does not forget the last success.",
    ),
)
PRESENCE_ALERTS = (
    Alert(
        "AnthropicExporterAbsent",
        "critical",
        inside(
            "",
            f"group by ({ORGANIZATION}) (last_over_time({OWN}up[1d]))",
            f"unless group by ({ORGANIZATION}) ({OWN}up)",
        )
        + f"\nor on () absent({OWN}up)",
        "10m",
        "15m",
        "No exporter is scraped.",
        "Prometheus gets nothing from {{ with $labels.job }}job {{ . }}{{ else }}any exporter{{ end }}"
        f"{FOR_ORGANIZATION}: no dashboard and no other alert on its usage and cost works. See "
        "Prometheus' targets page.",
        "An organization's exporters that have vanished, or all of them.",
    ),
    Alert(
        "AnthropicDemoData",
        "warning",
        f"group by (job, instance) ({OWN}demo == 1)",
        "5m",
        "",
        "Invented numbers are in this Prometheus.",
        "{{ $labels.instance }} of job {{ $labels.job }} runs in demo mode: its numbers are invented. See the "
        "target's settings.",
    ),
)
