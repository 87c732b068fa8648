"""What the alerts look at: days as they are reported, weeks before them, names."""

from __future__ import annotations

from grafana.alerts.promql import (
    DAY_INFO,
    ORGANIZATION,
    REPLICA,
    dated_days,
    inside,
    median,
    newest_day,
    total,
    weeks_before,
)
from grafana.alerts.rules import Paragraph, Record

COST, MONTH, NOWCAST = "anthropic_cost_usd", "anthropic_cost_month_to_date_usd", "anthropic_cost_nowcast_usd"
TOKENS = "anthropic_usage_tokens"
LAST_HOUR = 'anthropic_usage_hour_tokens{hours_ago="1"}'
BY_WORKSPACE, BY_MODEL = f"{ORGANIZATION}, workspace_id", f"{ORGANIZATION}, model"
# Recorded names.
COST_DAYS = "organization_day:anthropic_cost_usd:sum"
WORKSPACE_DAYS = "organization_workspace_day:anthropic_cost_usd:sum"
MODEL_DAYS = "organization_model_day:anthropic_cost_usd:sum"
TYPE_DAYS = "organization_day_type:anthropic_usage_tokens:sum"
PROMPT_TOKENS = "organization_day:anthropic_usage_prompt_tokens:sum"
CACHE_HITS = "organization_day:anthropic_usage_cache_hit:ratio"
DECISIONS = "organization_day_decision:anthropic_claude_code_tool_actions:sum"
MODEL_NEWEST = "organization_model:anthropic_cost_newest_day_usd:sum"
MODEL_WEEK = "organization_model_day:anthropic_cost_week_before_usd:sum"
CACHE_HITS_WEEK = "organization_day:anthropic_usage_cache_hit_week_before:median"
WORKSPACE_NAME = "organization_workspace:anthropic_cost_workspace:info"
KEY_NAME = "organization_api_key:anthropic_api_key:info"

LATEST_NAMES = 'anthropic_exporter_collector_last_success_timestamp_seconds{collector="organization"}'

DATES = Record(
    DAY_INFO,
    f"topk by ({REPLICA}, days_ago) (1, timestamp(anthropic_exporter_day_info)) ^ 0",
    "The date of each days_ago, as it was scraped last.",
)
DAYS: Paragraph = (
    Record(WORKSPACE_DAYS, dated_days(COST, "workspace_id")),
    Record(MODEL_DAYS, dated_days(COST, "model", of='{model!="none"}')),
    Record(COST_DAYS, f"sum by ({ORGANIZATION}, days_ago, date) ({WORKSPACE_DAYS})"),
    Record(TYPE_DAYS, dated_days(TOKENS, "token_type")),
    Record(PROMPT_TOKENS, f'sum without (token_type) ({TYPE_DAYS}{{token_type!="output"}})'),
    Record(
        CACHE_HITS,
        f'sum without (token_type) ({TYPE_DAYS}{{token_type="cache_read"}})\n/ ({PROMPT_TOKENS} > 0)',
    ),
    Record(DECISIONS, dated_days("anthropic_claude_code_tool_actions", "decision")),
)
NEWEST: Paragraph = (
    Record(
        MODEL_NEWEST,
        newest_day(MODEL_DAYS),
        "The newest complete day that is reported: cost may be more than a day late, and counts as reported 72 hours "
        "after the day's end at the latest.",
    ),
)
WEEKS: Paragraph = (
    Record(MODEL_WEEK, weeks_before(total(BY_MODEL), MODEL_DAYS)),
    Record(CACHE_HITS_WEEK, weeks_before(median(ORGANIZATION), CACHE_HITS, (0, 1))),
)


WORKSPACES = "\nor\n".join(
    f"group by ({REPLICA}, organization, workspace_id, workspace) ({family})"
    for family in (COST, MONTH, NOWCAST, LAST_HOUR)
)
BY_LATEST_NAMES = f"* on ({REPLICA}, organization) group_left ()\n{LATEST_NAMES}"
NAMES: Paragraph = (
    Record(
        WORKSPACE_NAME,
        inside(
            f"group by ({BY_WORKSPACE}, workspace) ",
            inside(
                f"topk by ({BY_WORKSPACE}) ",
                "1,",
                inside("", WORKSPACES),
                BY_LATEST_NAMES,
                "or",
                WORKSPACES,
            ),
        ),
        "The name that was read last, where replicas have different ones.",
    ),
    Record(
        KEY_NAME,
        inside(
            f"group by ({ORGANIZATION}, api_key_id, api_key, workspace_id, workspace, status) ",
            inside(f"topk by ({ORGANIZATION}, api_key_id) ", "1,", "anthropic_api_key_info", BY_LATEST_NAMES),
        ),
    ),
)
