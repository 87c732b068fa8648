"""What caching has saved on the chosen days."""

from __future__ import annotations

from grafana.dashboards.promql import CHOSEN_DAYS, SCOPE, WORKSPACE, first_of, merged, samples, total

TOKENS, PRICE = "anthropic_usage_tokens", "anthropic_price_usd_per_million_tokens"
MODEL = 'model=~"$model"'
BY = ("job", "organization", "model", "service_tier")
MILLION = 1_000_000


def saved() -> str:
    """At the price of input, as bills show it or else as listed; without the nowcast of what is billed."""
    saved_tokens = f"(0.9 * {_tokens('cache_read')} - 0.25 * {_tokens('cache_write_5m')} - {_tokens('cache_write_1h')})"
    price = first_of(_price("billed"), _price("list"))
    return first_of(f"sum({saved_tokens} * on ({', '.join(BY)}) ({price})) / {MILLION}", _of_the_bill())


def _tokens(token_type: str) -> str:
    of_type, every = (
        total(samples(TOKENS, WORKSPACE, MODEL, CHOSEN_DAYS, *matchers), *BY)
        for matchers in ([f'token_type="{token_type}"'], [])
    )
    return f"({of_type} or 0 * {every})"


def _price(basis: str) -> str:
    """Of input, whatever the place of inference."""
    of_input = merged(PRICE, 'token_type="uncached_input"', 'speed="standard"', f'basis="{basis}"')
    return f"avg by ({', '.join(BY)}) ({of_input})"


def _of_the_bill() -> str:
    """On days that have tokens: cost has more days."""
    by = "job, organization, days_ago"
    has_tokens = f"and on ({by}) group by ({by}) ({TOKENS}{{{SCOPE}, {CHOSEN_DAYS}}})"

    def cost(*matchers: str) -> str:
        return total(f"{samples('anthropic_cost_usd', WORKSPACE, MODEL, CHOSEN_DAYS, *matchers)} {has_tokens}")

    def of_type(token_type: str) -> str:
        matcher = f'token_type="{token_type}"'
        return f"({cost(matcher)} or 0 * {cost()})"

    return f"9 * {of_type('cache_read')} - 0.2 * {of_type('cache_write_5m')} - 0.5 * {of_type('cache_write_1h')}"
