"""The page at `/` as HTML: one file, without a script and without a request to anybody."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.contract.labels import NONE
from exporter.contract.own import LARGE_BYTES
from exporter.status import words
from exporter.status.chart import chart
from exporter.status.document import CollectorState, OrganizationStatus, Spend, Status
from exporter.status.verdict import Problem, problems, title

DESK, PHONE = (980, 260, 7), (360, 220, 10)  # width, height, a date every so many days
MOST_IN_FULL = 5  # organizations; of the others there is a line
PROJECT = "https://github.com/anthropic-exporter/anthropic-exporter/blob/main"
LINKS = (
    ("Dashboards", f"{PROJECT}/README.md#dashboards-and-alerts"),
    ("Alerts", f"{PROJECT}/docs/alerts.md"),
    ("Runbook", f"{PROJECT}/grafana/runbook.md"),
    ("Documentation", f"{PROJECT}/docs/README.md"),
)
SIGNS = {
    CollectorState.WORKS: ("ok", "●"),
    CollectorState.STARTING: ("dim", "◌"),
    CollectorState.LATE: ("warn", "▲"),
    CollectorState.FAILING: ("bad", "✕"),
    CollectorState.NOT_SERVED: ("dim", "–"),  # noqa: RUF001  a dash
}
# A change that says something, as the Cost dashboard judges it.
JUDGED_USD, ORANGE, RED = Decimal(25), Decimal("0.25"), Decimal("0.5")
HALF = Decimal("0.5")


def _judged(now: Decimal | None, before: Decimal | None) -> str:
    """A class for a rise that is large by both size and share."""
    if now is None or before is None or now - before < JUDGED_USD or now <= before * (1 + ORANGE):
        return ""
    return "bad" if now > before * (1 + RED) else "warn"


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("exporter.status"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    amounts = (words.dollars, words.change, words.count, words.ratio, words.error)
    made.filters |= {
        each.__name__: each for each in (*amounts, words.day, words.month, words.date_and_time, words.short)
    }
    made.filters["title_of"] = title
    made.globals |= {"percent": words.percent, "judged": _judged, "since": words.since, "span": words.span}
    return made


_ENVIRONMENT = _environment()
# All of them, for none to be compiled, or to be wrong, while the exporter runs.
_TEMPLATES = {name: _ENVIRONMENT.get_template(name) for name in _ENVIRONMENT.list_templates()}
_PAGE = _TEMPLATES["page.html"]
_STYLE = _TEMPLATES["style.css"].render().strip()
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def rendered(status: Status) -> bytes:
    """The page in UTF-8."""
    organizations = [
        _told(each, status.made_at, in_full=place < MOST_IN_FULL) for place, each in enumerate(status.organizations)
    ]
    return _PAGE.render(
        status=status,
        now=status.made_at,
        style=_STYLE,
        organizations=organizations[:MOST_IN_FULL],
        lines=organizations if len(organizations) > 1 else [],
        links=LINKS,
        signs=SIGNS,
        large_mib=status.exposition_bytes >> 20 if status.exposition_bytes > LARGE_BYTES else 0,
        uptime=words.since(status.about.started_at, status.made_at),
    ).encode()


def _told(organization: OrganizationStatus, now: datetime, *, in_full: bool) -> dict[str, Any]:
    """What the templates ask for; of one that has but a line, what that needs."""
    found = list(problems(organization, now))
    line = {
        "of": organization,
        "name": organization.label or organization.name or "This organization",
        "problems": found,
        "verdict": _verdict(organization, found),
    }
    return line | _in_full(organization, now) if in_full else line


def _in_full(organization: OrganizationStatus, now: datetime) -> dict[str, Any]:
    spend = organization.spend
    return {
        "desk": chart(spend.days, *DESK) if spend and spend.workspaces else None,
        "phone": chart(spend.days, *PHONE) if spend and spend.workspaces else None,
        "newest_is_yesterday": bool(spend and spend.newest and (now.date() - spend.newest).days == 1),
        "why": _why(spend) if spend else "",
        "moved": [
            ("Workspaces", spend.moved_workspaces, "none"),
            ("Models", spend.moved_models, "not for tokens"),
        ]
        if spend
        else [],
        "unserved": _unserved(organization),
    }


def _unserved(organization: OrganizationStatus) -> dict[str, list[str]]:
    """The endpoints by what the API says of them, which is often the same."""
    found: dict[str, list[str]] = {}
    for one in organization.collectors:
        for each in one.unserved:
            found.setdefault(f"HTTP {each.status}: {each.message}", []).append(each.endpoint)
    return found


def _why(spend: Spend) -> str:
    """Why the newest day differs from the same weekday of the week before, where that says something."""
    if spend.newest is None or spend.newest_usd is None or spend.week_before_usd is None:
        return ""
    difference = spend.newest_usd - spend.week_before_usd
    if abs(difference) < JUDGED_USD:
        return ""
    parts = [
        f"{words.short(each.name)} ({words.change(each.usd - each.before_usd)})"
        for each in (*spend.moved_workspaces[:1], *spend.moved_models[:1])
        if each.before_usd is not None and each.name != NONE and (each.usd - each.before_usd) / difference >= HALF
    ]
    most = f", above all by {' and '.join(parts)}" if parts else ""
    more = "more" if difference > 0 else "less"
    return f"{words.day(spend.newest)} cost {words.dollars(abs(difference))} {more} than a week before{most}."


def _verdict(organization: OrganizationStatus, found: list[Problem]) -> str:
    bad = [problem for problem in found if problem.is_bad]
    if bad:
        return bad[0].title
    if any(each.state is CollectorState.STARTING for each in organization.collectors):
        return "Starting: the first numbers come in a moment"
    works = sum(each.state is CollectorState.WORKS for each in organization.collectors)
    return "All collectors work" if works == len(organization.collectors) else f"{works} collectors work"
