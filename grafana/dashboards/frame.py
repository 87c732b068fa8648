"""What all dashboards share: links to each other, variables, and the signs above everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from grafana_foundation_sdk.builders.dashboard import (
    CustomVariable,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
    TimePicker,
)
from grafana_foundation_sdk.cog.builder import Builder
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

from grafana.dashboards.panels import DATASOURCE
from grafana.dashboards.promql import SCOPE
from grafana.dashboards.signs import banner, freshness

TAG = "anthropic"
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

    It says how old its collector's numbers are. Panels of the row "" have no title above them. Without
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


def tag_variable() -> QueryVariable:
    """The label of workspaces that cost is added up by: their tags, or where their data are, which they all have."""
    return (
        QueryVariable("tag")
        .label("By tag")
        .datasource(DATASOURCE)
        .query("label_names()")
        .regex("/^(tag_.+|workspace_geo)$/")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )


def days_variable(first: str = "Yesterday") -> CustomVariable:
    """Which days the breakdowns are of, as a matcher of `days_ago`: `first` those of this name."""
    choices = {
        "Yesterday": "1",
        "Today so far": "0",
        "Day before yesterday": "2",
        "Last 7 complete days": "[1-7]",
        "All exposed days": ".+",
    }
    options = [VariableOption(selected=text == first, text=text, value=value) for text, value in choices.items()]
    values = ", ".join(f"{text} : {value}" for text, value in choices.items())
    (current,) = (option for option in options if option.selected)
    return CustomVariable("days").label("Days of the breakdowns").values(values).options(options).current(current)


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
