"""What an expression names: families with their matchers, and the labels that it groups and joins by."""

from __future__ import annotations

import re
from functools import cache

from docs import reference

SELECTOR = re.compile(r"\b((?:anthropic|process)[_:][a-z0-9_:]+)(\{[^}]*\})?")
MATCHED = re.compile(r"(\w+)(?:=~|!~|!=|=)\s*\"")
MADE = re.compile(r'(?:[)}], |count_values by \([^)]*\) \()"(\w+)", ')
GROUPING = re.compile(r"\b(?:by|without|on|group_left|ignoring) \(([^)]*)\)")
# What scrapes, replicas and the rules' own constants add.
ADDED = {"job", "instance", "pod", "node", "organization"}
OF_RULES = {"scope", "threshold"}
OF_ALERTS = {"alertname"}


def selectors(expr: str) -> list[tuple[str, str]]:
    """Names of families, and recorded ones, with their matchers."""
    return SELECTOR.findall(expr)


@cache
def known() -> dict[str, frozenset[str]]:
    """The labels of each exposed family."""
    labels = {family.name: frozenset(family.labels) | ADDED for family in reference.families()}
    labels["anthropic_usage_tokens"] |= reference.optional_labels()
    return labels | {f"{name}_bucket": own | {"le"} for name, own in labels.items()}


def unknown_labels(expr: str) -> set[str]:
    """Labels that the family does not have which they are matched on, or that nothing has which is grouped by.

    An expression has also those that it makes itself, by `label_replace`, `label_join` and `count_values`.
    """
    every = frozenset().union(*known().values()) | OF_RULES | OF_ALERTS | set(MADE.findall(expr))
    unknown: set[str] = set()
    for name, matchers in selectors(expr):
        unknown |= set(MATCHED.findall(matchers)) - known().get(name, every)
    for grouping in GROUPING.findall(expr):
        # What a dashboard's variable names is chosen of what there is.
        unknown |= set(re.findall(r"(?<![$\w])\w+", grouping)) - every
    return unknown
