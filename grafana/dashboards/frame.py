"""What all dashboards share: folder links, variables, and the banner that tells invented numbers from real ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from grafana_foundation_sdk.builders.common import VizTextDisplayOptions
from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
    TimePicker,
)
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueGraphMode, BigValueTextMode
from grafana_foundation_sdk.models.dashboard import Dashboard as Built
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.dashboards.panels import DATASOURCE, HALF, NO_DATA, framed, instant, ref, texts_of
from grafana.dashboards.promql import JOB, ORGANIZATION, SCOPE
from grafana.dashboards.stats import stat
from grafana.dashboards.tables import Label, Number, table
from grafana.dashboards.words import COLLECTORS

TAG = "anthropic"
RUNBOOK = "https://github.com/anthropic-exporter/anthropic-exporter/blob/main/grafana/runbook.md"
WORDS_PIXELS = 14
ALERTS = 'alertname=~"Anthropic.+", alertname!="AnthropicDemoData"'
# Some alerts are of no job: that there is none, or a budget.
OF_ALERTS = 'job=~"$job|", organization=~"$organization"'
ALL = VariableOption(selected=True, text="All", value="$__all")
# Grafana shows the label, and filters by the ID, which is what stays when a workspace is renamed.
NAME_AND_ID = r'/workspace="(?<text>.*)",\s*workspace_id="(?<value>[^"]*)"/'

Rows = Mapping[str, Sequence[Builder[Panel]]]


def dashboard(
    uid: str,
    title: str,
    description: str,
    variables: Iterable[Builder[VariableModel]],
    rows: Rows,
    *,
    collector: str = "",
    has_range: bool = False,
) -> Built:
    """The dashboard `anthropic-<uid>`, with the variables of all and its own.

    It says whether its collector's numbers are up to date. Panels of the row "" have no title above them. Without
    `has_range`, nothing depends on the time picker.
    """
    built = (
        Dashboard(f"Anthropic / {title}")
        .uid(f"anthropic-{uid}")
        .description(description)
        .tags([TAG])
        .time("now-24h", "now")
        .timepicker(TimePicker().hidden(not has_range))
        .timezone("utc")  # the API's days are UTC days
        .refresh("5m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .link(
            DashboardLink("Anthropic")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(False)
        )
    )
    for variable in (*scope_variables(), *variables):
        built = built.with_variable(variable)
    built = built.with_panel(banner(12 if collector else 24))
    if collector:
        built = built.with_panel(freshness(collector))
    for name, panels in rows.items():
        built = built.with_row(Row(name)) if name else built
        for panel in panels:
            built = built.with_panel(panel)
    return _numbered(built.build())


def _numbered(built: Built) -> Built:
    """With an ID for each panel, so that links to one hold."""
    for number, panel in enumerate(built.panels or [], start=1):
        panel.id_val = number
    return built


def banner(width: int) -> Builder[Panel]:
    """First of all panels: nobody shall take the demo's numbers for real ones."""
    return stat(
        "What these numbers are",
        "Invented numbers come from an exporter in demo mode; real ones from the Admin API of your organization.",
        f"max(anthropic_exporter_demo{{{JOB}}}) or 0 * max(anthropic_exporter_build_info{{{JOB}}})"
        f" or 2 * absent(anthropic_exporter_build_info{{{JOB}}})",
        unit="short",
        texts={
            "0": ("Real, from the Admin API", "transparent"),
            "1": ("DEMO: every number here is invented", "red"),
            "2": ("No exporter: is Prometheus scraping one?", "red"),
        },
        size=(width, 2),
    )


def freshness(collector: str) -> Builder[Panel]:
    """Beside the banner: whether the collector fails, and since when its numbers stand still."""
    of, by = f'{SCOPE}, collector="{collector}"', ", ".join(ORGANIZATION)
    up = f"max by ({by}) (anthropic_exporter_collector_up{{{of}}})"
    success = f"max by ({by}) (anthropic_exporter_collector_last_success_timestamp_seconds{{{of}}})"
    away = f"max by ({by}) (anthropic_exporter_collector_available{{{of}}}) == 0"
    word = COLLECTORS[collector]
    states = {
        f"{word} fails: its numbers are from": f"1000 * min({success} and ({up} == 0))",
        f"{word} fails": f"0 * min(({up} == 0) unless {success})",
        f"{word} ": f"1 + 0 * min({away})",
        word: f"2 * (max({up}) ^ 0) unless on () ({up} == 0) unless on () ({away})"
        f" or 3 * absent(anthropic_exporter_build_info{{{JOB}}})",
    }
    texts = {
        "0": ("no numbers yet", "red"),
        "1": ("is not served to this key", "orange"),
        "2": ("is up to date", "transparent"),
        "3": ("No exporter", "red"),
    }
    panel = framed(
        Stat(),
        "Whether they are up to date",
        "A collector that fails keeps its last good numbers. See Exporter health for the reason.",
        "dateTimeFromNow",
        NO_DATA,
        (12, 2),
        ((None, "red"),),
    )
    for number, (name, expr) in enumerate(states.items()):
        panel = panel.with_target(instant(expr).legend_format(name).ref_id(ref(number)))
    return (
        panel.mappings([texts_of(texts)])
        .color_mode(BigValueColorMode.BACKGROUND)
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .text(VizTextDisplayOptions().title_size(WORDS_PIXELS).value_size(WORDS_PIXELS))
    )


def firing_alerts(size: tuple[int, int]) -> Builder[Panel]:
    """What fires now, the worst first; the names are those of the runbook's sections, without their Anthropic."""

    def firing(severity: str, rank: int) -> str:
        # The last of these labels that an alert has says what it is about.
        about = f'ALERTS{{{OF_ALERTS}, {ALERTS}, alertstate="firing", severity="{severity}"}}'
        for label in ("organization", "scope", "collector", "model", "workspace", "api_key"):
            about = f'label_replace({about}, "about", "$1", "{label}", "(.+)")'
        about = f'label_replace({about}, "alertname", "$1", "alertname", "Anthropic(.+)")'
        return f"{rank} * group by (alertname, about, date) ({about})"

    def silent(why: str, absent: str) -> str:
        return f'label_replace(4 * absent({absent}), "alertname", "{why}", "", "")'

    severities = {"1": ("critical", "red"), "2": ("warning", "orange"), "3": ("info", "blue"), "4": ("unknown", "red")}
    firing_ones = [firing(severities[rank][0], int(rank)) for rank in "123"]
    # Nothing reassuring where there is nothing to fire about, or nothing that would.
    away = silent("No exporter", f"anthropic_exporter_build_info{{{JOB}}}")
    no_rules = silent("The rules are not loaded", "anthropic:threshold:constant")
    return table(
        "Firing alerts",
        "Alerts of grafana/alerts that fire now, but the demo's own. Each has its section, as Anthropic…, in the "
        f"[runbook]({RUNBOOK}).",
        {
            "alertname": Label("Alert"),
            "about": Label("About", 160 if size[0] < HALF[0] else 300, words=COLLECTORS),
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


def scope_variables() -> Iterable[Builder[VariableModel]]:
    yield DatasourceVariable("datasource").label("Data source").type("prometheus")
    yield _query("job", "Job", "label_values(anthropic_exporter_build_info, job)").all_value(".+")
    # Without --organization.name there is no such label: All has to match that too.
    organizations = 'label_values(anthropic_exporter_collector_up{job=~"$job"}, organization)'
    yield _query("organization", "Organization", organizations)


def workspace_variable(family: str) -> QueryVariable:
    query = f"query_result(group by (workspace, workspace_id) ({family}{{{SCOPE}}}))"
    return _query("workspace", "Workspace", query).regex(NAME_AND_ID)


def label_variable(label: str, title: str, family: str, *matchers: str) -> QueryVariable:
    """`label_values`, with All for every value and none."""
    return _query(label, title, f"label_values({family}{{{', '.join((SCOPE, *matchers))}}}, {label})")


def days_variable(all_days: str = ".+") -> CustomVariable:
    """Which days the breakdowns are of, as a matcher of `days_ago`; yesterday at first."""
    choices = {
        "Yesterday": "1",
        "Today so far": "0",
        "Day before yesterday": "2",
        "Last 7 complete days": "[1-7]",
        "All exposed days": all_days,
    }
    options = [VariableOption(selected=text == "Yesterday", text=text, value=value) for text, value in choices.items()]
    values = ", ".join(f"{text} : {value}" for text, value in choices.items())
    return CustomVariable("days").label("Days of the breakdowns").values(values).options(options).current(options[0])


def _query(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(ALL)
    )
