"""What a page says of itself first: whether its numbers are real and fresh, and which alerts fire."""

from __future__ import annotations

from grafana_foundation_sdk.builders.common import VizTextDisplayOptions
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueGraphMode, BigValueTextMode
from grafana_foundation_sdk.models.dashboard import Panel

from grafana.alerts.rules import RUNBOOK_URL
from grafana.dashboards.panels import GREY, NO_DATA, PLAIN, fixed_color, framed, instant, ref, texts_of
from grafana.dashboards.promql import JOB, ORGANIZATION, SCOPE, STALE_INTERVALS
from grafana.dashboards.stats import stat
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.words import COLLECTORS

WORDS_PIXELS = 14
WIDE_FROM = 16  # columns of the grid
ALERTS = 'alertname=~"Anthropic.+", alertname!="AnthropicDemoData"'
# Some alerts are of no job, or of no organization: that there is no exporter, or a budget of nothing.
OF_ALERTS = 'job=~"$job|", organization=~"$organization|"'


def banner(width: int) -> Builder[Panel]:
    """First of all panels: nobody shall take the demo's numbers for real ones."""
    demos, exporters = (f"count(anthropic_exporter_{name}{{{JOB}}})" for name in ("demo", "build_info"))
    return stat(
        "What these numbers are",
        "Invented numbers come from an exporter in demo mode; real ones from the Admin API of your organization.",
        f"({demos} < bool {exporters}) + 1 or 0 * {exporters} or 3 * absent(anthropic_exporter_build_info{{{JOB}}})",
        unit="short",
        texts={
            "0": ("Real, from the Admin API", "transparent"),
            "1": ("DEMO: every number here is invented", "red"),
            "2": ("DEMO: some of the numbers here are invented", "red"),
            "3": ("No exporter: is Prometheus scraping one?", "red"),
        },
        size=(width, 2),
    )


def freshness(collector: str) -> Builder[Panel]:
    """Beside the banner: when the collector's numbers were read, and whether they still are."""
    word = COLLECTORS[collector]
    texts, state = _state_without_numbers(collector)
    panel = framed(
        Stat(),
        "How old these numbers are",
        "When the API was last read with success, and for cost until when it has reported. A collector that fails or "
        f"is late by {STALE_INTERVALS} refreshes keeps its last good numbers: see Exporter health for the reason.",
        "dateTimeFromNow",
        NO_DATA,
        (12, 2),
        PLAIN,
    ).with_target(instant(state).legend_format(word))
    for number, (name, (expr, color)) in enumerate(_ages(collector).items(), start=1):
        panel = panel.with_target(instant(f"1000 * min({expr})").legend_format(name).ref_id(ref(number)))
        panel = panel.override_by_name(name, [fixed_color(color)])
    return (
        panel.mappings([texts_of(texts)])
        .color_mode(BigValueColorMode.BACKGROUND)
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .text(VizTextDisplayOptions().title_size(WORDS_PIXELS).value_size(WORDS_PIXELS))
    )


def _best(collector: str, state: str) -> str:
    """Of the replicas."""
    family = f"anthropic_exporter_collector_{state}"
    return f'max by ({", ".join(ORGANIZATION)}) ({family}{{{SCOPE}, collector="{collector}"}})'


def _fails(collector: str) -> str:
    """Not while the first refresh is under way."""
    return f"({_best(collector, 'up')} == 0 and {_best(collector, 'failing')} == 1)"


def _ages(collector: str) -> dict[str, tuple[str, str]]:
    """Of each organization, in one of these: since when it has its numbers, and a colour."""
    word = COLLECTORS[collector]
    success = f"({_best(collector, 'last_success_timestamp_seconds')} unless {_best(collector, 'available')} == 0)"
    interval = _best(collector, "refresh_interval_seconds")
    late = f"(time() - {success} > {STALE_INTERVALS} * {interval})"
    fails = _fails(collector)
    ages = {
        f"{word} fails, last read": (f"{success} and {fails}", "red"),
        f"{word} is late, last read": (f"{success} and {late} unless {fails}", "orange"),
        f"{word}, last read": (f"{success} unless {late} unless {fails}", "transparent"),
    }
    if collector == "cost":
        ages["Reported until"] = (_best(collector, "data_through_timestamp_seconds"), "transparent")
    return ages


def _state_without_numbers(collector: str) -> tuple[dict[str, tuple[str, str]], str]:
    """Why there are none, of whichever organization."""
    up, success = _best(collector, "up"), _best(collector, "last_success_timestamp_seconds")
    available = _best(collector, "available")
    build = f"anthropic_exporter_build_info{{{JOB}}}"
    found = (
        ("fails: no numbers yet", "red", f"group({_fails(collector)} unless {success})"),
        ("is not served to this key", "orange", f"group({available} == 0)"),
        ("is read for the first time", "blue", f"group({up} == 0 unless {success})"),
        ("is switched off", GREY, f"(group({build}) unless on () group({available}))"),
        ("No exporter", "red", f"absent({build})"),
    )
    texts = {str(number): (text, color) for number, (text, color, _) in enumerate(found)}
    return texts, " or ".join(f"{number} * {expr}" for number, (_, _, expr) in enumerate(found))


def firing_alerts(size: tuple[int, int]) -> Builder[Panel]:
    """What fires now, the worst first; the names are those of the runbook's sections, without their Anthropic."""

    def firing(severity: str, rank: int) -> str:
        # The last of these labels that an alert has says what it is about.
        about = f'ALERTS{{{OF_ALERTS}, {ALERTS}, alertstate="firing", severity{severity}}}'
        for label in ("scope", "collector", "model", "group", "workspace_id", "workspace", "api_key"):
            about = f'label_replace({about}, "about", "$1", "{label}", "(.+)")'
        about = f'label_replace({about}, "alertname", "$1", "alertname", "Anthropic(.+)")'
        return f"{rank} * group by (organization, alertname, about, date) ({about})"

    def silent(why: str, absent: str) -> str:
        return f'label_replace(5 * absent({absent}), "alertname", "{why}", "", "")'

    severities = {
        "1": ("critical", "red"),
        "2": ("warning", "orange"),
        "3": ("info", "blue"),
        "4": ("other", "text"),
        "5": ("unknown", "red"),
    }
    known = [severities[rank][0] for rank in "123"]
    matchers = (*(f'="{name}"' for name in known), f'!~"{"|".join(known)}"')
    firing_ones = [firing(matcher, rank) for rank, matcher in enumerate(matchers, start=1)]
    # Nothing reassuring where there is nothing to fire about, or nothing that would.
    away = silent("No exporter", f"anthropic_exporter_build_info{{{JOB}}}")
    no_rules = silent("The rules are not loaded", "anthropic:threshold:constant")
    is_wide = size[0] >= WIDE_FROM
    return table(
        "Firing alerts",
        "Alerts of grafana/alerts that fire now, but the demo's own. Each has its section, as Anthropic…, in the "
        f"[runbook]({RUNBOOK_URL}).",
        {
            "organization": Label("Organization", 200 if is_wide else 110),
            "alertname": Label("Alert"),
            "about": Label("About", 300 if is_wide else 150, words=COLLECTORS),
            "date": Label("Day", 95),
        },
        {
            "Severity": Number(
                " or ".join([*firing_ones, f"sum by (alertname) ({away} or {no_rules})"]),
                width_pixels=92,
                texts=severities,
            )
        },
        sort="Severity",
        ascending=True,
        size=size,
        filterable=False,
        no_value="No alert fires",
    )
