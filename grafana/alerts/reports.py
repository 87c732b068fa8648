"""Reports that the API itself has stopped."""

from __future__ import annotations

from grafana.alerts.exporters import AND_ON_COLLECTOR, BY_COLLECTOR, OWN, best
from grafana.alerts.promql import OF_ORGANIZATION, REPLICA, inside, threshold, with_date
from grafana.alerts.rules import Alert, Paragraph, Record

DAY_STARTS = "organization_collector_date:anthropic_report_day_start_timestamp_seconds:max"
THROUGH = "organization_collector:anthropic_report_through_timestamp_seconds:max"
DAYS_BEFORE = "organization_collector:anthropic_report_days_before:count"
EVERY_START = f"last_over_time({DAY_STARTS}[30d])"
LATE = '> on (collector) group_left ()\nanthropic:threshold:constant{threshold="report_age_seconds"}'


def _rows(collector: str, family: str) -> str:
    return inside(
        "label_replace",
        f"sum by ({REPLICA}, organization, days_ago) ({family}) > 0,",
        f'"collector", "{collector}", "", ""',
    )


REPORT_LATE: Paragraph = (
    Record(
        DAY_STARTS,
        "\n".join(
            (
                inside(
                    f"max by ({BY_COLLECTOR}, date) ",
                    inside(
                        "0 * ",
                        _rows("usage", "anthropic_usage_tokens"),
                        "or",
                        _rows("claude_code", "anthropic_claude_code_active_actors"),
                    ),
                    f"+ on ({REPLICA}, days_ago) group_left (date)",
                    inside("", f"{OWN}bucket_start_timestamp_seconds", with_date()),
                ),
                f"unless on ({BY_COLLECTOR}, date)",
                f"last_over_time({DAY_STARTS}[6h])",
            )
        ),
        "The start of each day that has rows. It is read over a month, hence written only every six hours.",
    ),
    Record(
        THROUGH,
        inside(
            f"max by ({BY_COLLECTOR}) ",
            f"{EVERY_START} + 86400",
            "or",
            f'{OWN}collector_data_through_timestamp_seconds{{collector=~"usage|claude_code"}}',
        ),
        "The end of the newest of them, also when it is no longer exposed.",
    ),
    Record(
        DAYS_BEFORE,
        inside(
            f"count by ({BY_COLLECTOR}) ",
            EVERY_START,
            f"< on ({BY_COLLECTOR}) group_left ()",
            f"({THROUGH} - 86400)",
            f">= on ({BY_COLLECTOR}) group_left ()",
            f"({THROUGH} - 8 * 86400)",
        ),
        "How many of the seven days before that one had rows, too.",
    ),
    Alert(
        "AnthropicReportLate",
        "info",
        "\n".join(
            (
                inside(
                    "",
                    f"time() - {THROUGH}",
                    LATE,
                    "and",
                    DAYS_BEFORE,
                    f">= {threshold('report_active_days')}",
                    "or",
                    "time()",
                    inside(
                        f"- max by ({BY_COLLECTOR}) ",
                        f'{OWN}collector_data_through_timestamp_seconds{{collector="cost"}}',
                    ),
                    LATE,
                ),
                AND_ON_COLLECTOR,
                f"{best('up')} == 1",
            )
        ),
        "30m",
        "15m",
        "The API's own report is late.",
        f"The {{{{ $labels.collector }}}} report{OF_ORGANIZATION} ends {{{{ $value | humanizeDuration }}}} ago, though "
        "refreshes succeed: the API is late, not the exporter, or there has been nothing to report since. See State of "
        "the collectors on the Exporter health dashboard.",
        "Usage and Claude Code end where nobody works: only what was used most days is missed.",
    ),
)
