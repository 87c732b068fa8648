"""What `check` has found, in words and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec

from exporter.contract.state import Failure
from exporter.status.verdict import TO_DO

COLUMNS = 100
HEADINGS = ("ENDPOINT", "BRINGS", "READABLE", "NEWEST DATA", "ROWS", "SECONDS")
NOTHING = "-"
ALL, SOME, NONE = 0, 3, 1  # exit codes

_JSON = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Finding:
    """One endpoint: `is_readable` is None where nothing is known of it. What is not `needed` decides nothing."""

    endpoint: str
    collector: str
    is_report: bool
    needed: bool
    is_readable: bool | None = None
    newest_data: date | None = None
    rows: int | None = None
    more_rows: bool = False
    seconds: float = 0.0
    failure: Failure | None = None


@dataclass(frozen=True)
class OrganizationFound:
    id: str
    name: str


@dataclass(frozen=True)
class DayFound:
    """A whole UTC day's billed cost."""

    day: date
    usd: Decimal


@dataclass(frozen=True)
class Checked:
    """All of it; `exit_code` and `verdict` follow from the findings."""

    version: str
    api_base_url: str
    organization: OrganizationFound | None
    newest_day: DayFound | None
    endpoints: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        needed = [each for each in self.endpoints if each.needed]
        readable = [each for each in needed if each.is_readable]
        if len(readable) == len(needed):
            return ALL
        has_reports = any(each.is_report for each in needed)
        return SOME if any(each.is_report for each in readable) or (readable and not has_reports) else NONE

    @property
    def verdict(self) -> str:
        return {
            ALL: "Everything that is enabled can be read.",
            SOME: "Some of what is enabled can be read, and some cannot.",
            NONE: "No report can be read.",
        }[self.exit_code]

    def json(self) -> str:
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return _JSON.encode({"verdict": self.verdict, "exit_code": self.exit_code, **fields}).decode()

    def text(self) -> str:
        """The verdict, the causes of what cannot be read, each once, and the table."""
        return "\n".join([*self._head(), *self._causes(), "", table([HEADINGS, *map(_cells, self.endpoints)])])

    def _head(self) -> Iterator[str]:
        name = f"{self.organization.name}: " if self.organization else ""
        yield from _wrapped(f"{name}{self.verdict}")
        if self.newest_day:
            day, usd = self.newest_day.day, self.newest_day.usd
            yield f"{day:%a} {day.isoformat()} (UTC) cost ${usd:,.2f}: hold it against the Console."

    def _causes(self) -> Iterator[str]:
        """Of what is needed first; what many have in common is said once."""
        causes: dict[tuple[str, str], list[Finding]] = {}
        for each in sorted(self.endpoints, key=lambda finding: not finding.needed):
            if each.failure:
                causes.setdefault((each.failure.reason, each.failure.message), []).append(each)
        for (reason, message), group in causes.items():
            failure = group[0].failure
            assert failure  # noqa: S101  they are grouped by it
            status = f" answered {failure.status}" if failure.status else " failed"
            request_id = f" (request id {failure.request_id})" if failure.request_id else ""
            names = (
                "Every endpoint" if len(group) == len(self.endpoints) else ", ".join(each.endpoint for each in group)
            )
            yield ""
            yield from _wrapped(f"{names}{status}: {message or reason}{request_id}")
            optional = "" if any(each.needed for each in group) else "Nothing has to be done: it is not needed. "
            yield from _wrapped(f"What to do: {optional or TO_DO[failure.reason]}".rstrip())


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _cells(finding: Finding) -> tuple[str, ...]:
    readable = {True: "yes", False: "no", None: "unknown"}[finding.is_readable]
    rows = NOTHING if finding.rows is None else f"{finding.rows}{'+' if finding.more_rows else ''}"
    newest = finding.newest_data.isoformat() if finding.newest_data else NOTHING
    return (finding.endpoint, finding.collector, readable, newest, rows, f"{finding.seconds:.2f}")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, break_on_hyphens=False)
