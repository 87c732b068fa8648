"""What a person on call reads first: what is wrong with an organization's numbers, what it means, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from exporter.contract.state import Reason
from exporter.status.document import CollectorState, CollectorStatus, OrganizationStatus
from exporter.status.words import date_and_time, since

NAMES = {
    "cost": "Cost",
    "usage": "Usage",
    "nowcast": "Nowcast (estimates)",
    "claude_code": "Claude Code",
    "organization": "Organization",
    "limits": "Limits",
    "hours": "Usage by the hour",
    "members": "Members of workspaces",
}
TO_DO = {
    Reason.AUTH: "Create an Admin key (Console > Settings > Admin keys), and give it to the exporter.",
    Reason.FORBIDDEN: "The key needs access to it: only Admin keys of an organization have it.",
    Reason.REQUEST: "Check --api.base-url and what stands between: a proxy, a gateway.",
    Reason.RATE_LIMITED: "Nothing, if it passes: something else may use the same Admin key too often.",
    Reason.TIMEOUT: "Check the network's way to the API, and --api.timeout-seconds.",
    Reason.NETWORK: "Check DNS, firewall and proxy on the way to the API.",
    Reason.SERVER: "Nothing: it is asked again by itself. See the API's status page if it lasts.",
    Reason.SCHEMA: "If nothing answers in the API's place, please report it.",
    Reason.PAGINATION: "Nothing, if it passes; please report it if it lasts.",
    Reason.BUG: "This is a defect of the exporter: please report it with the log.",
}


@dataclass(frozen=True)
class Problem:
    """`is_bad` where numbers are missing or old; else it is only to be known."""

    title: str
    detail: str
    to_do: str
    is_bad: bool = True


def title(collector: str) -> str:
    return NAMES.get(collector, collector)


def problems(organization: OrganizationStatus, now: datetime) -> Iterator[Problem]:
    """The worst first; what many collectors have in common is said once."""
    collectors = organization.collectors
    if collectors and all(each.state is CollectorState.NOT_SERVED for each in collectors):
        yield Problem(
            "This key sees nothing",
            _refusals(collectors),
            "Create an Admin key of the organization (sk-ant-admin…; Console > Settings > Admin keys), and give it to "
            "the exporter.",
        )
        return
    failing: dict[tuple[Reason, str], list[CollectorStatus]] = {}
    for each in collectors:
        if each.failure:
            failing.setdefault((each.failure.reason, each.failure.message), []).append(each)
    for (reason, message), group in failing.items():
        yield Problem(_failing(group, len(collectors), now), message or reason.value, TO_DO[reason])
    for each in collectors:
        if each.state is CollectorState.LATE and each.last_success:
            yield Problem(
                f"{title(each.collector)} is late",
                f"Last read {since(each.last_success, now)} ago, at {date_and_time(each.last_success)} UTC.",
                "Look at the exporter's log: a refresh hangs or takes too long.",
            )
    unserved = [each for each in collectors if each.state is CollectorState.NOT_SERVED]
    if unserved:
        yield Problem(
            f"{_listed(unserved)} {'is' if len(unserved) == 1 else 'are'} not served to this key",
            _refusals(unserved),
            "If you do not need it, switch it off: --no-….enabled.",
            is_bad=False,
        )


def _failing(group: list[CollectorStatus], of: int, now: datetime) -> str:
    who = "Every collector fails" if len(group) == of and of > 1 else f"{_listed(group)} {_fail(group)}"
    begun = min((each.failing_since for each in group if each.failing_since), default=None)
    since_when = f" since {date_and_time(begun)} UTC ({since(begun, now)})" if begun else ""
    kept = [each.last_success for each in group if each.last_success]
    shown = f"; numbers are {since(min(kept), now)} old" if kept else "; there are no numbers yet"
    return f"{who}{since_when}{shown}"


def _fail(group: list[CollectorStatus]) -> str:
    return "fails" if len(group) == 1 else "fail"


def _listed(group: list[CollectorStatus]) -> str:
    *first, last = [title(each.collector) for each in group]
    return f"{', '.join(first)} and {last}" if first else last


def _refusals(collectors: tuple[CollectorStatus, ...] | list[CollectorStatus]) -> str:
    first = next((each for one in collectors for each in one.unserved), None)
    if first is None:
        return "The API refuses it."
    request_id = f" (request ID {first.request_id})" if first.request_id else ""
    return f"{first.endpoint} answered {first.status}: {first.message or 'no reason given'}{request_id}"
