"""Label text, and what each label means."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

NONE = "none"
# Of a value, as UTF-8: databases refuse longer ones, or cut them so that two become one.
MOST_BYTES = 1_000
# So many characters and more may need the bound; a character has at most four bytes.
PERHAPS_LONG = MOST_BYTES // 4
DIGEST_BYTES = 8

Labels = Iterable[tuple[str, str]]


def label_text(labels: Labels) -> str:
    """`a="b",c="d"` with values bounded, and escaped as the text format asks."""
    return ",".join([f'{name}="{_escape(value)}"' for name, value in labels])


def joined(*texts: str) -> str:
    """Label texts as one, the empty ones left out."""
    return ",".join(filter(None, texts))


def _escape(value: str) -> str:
    if len(value) >= PERHAPS_LONG:
        value = _bounded(value)
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _bounded(value: str) -> str:
    """A long value's beginning and a hash of the whole, as long as the bound: no value that is whole is like it."""
    whole = value.encode()
    if len(whole) < MOST_BYTES:
        return value
    digest = hashlib.blake2b(whole, digest_size=DIGEST_BYTES).hexdigest()
    start = whole[: MOST_BYTES - len(digest) - 1].decode(errors="ignore")  # without half a character at its end
    return start + digest.rjust(MOST_BYTES - len(start.encode()), "-")


MEANINGS = {
    "organization": "`--organization.name`; on all families with data or state of the API, when that is set",
    "days_ago": "`0` is the current UTC day, `1` yesterday, …",
    "hours_ago": "`0` is the current UTC hour, `1` the last complete one, …",
    "date": "the day as YYYY-MM-DD",
    "weekday": "`Mon` … `Sun`",
    "workspace": "name, else ID; `default` for the default workspace; `none` for an API key of the whole organization",
    "workspace_id": "ID; `default` and `none` as above",
    "model": "as the API names it; `none` where the cost has no model; of rate limits aliases, too",
    "service_tier": "`standard`, `batch`, `priority`, …; `none` where the cost has none",
    "token_type": "`uncached_input`, `cache_read`, `output`, and `cache_write_5m`, `cache_write_1h` or, for Claude "
    "Code, `cache_write`; `none` where the cost is not of tokens",
    "cost_type": "`tokens`, `web_search`, `code_execution`, `session_usage`, …",
    "actor": "Claude Code: e-mail address or name of the API key, `all` on days older than `--claude-code.actor-days`; "
    "usage by `account_id`: e-mail address, else ID; with `--actors.mode` a hash, a team or `unmapped`, or `all`",
    "actor_type": "`user`, `api_key`, else as the API names it",
    "terminal": "`vscode`, `iTerm.app`, …",
    "customer_type": "`api` or `subscription`",
    "remote": "`true`: on the web, `false`: on one's own machine; `--claude-code.group-by=remote`",
    "subscription_type": "`enterprise` or `team`, `none` for the API's; `--claude-code.group-by=subscription_type`",
    "change": "`added` or `removed`",
    "tool": "`edit`, `write`, …",
    "decision": "`accepted` or `rejected`",
    "organization_id": "ID of the organization",
    "organization_name": "name of the organization as the API has it, else ID",
    "archived": "`true` or `false`",
    "workspace_geo": "where the workspace's data are: `us`, …; `none` where the API does not say",
    "role": "in the organization: `admin`, `developer`, `user`, …; of members in the workspace: `workspace_admin`, …",
    "created_by": "ID of the user or service account that made the API key, else `none`; where people are hidden, what "
    "`actor` is",
    "api_key": "name of the API key, else ID; of usage with `--usage.group-by=api_key_id`",
    "api_key_id": "ID of the API key; of usage with `--usage.group-by=api_key_id`",
    "actor_id": "ID of the user, or what `actor` is where people are hidden; `--usage.group-by=account_id`",
    "service_account": "name of the service account, else ID; `--usage.group-by=service_account_id`",
    "service_account_id": "ID of the service account; `--usage.group-by=service_account_id`",
    "context_window": "`0-200k` or `200k-1M`; `--usage.group-by=context_window`",
    "inference_geo": "`global`, `us` or `not_available`; of prices, and of usage with `--usage.group-by=inference_geo`",
    "speed": "`standard` or `fast`; of prices, and of usage with `--usage.group-by=speed`",
    "group": "of rate limits: name of a group of models, else ID",
    "group_id": "ID of what the rate limit is of, the same in every organization",
    "group_type": "`model_group`, `batch`, `token_count`, `files`, `skills`, `web_search`, …",
    "limiter": "`requests_per_minute`, `input_tokens_per_minute_cache_aware`, …, as the API names it",
    "invite_id": "ID of the invite, whose e-mail address is not shown",
    "period": "of a spend limit: `daily`, `weekly` or `monthly`; of active users: `day`, `week` or `month`",
    "product": "`all`, `chat`, `claude_code`, `cowork`, …",
    "state": "`assigned`, or `pending_invite`",
    "scope": "of a spend limit: `organization`, `workspace`, or `usage_tier`, which Anthropic sets",
    "unit": "what the ceiling counts: `requests_per_minute`, `tokens_per_minute`, `tokens_per_day`, "
    "`tool_uses_per_second`, `requests`; `none` for a limiter that the exporter does not know",
    "code": "HTTP status of an answer of the endpoint",
    "collector": "`usage`, `cost`, `nowcast`, `claude_code`, `organization`, `limits`, `members` or `hours`",
    "source": "of a collector: `legacy` or `admin`; of a workspace's rate limit: `workspace` or `organization`",
    "family": "name of the family whose samples are folded",
    "basis": "`billed`: as learned from the bill; `list`: of the price list",
    "of": "`metered`: tokens and web searches; `all`: with what has no meter, such as code execution",
    "reason": "why a refresh failed, see [When the API fails](troubleshooting.md#why-a-refresh-failed)",
    "api_endpoint": "the API's path without `/v1/organizations/`",
    "status": "of an API key: `active`, `inactive`, `archived` or `expired`; of an invite: `pending`, `accepted` or "
    "`expired`; of a request: HTTP status, `timeout` or "
    "`network`",
    "encoding": "`identity` or `gzip`",
    "version": "of the exporter",
    "revision": "of the source",
    "python_version": "of the interpreter",
}
