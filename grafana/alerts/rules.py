"""Recording rules and alerts, and their YAML as people would write it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

RUNBOOK_URL = "https://github.com/anthropic-exporter/anthropic-exporter/blob/main/grafana/runbook.md"
COLUMNS = 120
BRACES, NO_BREAK = re.compile(r"\{\{.*?\}\}"), "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Record:
    """A recording rule."""

    name: str
    expr: str
    comment: str = ""

    def lines(self) -> Iterator[str]:
        yield f"- record: {self.name}"
        yield from _expr(self.expr)


@dataclass(frozen=True)
class Alert:
    """An alert: it fires after `wait`, and goes on for `hold` if there is one."""

    name: str
    severity: str
    expr: str
    wait: str
    hold: str
    summary: str
    description: str
    comment: str = ""

    def lines(self) -> Iterator[str]:
        yield f"- alert: {self.name}"
        yield from _expr(self.expr)
        yield f"  for: {self.wait}"
        if self.hold:
            yield f"  keep_firing_for: {self.hold}"
        yield from ("  labels:", f"    severity: {self.severity}", "  annotations:", f"    summary: {self.summary}")
        yield "    description: >-"
        yield from _wrapped(self.description, "      ")
        yield f"    runbook_url: {RUNBOOK_URL}#{self.name.lower()}"


# Rules that belong together: between two of them there is no empty line.
Paragraph = Sequence[Record | Alert]
INDENT = "      "


def text_of(comment: str, group: str, paragraphs: Iterable[Paragraph]) -> str:
    """The file: a comment, and one group, whose order is that of the rules."""
    rules = "\n\n".join("\n".join(_lines(paragraph)) for paragraph in paragraphs)
    return f"{comment}groups:\n  - name: {group}\n    rules:\n{rules}\n"


def _lines(paragraph: Paragraph) -> Iterator[str]:
    for rule in paragraph:
        if rule.comment:
            yield from textwrap.wrap(
                rule.comment, COLUMNS, initial_indent=f"{INDENT}# ", subsequent_indent=f"{INDENT}# "
            )
        yield from (f"{INDENT}{line}" for line in rule.lines())


def _expr(expr: str) -> Iterator[str]:
    if "\n" not in expr:
        yield f"  expr: {expr}"
        return
    yield "  expr: |"
    yield from (f"    {line}" for line in expr.splitlines())


def _wrapped(text: str, indent: str) -> list[str]:
    """Not within braces: their blanks are other characters while it is wrapped."""
    lines = textwrap.wrap(
        BRACES.sub(lambda braces: braces[0].replace(" ", NO_BREAK), text),
        COLUMNS - len(INDENT),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(NO_BREAK, " ") for line in lines]
