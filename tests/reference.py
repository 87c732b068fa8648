"""The README's reference tables, from the code: `make docs` writes them, tests/test_docs.py compares them.

What the code cannot say is declared here: units by the end of a name, labels, what becomes of each
field of the API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import msgspec
from msgspec import inspect
from prometheus_client.parser import text_string_to_metric_families

from exporter.api.wire import (
    ApiKeyPage,
    ClaudeCodePage,
    CostPage,
    Organization,
    ServiceAccountPage,
    UsagePage,
    UserPage,
    WorkspacePage,
)
from exporter.collectors import activity, claude_code, cost, inventory, organization, usage
from exporter.collectors.directory import Directory
from exporter.settings import Dimension, leaves
from exporter.settings_sources import Leaf
from exporter.telemetry import Telemetry

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GOLDEN = ROOT / "tests" / "golden" / "metrics.txt"
BLOCK = re.compile(r"(?<=<!-- generated: )(?P<name>\w+)(?P<start> -->\n)(?P<content>.*?)(?=<!-- end -->)", re.DOTALL)
OF_THE_API = re.compile(r"anthropic_(?!exporter_)")
COMMON_HELP = "; refreshed in the background, not at the scrape."

# The longest end of a family's name that is here is its unit.
UNITS = {
    "_active_actors": "actors",
    "_available": "0 or 1",
    "_bytes": "bytes",
    "_commits": "commits",
    "_demo": "1",
    "_failing": "0 or 1",
    "_failures_total": "refreshes",
    "_fds": "file descriptors",
    "_info": "1",
    "_lines_dropped_total": "lines",
    "_lines_of_code": "lines",
    "_pull_requests": "pull requests",
    "_requests_total": "requests",
    "_seconds": "seconds",
    "_seconds_total": "seconds",
    "_series": "samples",
    "_service_accounts": "service accounts",
    "_sessions": "sessions",
    "_timestamp_seconds": "Unix time",
    "_tokens": "tokens",
    "_tool_actions": "proposals",
    "_up": "0 or 1",
    "_usd": "US dollars",
    "_users": "users",
    "_web_search_requests": "searches",
}

LABELS = {
    "organization": "`--organization.name`; on all families with data or state of the API, when that is set",
    "days_ago": "`0` is the current UTC day, `1` yesterday, …",
    "date": "the day as YYYY-MM-DD",
    "weekday": "`Mon` … `Sun`",
    "workspace": "name, else ID; `default` for the default workspace; `none` for an API key of the whole organization",
    "workspace_id": "ID; `default` and `none` as above",
    "model": "as the API names it; `none` where the cost has no model",
    "service_tier": "`standard`, `batch`, `priority`, …; `none` where the cost has none",
    "token_type": "`uncached_input`, `cache_read`, `output`, and `cache_write_5m`, `cache_write_1h` or, for Claude "
    "Code, `cache_write`; `none` where the cost is not of tokens",
    "cost_type": "`tokens`, `web_search`, `code_execution`, `session_usage`, …",
    "actor": "Claude Code: e-mail address or name of the API key, `all` on days older than `--claude-code.actor-days`; "
    "usage by `account_id`: e-mail address, else ID",
    "actor_type": "`user`, `api_key`, else as the API names it",
    "terminal": "`vscode`, `iTerm.app`, …",
    "customer_type": "`api` or `subscription`",
    "change": "`added` or `removed`",
    "tool": "`edit`, `write`, …",
    "decision": "`accepted` or `rejected`",
    "organization_id": "ID of the organization",
    "organization_name": "name of the organization as the API has it, else ID",
    "archived": "`true` or `false`",
    "workspace_geo": "where the workspace's data are: `us`, …; `none` where the API does not say",
    "role": "in the organization: `admin`, `developer`, `user`, …",
    "created_by": "ID of the user or service account that made the API key, else `none`",
    "api_key": "name of the API key, else ID; of usage with `--usage.group-by=api_key_id`",
    "api_key_id": "ID of the API key; of usage with `--usage.group-by=api_key_id`",
    "actor_id": "ID of the user; `--usage.group-by=account_id`",
    "service_account": "name of the service account, else ID; `--usage.group-by=service_account_id`",
    "service_account_id": "ID of the service account; `--usage.group-by=service_account_id`",
    "context_window": "`0-200k` or `200k-1M`; `--usage.group-by=context_window`",
    "inference_geo": "`global`, `us` or `not_available`; `--usage.group-by=inference_geo`",
    "speed": "`standard` or `fast`; `--usage.group-by=speed`",
    "collector": "`usage`, `cost`, `claude_code` or `organization`",
    "source": "`legacy` or `admin`",
    "reason": "why a refresh failed, see [When the API fails](#when-the-api-fails)",
    "api_endpoint": "the API's path without `/v1/organizations/`",
    "status": "of an API key: `active`, `inactive`, `archived` or `expired`; of a request: HTTP status, `timeout` or "
    "`network`",
    "encoding": "`identity` or `gzip`",
    "version": "of the exporter",
    "revision": "of the source",
    "python_version": "of the interpreter",
}


@dataclass(frozen=True)
class Report:
    """A report or list of the API, and what becomes of its fields that no metric shows as numbers.

    `families` are the API fields of each family's numbers. `uses` are the other fields that are read, `unread` those
    that the API documents and the exporter does not read.
    """

    endpoint: str
    page: type[msgspec.Struct]
    families: Mapping[str, str]
    uses: Mapping[str, str]
    unread: Mapping[str, str]

    @property
    def fields(self) -> list[str]:
        return list(dict.fromkeys(_fields(inspect.type_info(self.page))))

    def shown_as(self, field: str) -> str:
        """Families and uses of a field; empty when nobody said what becomes of it."""
        names = [f"`{name}`" for name, source in self.families.items() if any(_is_in(field, s) for s in parts(source))]
        return "; ".join([*filter(None, [", ".join(names), self.uses.get(field, "")])])


PAGING = {"has_more": "paging", "next_page": "paging"}
BUCKETS = {**PAGING, "starting_at": "the day: label `days_ago`"}
BUCKET_END = {"ending_at": "follows from `starting_at`: buckets are UTC days"}
ID_PAGING = {"has_more": "paging", "last_id": "paging"}
KIND = {"type": "says what the object is; each list has one kind"}
UNREAD_OF_LISTS = {**KIND, "first_id": "pages are read forwards"}
WORKSPACE = {"workspace_id": "labels `workspace`, `workspace_id`"}

REPORTS = (
    Report(
        usage.REPORT.endpoint,
        UsagePage,
        {metric.name: metric.source for metric in usage.METRICS},
        uses={
            **BUCKETS,
            **WORKSPACE,
            "model": "label `model`",
            "service_tier": "label `service_tier`",
            "api_key_id": "labels `api_key`, `api_key_id` with `--usage.group-by=api_key_id`",
            "account_id": "labels `actor`, `actor_id` with `--usage.group-by=account_id`",
            "service_account_id": "labels `service_account`, `service_account_id` with "
            "`--usage.group-by=service_account_id`",
            "context_window": "label `context_window` with `--usage.group-by=context_window`",
            "inference_geo": "label `inference_geo` with `--usage.group-by=inference_geo`",
            "speed": "label `speed` with `--usage.group-by=speed`",
        },
        unread=BUCKET_END,
    ),
    Report(
        cost.REPORT.endpoint,
        CostPage,
        {metric.name: metric.source for metric in (*cost.METRICS, cost.MONTH_TO_DATE, cost.PREVIOUS_MONTH)},
        uses={
            **BUCKETS,
            **WORKSPACE,
            "currency": "must be USD",
            "cost_type": "label `cost_type`",
            "token_type": "label `token_type`",
            "model": "label `model`",
            "service_tier": "label `service_tier`",
            "description": "tells rows apart, which are added up; the fields that it is made of are labels",
            "context_window": "tells rows apart, which are added up: more series for a split that few prices have",
            "inference_geo": "tells rows apart, which are added up: more series for a surcharge that few use",
        },
        unread=BUCKET_END,
    ),
    Report(
        claude_code.REPORT.endpoint,
        ClaudeCodePage,
        {metric.name: metric.source for metric in activity.METRICS}
        | {activity.ACTIVE_ACTORS_NAME: activity.ACTIVE_ACTORS_SOURCE},
        uses={
            **PAGING,
            "date": "the day: label `days_ago`",
            "actor.type": "label `actor_type`",
            "actor.email_address": "label `actor`",
            "actor.api_key_name": "label `actor`",
            "actor.service_account_id": "label `actor`",
            "actor.subject": "label `actor`",
            "customer_type": "label `customer_type`",
            "terminal_type": "label `terminal`",
            "model_breakdown.model": "label `model`",
            "model_breakdown.estimated_cost.currency": "must be USD",
            "subscription_type": "tells rows apart, which are added up; `customer_type` tells API from subscription",
            "is_remote": "tells rows apart: those of web and local sessions are added up",
        },
        unread={"organization_id": "one organization a process: `--organization.name` names it"},
    ),
    Report(
        organization.ME.endpoint,
        Organization,
        {metric.name: metric.source for metric in inventory.ORGANIZATION},
        uses={"id": "label `organization_id`", "name": "label `organization_name`"},
        unread=KIND,
    ),
    Report(
        organization.WORKSPACES.endpoint,
        WorkspacePage,
        {metric.name: metric.source for metric in inventory.WORKSPACES},
        uses={
            **ID_PAGING,
            "id": "label `workspace_id`",
            "name": "label `workspace`, here and in usage, cost and API keys",
            "archived_at": "label `archived`",
            "data_residency.workspace_geo": "label `workspace_geo`",
        },
        unread={
            **UNREAD_OF_LISTS,
            "data_residency.allowed_inference_geos": "a setting; the `inference_geo` of usage says what happened",
            "data_residency.default_inference_geo": "a setting; the `inference_geo` of usage says what happened",
            "display_color": "the Console's decoration",
            "compartment_id": "no other field refers to it",
            "external_key_id": "no other field refers to it",
            "tags": "names of labels that anybody may choose",
            "user_profile_id": "no other field refers to it",
        },
    ),
    Report(
        organization.USERS.endpoint,
        UserPage,
        {metric.name: metric.source for metric in inventory.USERS},
        uses={**ID_PAGING, "id": "each user counts once", "email": "names the `actor` of usage by `account_id`"},
        unread={
            **UNREAD_OF_LISTS,
            "name": "personal; `actor` is the e-mail address",
            "added_at": "personal; users are only counted",
        },
    ),
    Report(
        organization.API_KEYS.endpoint,
        ApiKeyPage,
        {metric.name: metric.source for metric in inventory.API_KEYS},
        uses={
            **ID_PAGING,
            "id": "label `api_key_id`",
            "name": "label `api_key`, here and in usage by `api_key_id`",
            "scope.workspace_id": "labels `workspace`, `workspace_id`",
            "workspace_id": "labels `workspace`, `workspace_id` where there is no `scope`",
            "status": "label `status`",
            "created_by.id": "label `created_by`",
        },
        unread={
            **UNREAD_OF_LISTS,
            "scope.type": "follows from `scope.workspace_id`",
            "created_by.type": "the beginning of the ID says it",
            "partial_key_hint": "a part of the secret",
            "principal": "not needed to tell keys apart",
        },
    ),
    Report(
        organization.SERVICE_ACCOUNTS.endpoint,
        ServiceAccountPage,
        {metric.name: metric.source for metric in inventory.SERVICE_ACCOUNTS},
        uses={
            "next_page": "paging",
            "id": "each service account counts once",
            "name": "names the `service_account` of usage by `service_account_id`",
            "organization_role": "label `role`",
            "archived_at": "label `archived`",
        },
        unread={
            **KIND,
            "description": "text for people",
            "created_at": "service accounts are only counted",
            "updated_at": "service accounts are only counted",
            "created_by_actor_id": "service accounts are only counted",
        },
    ),
)


def parts(source: str) -> list[str]:
    """The API fields that a metric's `source` names."""
    return [part.strip() for part in source.split(",")]


def _is_in(field: str, source: str) -> bool:
    return field == source or field.startswith(f"{source}.")


def _fields(type_: inspect.Type) -> Iterator[str]:
    """Dotted paths of the fields without fields of their own; lists, choices and envelopes add nothing."""
    match type_:
        case inspect.StructType(fields=fields):
            for each in fields:
                below = list(_fields(each.type))
                yield from (
                    below
                    if each.name in {"data", "results"}
                    else [".".join(filter(None, (each.name, path))) for path in below or [""]]
                )
        case inspect.UnionType(types=types):
            for choice in types:
                yield from _fields(choice)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            yield from _fields(item)
        case inspect.DictType(value_type=value):
            yield from (f"*.{path}" for path in _fields(value))


# Families


@dataclass(frozen=True)
class FamilyReference:
    name: str
    meaning: str
    labels: tuple[str, ...]
    unit: str
    source: str


def families() -> list[FamilyReference]:
    """Every family: the golden exposition, which its own test holds against the code, and the mark of the demo."""
    sources = {name: source for report in REPORTS for name, source in report.families.items()}
    found: dict[str, FamilyReference] = {}
    for text in (GOLDEN.read_text(encoding="utf-8"), Telemetry(demo=True).render_text().decode()):
        for family in text_string_to_metric_families(text):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = dict.fromkeys(label for sample in family.samples for label in sample.labels)
            shown = tuple(label for label in labels if label not in {"organization", "le"})
            meaning = family.documentation.removesuffix(COMMON_HELP).removesuffix(".")
            found.setdefault(name, FamilyReference(name, meaning, shown, unit_of(name), sources.get(name, "")))
    return list(found.values())


def unit_of(name: str) -> str:
    """Empty when the end of the name says nothing of it."""
    return UNITS[max(ends, key=len)] if (ends := [end for end in UNITS if name.endswith(end)]) else ""


def optional_labels() -> set[str]:
    """What settings add to the labels in the exposition."""
    grouped = (usage._grouped_labels(dimension, None, Directory()) for dimension in get_args(Dimension))
    return {"organization", *(name for labels in grouped for name, _ in labels)}


# What has no description: each is a line of a failing test.


def undescribed_settings(settings: Iterable[Leaf]) -> list[str]:
    return [leaf.env for leaf in settings if not leaf.description.strip()]


def undescribed_families(references: Iterable[FamilyReference]) -> list[str]:
    references = list(references)
    known = {report_family for report in REPORTS for report_family in report.families}
    lacks = [
        *(f"{one.name}: no help" for one in references if not one.meaning.strip()),
        *(f"{one.name}: no unit, add the end of its name to UNITS" for one in references if not one.unit),
        *(f"{one.name}: no source" for one in references if OF_THE_API.match(one.name) and not one.source.strip()),
        *(
            f"{one.name}: label {label} is not in LABELS"
            for one in references
            for label in one.labels
            if label not in LABELS
        ),
    ]
    return lacks + [f"{name}: not exposed" for name in sorted(known - {one.name for one in references})]


def undescribed_fields(report: Report) -> list[str]:
    fields = report.fields
    named = {part: name for name, source in report.families.items() for part in parts(source)}
    return [
        *(f"{field}: is read, add what becomes of it to uses" for field in fields if not report.shown_as(field)),
        *(f"{field}: in uses, but not read" for field in report.uses if field not in fields),
        *(f"{field}: in unread, but read" for field in report.unread if field in fields),
        *(
            f"{part}: source of {named[part]}, but not read"
            for part in named
            if not any(_is_in(f, part) for f in fields)
        ),
    ]


# Markdown


def settings_table() -> str:
    rows = (
        (f"`{leaf.flag}`" if leaf.flag else "", f"`{leaf.env}`", _code(leaf.default), leaf.description)
        for leaf in leaves()
    )
    return _table(("flag", "environment", "default", "meaning"), rows)


def metrics_table() -> str:
    found = families()
    data = [
        (_code(one.name), _codes(one.labels), one.unit, one.meaning, _codes(parts(one.source)))
        for one in found
        if OF_THE_API.match(one.name)
    ]
    own = [
        (_code(one.name), _codes(one.labels), one.unit, one.meaning) for one in found if not OF_THE_API.match(one.name)
    ]
    return "\n".join(
        [
            _table(("family", "labels", "unit", "meaning", "field of the API"), data),
            _table(("family", "labels", "unit", "meaning"), own),
            _table(("label", "values"), ((_code(label), text) for label, text in LABELS.items())),
        ]
    )


def coverage_table() -> str:
    rows = [
        (_code(report.endpoint), _code(field), text)
        for report in REPORTS
        for field, text in (
            *((field, report.shown_as(field)) for field in report.fields),
            *((field, f"not read: {why}") for field, why in report.unread.items()),
        )
    ]
    return _table(("endpoint", "field", "becomes"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(["", *("| " + " | ".join(c.replace("|", r"\|") for c in cells) + " |" for cells in lines), ""])


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(map(_code, texts))


BLOCKS: Mapping[str, Callable[[], str]] = {
    "settings": settings_table,
    "metrics": metrics_table,
    "coverage": coverage_table,
}


def generated(text: str) -> str:
    """The text with its blocks written anew; those that are not made here stay as they are."""
    for name, make in BLOCKS.items():
        text = with_block(text, name, make())
    return text


def with_block(text: str, name: str, content: str) -> str:
    """The text with another content of that block."""

    def block(found: re.Match[str]) -> str:
        return name + found["start"] + f"{content}\n" if found["name"] == name else found[0]

    return BLOCK.sub(block, text)


if __name__ == "__main__":
    README.write_text(generated(README.read_text(encoding="utf-8")), encoding="utf-8")
