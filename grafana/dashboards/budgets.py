"""Budgets of grafana/alerts/budgets.yml: how much of each is used, and where the month will end."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from grafana.dashboards.panels import Steps
from grafana.dashboards.promql import SCOPE
from grafana.dashboards.tables import Label, Number, table

# As the alerts of thresholds.yml.
SHARE: Steps = ((None, "green"), (0.8, "orange"), (1, "red"))


def budgets(size: tuple[int, int]) -> Builder[Panel]:
    """A row a budget; without any, how to have one."""

    def of(recorded: str) -> str:
        # Without their own name, or the two columns would not be of the same rows.
        return f"max by (job, organization, scope, workspace, workspace_id) ({recorded}{{{SCOPE}}})"

    return table(
        "Budgets",
        "Month to date and projected month end as shares of the month's budgets. Without data there is no budget, or "
        "no rules: write one in grafana/alerts/budgets.yml.",
        {
            "scope": Label("Budget of", 130, words={"organization": "Organization", "workspace": "Workspace"}),
            "workspace": Label("Workspace", blank="all"),
        },
        {
            "Used": Number(of("anthropic:budget_used:ratio"), "percentunit", 0, 130, steps=SHARE, most=1.5),
            "Projected": Number(of("anthropic:budget_projected:ratio"), "percentunit", 0, 130, steps=SHARE, most=1.5),
        },
        sort="Used",
        size=size,
        filterable=False,
        no_value="Budgets are written in grafana/alerts/budgets.yml",
    )
