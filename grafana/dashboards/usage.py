"""What the API is used for: tokens, caching, batches, searches. Tokens come before cost does."""

from __future__ import annotations

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.dashboards.frame import dashboard, days_variable, label_variable, workspace_variable
from grafana.dashboards.panels import FULL, HALF, Steps, day_bars, lines, ranking, stat, table
from grafana.dashboards.promql import (
    BY_WORKSPACE,
    CHOSEN_DAYS,
    WORKSPACE,
    by_workspace,
    day,
    largest,
    merged,
    on_dates,
    ratio,
    total,
)

TOKENS = "anthropic_usage_tokens"
SEARCHES = "anthropic_usage_web_search_requests"
MODEL = 'model=~"$model"'
PROMPT, CACHE_READ, OUTPUT = 'token_type!="output"', 'token_type="cache_read"', 'token_type="output"'
BATCH = 'service_tier="batch"'
CHOSEN = "Of the days chosen above."
NOT_REPORTED = "Not reported yet"
NO_USAGE = "No usage is reported: see Exporter health"
HIT_RATIO: Steps = ((None, "orange"), (0.3, "yellow"), (0.6, "green"))


def build() -> Dashboard:
    return dashboard(
        "usage",
        "Usage",
        "Tokens and web searches by day, workspace and model, and how well prompts are cached.",
        (workspace_variable(TOKENS), label_variable("model", "Model", TOKENS), days_variable("[0-9]")),
        {
            "At a glance": _at_a_glance(),
            "Day by day": _day_by_day(),
            "Today": [_today()],
            "Who and what": _who_and_what(),
            "Caching": _caching(),
        },
    )


def _at_a_glance() -> list[Builder[Panel]]:
    return [
        stat(
            "Tokens yesterday",
            "All tokens of the last complete UTC day.",
            total(_tokens(day(1))),
            unit="short",
            no_value=NOT_REPORTED,
        ),
        stat(
            "Tokens today",
            "All tokens of the current UTC day so far, some minutes late.",
            total(_tokens(day(0))),
            unit="short",
            no_value=NOT_REPORTED,
        ),
        stat(
            "Cache hit ratio",
            f"Share of the prompts' tokens that were read from the cache. {CHOSEN}",
            ratio(total(_tokens(CHOSEN_DAYS, CACHE_READ)), total(_tokens(CHOSEN_DAYS, PROMPT))),
            unit="percentunit",
            steps=HIT_RATIO,
            no_value="No prompts",
        ),
        stat(
            "Output to input",
            f"Tokens of output for each token of prompt, cached or not. {CHOSEN}",
            ratio(total(_tokens(CHOSEN_DAYS, OUTPUT)), total(_tokens(CHOSEN_DAYS, PROMPT))),
            unit="percentunit",
            no_value="No prompts",
        ),
        stat(
            "Batch share",
            f"Share of the tokens that went through the Batch API, at half the price. {CHOSEN}",
            ratio(f"{total(_tokens(CHOSEN_DAYS, BATCH))} or vector(0)", total(_tokens(CHOSEN_DAYS))),
            unit="percentunit",
            no_value="No tokens",
        ),
        stat(
            "Web searches",
            f"Server-side web searches. {CHOSEN}",
            total(_searches(CHOSEN_DAYS)),
            unit="short",
            no_value=NOT_REPORTED,
        ),
    ]


def _day_by_day() -> list[Builder[Panel]]:
    by_id = total(on_dates(total(_tokens(), *BY_WORKSPACE, "days_ago")), *BY_WORKSPACE, "date")
    return [
        day_bars(
            "By model",
            "Tokens of each exposed UTC day by model, from the first scrape on; the newest day is still growing.",
            _by_date("model"),
            column="model",
            unit="short",
            no_value=NO_USAGE,
        ),
        day_bars(
            "By token type",
            "Tokens of each exposed UTC day by type; cache reads cost a tenth of other input.",
            _by_date("token_type"),
            column="token_type",
            unit="short",
            no_value=NO_USAGE,
        ),
        day_bars(
            "By workspace",
            "Tokens of each exposed UTC day by workspace.",
            total(by_workspace(by_id, TOKENS), "date", "workspace"),
            column="workspace",
            unit="short",
            no_value=NO_USAGE,
        ),
    ]


def _today() -> Builder[Panel]:
    today = total(_tokens(day(0)))
    return lines(
        "Today as it grows, against earlier days",
        "Tokens of the current UTC day at each time of day, beside the same curve of yesterday and of a week ago, as "
        "far back as Prometheus has scraped.",
        {
            "Today": today,
            "Yesterday": total(_tokens(day(0), offset="1d")),
            "A week ago": total(_tokens(day(0), offset="7d")),
        },
        unit="short",
        size=FULL,
        interval="5m",
        time_from="now/d",
    )


def _who_and_what() -> list[Builder[Panel]]:
    def columns(*matchers: str) -> str:
        return by_workspace(total(_tokens(CHOSEN_DAYS, *matchers), *BY_WORKSPACE), TOKENS)

    hit_ratio = ratio(
        total(_tokens(CHOSEN_DAYS, CACHE_READ), *BY_WORKSPACE), total(_tokens(CHOSEN_DAYS, PROMPT), *BY_WORKSPACE)
    )
    return [
        table(
            "Workspaces",
            f"Every workspace with its tokens and web searches. {CHOSEN}",
            {
                "Tokens": columns(),
                "Prompt": columns(PROMPT),
                "Output": columns(OUTPUT),
                "Cache hit ratio": by_workspace(hit_ratio, TOKENS),
                "Web searches": by_workspace(total(_searches(CHOSEN_DAYS), *BY_WORKSPACE), TOKENS),
            },
            labels={"workspace": "Workspace"},
            units={"Cache hit ratio": "percentunit"},
            sort="Tokens",
            no_value=NO_USAGE,
        ),
        _ranking("Models", f"Tokens by model. {CHOSEN}", "model", HALF),
        _ranking("Service tiers", f"Tokens by service tier. {CHOSEN}", "service_tier", HALF),
    ]


def _caching() -> list[Builder[Panel]]:
    hit_ratio = ratio(_of_all_by_date(CACHE_READ), _of_all_by_date(PROMPT))
    by_model = ratio(total(_tokens(CHOSEN_DAYS, CACHE_READ), "model"), total(_tokens(CHOSEN_DAYS, PROMPT), "model"))
    return [
        stat(
            "Saved by caching",
            "What the cached prompts would have cost as ordinary input, less what reading and writing the cache cost. "
            "By the API's price multipliers: a read costs 0.1, a write for five minutes 1.25, for an hour 2 times the "
            f"input. {CHOSEN}",
            _saved(),
            unit="currencyUSD",
            steps=((None, "red"), (0, "green")),
            no_value="No cost is reported",
            size=(4, 8),
        ),
        day_bars(
            "Cache hit ratio by day",
            "Share of the prompts' tokens that were read from the cache, of each exposed UTC day.",
            hit_ratio,
            unit="percentunit",
            no_value=NO_USAGE,
            size=(10, 8),
        ),
        ranking(
            "Cache hit ratio by model",
            f"Share of the prompts' tokens that were read from the cache. {CHOSEN}",
            largest(20, by_model),
            label="model",
            unit="percentunit",
            no_value="No prompts",
            size=(10, 8),
            steps=HIT_RATIO,
        ),
    ]


def _saved() -> str:
    def cost(*matchers: str) -> str:
        return total(merged("anthropic_cost_usd", WORKSPACE, MODEL, CHOSEN_DAYS, *matchers))

    def of_type(token_type: str) -> str:
        matcher = f'token_type="{token_type}"'
        return f"({cost(matcher)} or 0 * {cost()})"

    return f"9 * {of_type('cache_read')} - 0.2 * {of_type('cache_write_5m')} - 0.5 * {of_type('cache_write_1h')}"


def _ranking(title: str, description: str, label: str, size: tuple[int, int]) -> Builder[Panel]:
    expr = largest(10, f"{total(_tokens(CHOSEN_DAYS), label)} > 0")
    return ranking(title, description, expr, label=label, unit="short", no_value=NOT_REPORTED, size=size)


def _of_all_by_date(matcher: str) -> str:
    return total(on_dates(total(_tokens(matcher), "job", "days_ago")), "date")


def _by_date(label: str) -> str:
    return total(on_dates(total(_tokens(), "job", "days_ago", label)), "date", label)


def _tokens(*matchers: str, offset: str = "") -> str:
    return merged(TOKENS, WORKSPACE, MODEL, *matchers, offset=offset)


def _searches(*matchers: str) -> str:
    return merged(SEARCHES, WORKSPACE, MODEL, *matchers)
