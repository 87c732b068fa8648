"""The README's reference tables, from the code: `make docs` writes them, tests/test_docs.py compares them.

What the code cannot say is declared here: what becomes of each field of the API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from msgspec import inspect

from exporter.api import endpoints
from exporter.api.endpoints import Endpoint
from exporter.api.shapes.inventory import Summary
from exporter.contract import activity_metrics, cost, engagement, inventory, limits, members, usage
from exporter.contract.claude_code import DIMENSIONS
from exporter.contract.families import CHAPTERS
from exporter.contract.labels import MEANINGS
from exporter.contract.metric import Declared
from exporter.contract.names import Names
from exporter.contract.people import People
from exporter.contract.usage import grouped_labels
from exporter.settings.model import leaves
from exporter.settings.sections import Dimension
from exporter.settings.sources import Leaf

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs"
SIZING = FOLDER / "sizing.md"
OF_THE_API = re.compile(r"anthropic_(?!exporter_)")
BLOCK = re.compile(r"(?<=<!-- generated: )(?P<name>\w+)(?P<start> -->\n)(?P<content>.*?)(?=<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Report:
    """A report or list of the API, and what becomes of its fields that no metric shows as numbers.

    `families` are the API fields of each family's numbers. `uses` are the other fields that are read, `unread` those
    that the API documents and the exporter does not read.
    """

    endpoint: Endpoint[Any]
    families: Sequence[Declared]
    uses: Mapping[str, str]
    unread: Mapping[str, str]

    @property
    def fields(self) -> list[str]:
        return list(dict.fromkeys(_fields(inspect.type_info(self.endpoint.shape))))

    def shown_as(self, field: str) -> str:
        """Families and uses of a field; empty when nobody said what becomes of it."""
        names = [f"`{one.name}`" for one in self.families if any(_is_in(field, s) for s in parts(one.api_fields))]
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
        endpoints.USAGE,
        usage.FAMILIES,
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
        endpoints.COST,
        cost.FAMILIES,
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
        endpoints.CLAUDE_CODE,
        activity_metrics.FAMILIES,
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
            "subscription_type": "label with `--claude-code.group-by=subscription_type`, else added up",
            "is_remote": "label `remote` with `--claude-code.group-by=remote`, else added up",
        },
        unread={"organization_id": "one organization a process: `--organization.name` names it"},
    ),
    Report(
        endpoints.ME,
        inventory.ORGANIZATION,
        uses={"id": "label `organization_id`", "name": "label `organization_name`"},
        unread=KIND,
    ),
    Report(
        endpoints.WORKSPACES,
        inventory.WORKSPACES,
        uses={
            **ID_PAGING,
            "id": "label `workspace_id`",
            "name": "label `workspace`, here and in usage, cost and API keys",
            "archived_at": "label `archived`",
            "data_residency.workspace_geo": "label `workspace_geo`",
            "tags": "labels `tag_…` with `--organization.workspace-tags`",
        },
        unread={
            **UNREAD_OF_LISTS,
            "data_residency.allowed_inference_geos": "a setting; the `inference_geo` of usage says what happened",
            "data_residency.default_inference_geo": "a setting; the `inference_geo` of usage says what happened",
            "display_color": "the Console's decoration",
            "compartment_id": "no other field refers to it",
            "external_key_id": "no other field refers to it",
            "user_profile_id": "no other field refers to it",
        },
    ),
    Report(
        endpoints.USERS,
        inventory.USERS,
        uses={**ID_PAGING, "id": "each user counts once", "email": "names the `actor` of usage by `account_id`"},
        unread={
            **UNREAD_OF_LISTS,
            "name": "personal; `actor` is the e-mail address",
            "added_at": "personal; users are only counted",
        },
    ),
    Report(
        endpoints.API_KEYS,
        inventory.API_KEYS,
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
        endpoints.SERVICE_ACCOUNTS,
        inventory.SERVICE_ACCOUNTS,
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
    Report(
        endpoints.INVITES,
        engagement.INVITES,
        uses={**ID_PAGING, "role": "label `role`", "status": "label `status`", "id": "label `invite_id`"},
        unread={
            **UNREAD_OF_LISTS,
            "email": "personal data: an invite has an ID",
            "invited_at": "an invite lives for three weeks: the time of expiry says when it was sent",
            "accepted_at": "the status says that it was",
            "rbac_group_ids": "of Claude Enterprise; groups are not shown",
        },
    ),
    Report(
        endpoints.WORKSPACE_MEMBERS,
        members.FAMILIES,
        uses={**ID_PAGING, "user_id": "tells members apart, who are counted", "workspace_role": "label `role`"},
        unread={**UNREAD_OF_LISTS, "workspace_id": "the path has it: labels `workspace`, `workspace_id`"},
    ),
    Report(
        endpoints.SUMMARIES,
        engagement.ENGAGEMENT,
        uses={
            "next_page": "paging",
            "starting_at": "tells days apart: the newest is shown",
            **{
                name: "label `product`"
                for name in Summary.__struct_fields__
                if re.fullmatch(r"\w+_(daily|weekly|monthly)_active_user_count", name)
            },
        },
        unread={
            "ending_at": "the end of the day",
            **{
                f"{period}_adoption_rate": "active users over seats, which are both shown"
                for period in ("daily", "weekly", "monthly")
            },
        },
    ),
    Report(
        endpoints.RATE_LIMITS,
        limits.ORGANIZATION,
        uses={
            "next_page": "paging",
            "id": "tells rows apart; labels have the group's ID",
            "group.id": "label `group_id`",
            "group.type": "label `group_type`",
            "group.display_name": "label `group`",
            "models": "label `model`",
            "limits.type": "labels `limiter`, `unit`",
        },
        unread={**KIND, "group_type": "of the version 2023-06-01; the later one, which is asked for, has `group.type`"},
    ),
    Report(
        endpoints.WORKSPACE_RATE_LIMITS,
        limits.WORKSPACES,
        uses={
            "next_page": "paging",
            "rate_limit_id": "tells rows apart; labels have the group's ID",
            "group.id": "label `group_id`",
            "group.type": "label `group_type`",
            "group.display_name": "label `group`",
            "limits.type": "labels `limiter`, `unit`",
            "limits.org_limit": "where it is lower, it holds",
            "limits.source.type": "label `source`",
        },
        unread={
            **KIND,
            "workspace_id": "the path has it: labels `workspace`, `workspace_id`",
            "models": "those of the organization's group",
        },
    ),
    Report(
        endpoints.SPEND_LIMITS,
        (limits.SPEND,),
        uses={
            "next_page": "paging",
            "id": "tells rows apart; labels say what the limit is of",
            "currency": "must be USD",
            "is_enabled": "a limit that is switched off is not shown",
            "scope.type": "label `scope`; limits of people are not shown",
            "scope.workspace_id": "labels `workspace`, `workspace_id`",
            "period": "label `period`",
        },
        unread={
            **KIND,
            "created_at": "only what holds now is shown",
            "updated_at": "only what holds now is shown",
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
                    if each.encode_name in {"data", "results"}
                    else [".".join(filter(None, (each.encode_name, path))) for path in below or [""]]
                )
        case inspect.UnionType(types=types):
            for choice in types:
                yield from _fields(choice)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            yield from _fields(item)
        case inspect.DictType(value_type=value):
            yield from (f"*.{path}" for path in _fields(value))


# Families


def families() -> list[Declared]:
    return [family for page in CHAPTERS for family in page]


def optional_labels() -> set[str]:
    """What settings add to the labels in the exposition."""
    grouped = (grouped_labels(dimension, None, Names(), People()) for dimension in get_args(Dimension))
    return {"organization", *(name for labels in grouped for name, _ in labels), *DIMENSIONS}


# What has no description: each is a line of a failing test.


def undescribed_settings(settings: Iterable[Leaf]) -> list[str]:
    return [leaf.env for leaf in settings if not leaf.description.strip()]


def undescribed_families(declared: Iterable[Declared]) -> list[str]:
    declared = list(declared)
    return [
        *(f"{one.name}: no meaning" for one in declared if not one.meaning.strip(" .")),
        *(f"{one.name}: no unit" for one in declared if not one.unit),
        *(
            f"{one.name}: label {label} is not in MEANINGS"
            for one in declared
            for label in one.labels
            if label not in MEANINGS
        ),
    ]


def undescribed_fields(report: Report) -> list[str]:
    fields = report.fields
    named = {part: one.name for one in report.families for part in parts(one.api_fields)}
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
        (_code(one.name), _codes(one.labels), one.unit, one.meaning, _codes(parts(one.api_fields)))
        for one in found
        if one.api_fields
    ]
    own = [(_code(one.name), _codes(one.labels), one.unit, one.meaning) for one in found if not one.api_fields]
    return "\n".join(
        [
            _table(("family", "labels", "unit", "meaning", "field of the API"), data),
            _table(("family", "labels", "unit", "meaning"), own),
            _table(("label", "values"), ((_code(label), text) for label, text in MEANINGS.items())),
        ]
    )


def coverage_table() -> str:
    rows = [
        (_code(report.endpoint.name), _code(field), text)
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


def file_of(name: str) -> Path:
    """Each table has a page of its own."""
    return FOLDER / f"{name}.md"


def generated(name: str) -> str:
    """The page with its table written anew."""
    return with_block(file_of(name).read_text(encoding="utf-8"), name, BLOCKS[name]())


def with_block(text: str, name: str, content: str) -> str:
    """The text with another content of that block."""

    def block(found: re.Match[str]) -> str:
        return name + found["start"] + f"{content}\n" if found["name"] == name else found[0]

    return BLOCK.sub(block, text)


if __name__ == "__main__":
    for each in BLOCKS:
        file_of(each).write_text(generated(each), encoding="utf-8")
