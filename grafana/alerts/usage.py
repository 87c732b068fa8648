"""Tokens and what people do with Claude Code: what has no price yet, the cache, models, acceptance."""

from __future__ import annotations

from grafana.alerts.days import (
    CACHE_HITS,
    CACHE_HITS_WEEK,
    COST_DAYS,
    DECISIONS,
    MODEL_NEWEST,
    MODEL_WEEK,
    NOWCAST,
    PROMPT_TOKENS,
    TYPE_DAYS,
)
from grafana.alerts.known import WHOLE, WITHOUT_NOWCAST
from grafana.alerts.promql import (
    NAMED_ORGANIZATION,
    OF_ORGANIZATION,
    ORGANIZATION,
    dated_days,
    inside,
    median,
    threshold,
    times_and_more,
    weeks_before,
)
from grafana.alerts.rules import Alert, Paragraph, Record

UNPRICED_DAYS = "organization_day:anthropic_unpriced_tokens_without_cache_reads:sum"
UNPRICED_WEEK = "organization_day:anthropic_unpriced_tokens_without_cache_reads_week_before:median"
ACCEPTANCE = "organization_day:anthropic_claude_code_tool_acceptance:ratio"

UNPRICED: Paragraph = (
    Record(
        UNPRICED_DAYS,
        "\n".join(
            (
                dated_days("anthropic_unpriced_tokens", of='{token_type!="cache_read"}'),
                f"or 0 * {WHOLE.days} and on ({ORGANIZATION}) {NOWCAST}",
                f'or sum without (token_type) ({TYPE_DAYS}{{token_type!="cache_read"}}) {WITHOUT_NOWCAST}',
            )
        ),
        "Tokens that the nowcast has no price for; all of them, where there is no nowcast. A cache read costs a tenth "
        "of other prompt tokens.",
    ),
    Record(UNPRICED_WEEK, weeks_before(median(ORGANIZATION), UNPRICED_DAYS, (0, 1, 2))),
)
TOKEN_SPIKE = Alert(
    "AnthropicTokenSpike",
    "warning",
    inside(
        f"max by ({ORGANIZATION}, date) ",
        inside(
            "",
            f'{UNPRICED_DAYS}{{days_ago="0"}}',
            "or",
            f'{UNPRICED_DAYS}{{days_ago=~"[12]"}}',
            f"and on ({ORGANIZATION}) {COST_DAYS}",
            f"unless on ({ORGANIZATION}, date) {COST_DAYS}",
        ),
        f"> on ({ORGANIZATION}, days_ago) group_left ()",
        times_and_more("token_spike_ratio", UNPRICED_WEEK, "token_spike_tokens"),
    ),
    "15m",
    "30m",
    "A day has used far more tokens without a price than usual.",
    f"{{{{ $value | humanize }}}} tokens without a price, cache reads aside, on {{{{ $labels.date }}}} (UTC) as far as "
    f"reported{NAMED_ORGANIZATION}: far above the median of the seven days before. No estimate has their cost. See "
    "Today as it grows, against earlier days on the Usage dashboard.",
    "Of what no alert on cost sees before the bill: holds until the day's is reported.",
)


def _with_traffic(day: int) -> str:
    """The day's ratio, if it has prompts enough."""
    return "\n".join(
        (
            f'{CACHE_HITS}{{days_ago="{day}"}}',
            "and",
            f'{PROMPT_TOKENS}{{days_ago="{day}"}}',
            f"> {threshold('cache_hit_prompt_tokens')}",
        )
    )


CACHE_HIT_COLLAPSE = Alert(
    "AnthropicCacheHitCollapse",
    "warning",
    inside(
        f"max by ({ORGANIZATION}) ",
        inside(
            "",
            _with_traffic(0),
            "and",
            f'{PROMPT_TOKENS}{{days_ago="0"}}',
            f"> on ({ORGANIZATION}) group_left ()",
            inside(
                "",
                threshold("cache_hit_day_ratio"),
                inside(f"* quantile by ({ORGANIZATION}) ", f'0.5, {PROMPT_TOKENS}{{days_ago=~"[1-7]"}}'),
            ),
            f"or on ({ORGANIZATION})",
            _with_traffic(1),
        ),
        f"< on ({ORGANIZATION}, days_ago) group_left ()",
        inside("", threshold("cache_hit_collapse_ratio"), f"* {CACHE_HITS_WEEK}"),
    ),
    "1h",
    "1h",
    "Far fewer prompt tokens than usual come from the cache.",
    "{{ $value | humanizePercentage }} of the prompt tokens of the newest day with traffic (UTC) came from the cache"
    f"{NAMED_ORGANIZATION}: far below the median of the seven days before. Each of the others costs ten times as much "
    "or more. See Models on the Usage dashboard.",
    "Of yesterday, until today has had enough of a usual day's traffic to be judged by itself: a new day that is still "
    "empty is no collapse, and no end of one, and a nightly batch without a cache is not the day.",
)
MODEL_DOMINANT = Alert(
    "AnthropicModelDominant",
    "info",
    inside(
        f"max by ({ORGANIZATION}, model, date) ",
        MODEL_NEWEST,
        f"/ on ({ORGANIZATION}, date) group_left ()",
        inside("", f"sum by ({ORGANIZATION}, date) ({MODEL_NEWEST})", f"> {threshold('model_dominant_usd')}"),
        f"> {threshold('model_dominant_ratio')}",
        f"and on ({ORGANIZATION}, model, days_ago)",
        MODEL_WEEK,
        f"/ on ({ORGANIZATION}, days_ago) group_left ()",
        f"sum by ({ORGANIZATION}, days_ago) ({MODEL_WEEK})",
        f"< {threshold('model_usual_ratio')}",
    ),
    "15m",
    "30m",
    "One model suddenly makes up most of the cost.",
    "{{ $labels.model }} made up {{ $value | humanizePercentage }} of the cost of tokens on {{ $labels.date }}"
    f"{OF_ORGANIZATION}; in the seven days before it was a minor one. See Each day by model on the Cost "
    "dashboard.",
    "Holds until the next day is reported.",
)

TOOL_ACCEPTANCE: Paragraph = (
    Record(
        ACCEPTANCE,
        f'sum without (decision) ({DECISIONS}{{decision="accepted"}})\n'
        + inside("/ ", f"sum without (decision) ({DECISIONS})", f"> {threshold('tool_acceptance_proposals')}"),
        "Of days with proposals enough.",
    ),
    Alert(
        "AnthropicToolAcceptanceCollapse",
        "info",
        "\n".join(
            (
                f'max by ({ORGANIZATION}) ({ACCEPTANCE}{{days_ago="1"}})',
                f"< {threshold('tool_acceptance_collapse_ratio')}",
                inside(f"* quantile by ({ORGANIZATION}) ", f'0.5, {ACCEPTANCE}{{days_ago=~"[2-8]"}}'),
            )
        ),
        "2h",
        "30m",
        "People accept far fewer of Claude Code's proposals than usual.",
        f"{{{{ $value | humanizePercentage }}}} of yesterday's (UTC) proposals were accepted{NAMED_ORGANIZATION}: far "
        "below the median of the seven days before. See Tool acceptance on the Claude Code dashboard.",
    ),
)
