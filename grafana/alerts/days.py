"""What the alerts look at: days, weeks before them, the month."""

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

COST, MONTH = "anthropic_cost_usd", "anthropic_cost_month_to_date_usd"
TOKENS = "anthropic_usage_tokens"
BY_WORKSPACE, BY_MODEL = f"{ORGANIZATION}, workspace_id", f"{ORGANIZATION}, model"
# Recorded names.
COST_DAYS = "organization_day:anthropic_cost_usd:sum"
WORKSPACE_DAYS = "organization_workspace_day:anthropic_cost_usd:sum"
MODEL_DAYS = "organization_model_day:anthropic_cost_usd:sum"
TYPE_DAYS = "organization_day_type:anthropic_usage_tokens:sum"
DEAR_TOKENS = "organization_day:anthropic_usage_tokens_without_cache_reads:sum"
PROMPT_TOKENS = "organization_day:anthropic_usage_prompt_tokens:sum"
CACHE_HITS = "organization_day:anthropic_usage_cache_hit:ratio"
DECISIONS = "organization_day_decision:anthropic_claude_code_tool_actions:sum"
COST_NEWEST = "organization:anthropic_cost_newest_day_usd:sum"
WORKSPACE_NEWEST = "organization_workspace:anthropic_cost_newest_day_usd:sum"
MODEL_NEWEST = "organization_model:anthropic_cost_newest_day_usd:sum"
COST_WEEK = "organization_day:anthropic_cost_week_before_usd:median"
WORKSPACE_WEEK = "organization_workspace_day:anthropic_cost_week_before_usd:median"
MODEL_WEEK = "organization_model_day:anthropic_cost_week_before_usd:sum"
TOKENS_WEEK = "organization_day:anthropic_usage_tokens_without_cache_reads_week_before:median"
CACHE_HITS_WEEK = "organization_day:anthropic_usage_cache_hit_week_before:median"
WORKSPACE_MONTH = "organization_workspace:anthropic_cost_month_to_date_usd:sum"
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
    Record(
        WORKSPACE_MONTH,
        inside(f"max by ({BY_WORKSPACE}) ", f"sum by ({REPLICA}, organization, workspace_id) ({MONTH})"),
    ),
    Record(TYPE_DAYS, dated_days(TOKENS, "token_type")),
    Record(
        DEAR_TOKENS,
        f'sum without (token_type) ({TYPE_DAYS}{{token_type!="cache_read"}})',
        "A cache read costs a tenth of other prompt tokens.",
    ),
    Record(PROMPT_TOKENS, f'sum without (token_type) ({TYPE_DAYS}{{token_type!="output"}})'),
    Record(
        CACHE_HITS,
        f'sum without (token_type) ({TYPE_DAYS}{{token_type="cache_read"}})\n/ ({PROMPT_TOKENS} > 0)',
    ),
    Record(DECISIONS, dated_days("anthropic_claude_code_tool_actions", "decision")),
)
NEWEST: Paragraph = (
    Record(
        COST_NEWEST,
        newest_day(COST_DAYS),
        "The newest complete day that is reported: cost may be more than a day late, and counts as reported 72 hours "
        "after the day's end at the latest.",
    ),
    Record(WORKSPACE_NEWEST, newest_day(WORKSPACE_DAYS)),
    Record(MODEL_NEWEST, newest_day(MODEL_DAYS)),
)
WEEKS: Paragraph = (
    Record(
        COST_WEEK,
        weeks_before(median(ORGANIZATION), COST_DAYS),
        "The seven days before each: a day is measured by the same days when it has become a day older.",
    ),
    Record(WORKSPACE_WEEK, weeks_before(median(BY_WORKSPACE), WORKSPACE_DAYS)),
    Record(MODEL_WEEK, weeks_before(total(BY_MODEL), MODEL_DAYS)),
    Record(TOKENS_WEEK, weeks_before(median(ORGANIZATION), DEAR_TOKENS, (0, 1, 2))),
    Record(CACHE_HITS_WEEK, weeks_before(median(ORGANIZATION), CACHE_HITS, (0, 1))),
)


def _workspaces(family: str) -> str:
    return f"group by ({REPLICA}, organization, workspace_id, workspace) ({family})"


BY_LATEST_NAMES = f"* on ({REPLICA}, organization) group_left ()\n{LATEST_NAMES}"
NAMES: Paragraph = (
    Record(
        WORKSPACE_NAME,
        inside(
            f"group by ({BY_WORKSPACE}, workspace) ",
            inside(
                f"topk by ({BY_WORKSPACE}) ",
                "1,",
                inside("", _workspaces(COST), "or", _workspaces(MONTH)),
                BY_LATEST_NAMES,
                "or",
                _workspaces(COST),
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
