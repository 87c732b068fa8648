"""What must hold for a scrape after a refresh, whatever the upstream did. Each check yields what does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.soak.catalogue import must_fail
from tests.soak.kinds import (
    COLLECTORS,
    ENDPOINTS,
    LIMITS_OF_WORKSPACE,
    MEMBERS,
    MINUTES,
    NEEDS,
    SECRETS,
    SUMMARIES,
    Effect,
    Kind,
)
from tests.soak.scrapes import OWN, Data, State, data_of, names_of, requests, states
from tests.soak.upstream import ALWAYS, Fault, Seen
from tests.support.exporting import Exposed

MAIN = {"usage_report/messages", "cost_report", "usage_report/claude_code", "workspaces", "rate_limits", MEMBERS}

OF_WORKSPACES = {MEMBERS, LIMITS_OF_WORKSPACE}
ONE_BY_ONE = {"usage_report/claude_code", *OF_WORKSPACES}
SHARED = {"workspaces"}  # that several collectors read


@dataclass(frozen=True)
class Truths:
    """What may be seen; `fresh` where the exporter knew nothing before, and `old` is empty."""

    old: Data
    new: Data
    fresh: bool
    now: datetime
    default_id: str


@dataclass(frozen=True)
class Step:
    """A refresh of all collectors: what was seen before and after it, and what the upstream did."""

    before: Exposed
    after: Exposed
    text: str
    faults: Sequence[Fault]
    seen: Seen

    def harm(self, endpoint: str) -> list[Kind]:
        """The hits that are not harmless."""
        asked = (endpoint, *NEEDS.get(endpoint, ()))
        hits = [kind for each in asked for kind in self.seen.hits.get(each, ()) if kind.effect is not Effect.HARMLESS]
        return hits + (REFUSED if self.seen.refused else [])

    def is_doomed(self, endpoint: str) -> bool:
        met = bool(self.seen.hits.get(endpoint))
        fatal = [fault for fault in self.faults if fault.endpoint == endpoint and must_fail(fault)]
        if endpoint in SHARED:  # the hit may have been another collector's, unless all were hit
            fatal = [fault for fault in fatal if fault.after == 0 and fault.count >= ALWAYS]
        return met and bool(fatal)


REFUSED = [Kind("refused", lambda reply: reply, Effect.EITHER, frozenset({"network"}))]


def problems(step: Step, truths: Truths) -> Iterator[str]:
    """All that does not hold."""
    data = data_of(step.text, truths.default_id)
    before, after = states(step.before), states(step.after)
    for endpoint in ENDPOINTS:
        yield from _data(endpoint, data, step, truths)
    for collector in COLLECTORS:
        for what in _collector(collector, before[collector], after[collector], step, truths):
            yield f"{collector}: {what}"
        if (shown := sum(len(data.get(endpoint, ())) for endpoint in COLLECTORS[collector])) != after[collector].series:
            yield f"{collector}: {shown} samples, and collector_series says {after[collector].series:.0f}"
    yield from _together(step.after, after)
    yield from _requests(step)
    yield from sorted(step.seen.wrong)


def _data(endpoint: str, data: Data, step: Step, truths: Truths) -> Iterator[str]:
    shown, old, new = (set(each.get(endpoint, ())) for each in (data, truths.old, truths.new))
    if endpoint == MINUTES and step.harm(endpoint) and shown <= old:
        return  # what is kept of them is gone with its hour
    if endpoint in OF_WORKSPACES and step.harm(endpoint):
        if strange := [each for each, rows in _by_workspace(shown, old, new) if rows[0] not in rows[1:]]:
            yield f"{endpoint}: neither the old nor the new truth of {strange[:2]}"
        return  # each fails alone
    if shown not in (old, new):
        missing, strange = sorted(new - shown), sorted(shown - old - new)
        yield f"{endpoint}: neither the old nor the new truth: {strange[:2]}, without {missing[:2]}"
    elif not step.harm(endpoint) and shown != new:
        yield f"{endpoint}: nothing was wrong with it, and its data are old"
    elif step.is_doomed(endpoint) and shown != old:
        yield f"{endpoint}: it cannot have succeeded, and its data are new"


def _by_workspace(*of: Collection[str]) -> Iterator[tuple[str, list[set[str]]]]:
    """What each workspace has of each of these."""
    named = [defaultdict[str, set[str]](set) for _ in of]
    for samples, by_workspace in zip(of, named, strict=True):
        for line in samples:
            by_workspace[line.partition('workspace_id="')[2].partition('"')[0]].add(line)
    for each in set().union(*named):
        yield each, [by_workspace[each] for by_workspace in named]


def _collector(name: str, before: State, after: State, step: Step, truths: Truths) -> Iterator[str]:
    endpoints = COLLECTORS[name]
    harm = [kind for endpoint in endpoints for kind in step.harm(endpoint)]
    # From the start, the API's own refusal is an answer.
    refused = {e for e in endpoints if truths.fresh and any(_is_refusal(kind, e) for kind in step.harm(e))}
    failed = {reason: count - before.failures[reason] for reason, count in after.failures.items()}
    failed = {reason: count for reason, count in failed.items() if count}
    yield from _consistent(after, truths.now)
    if after.up == 0:
        possible = frozenset[str]().union(*(kind.reasons for kind in harm))
        if not after.failing <= possible:
            yield f"reason {set(after.failing)}, not {set(possible) or 'up'}, after {_names(harm)}"
        if failed != dict.fromkeys(after.failing, 1):
            yield f"failures counted: {failed}, for {set(after.failing)}"
        if (after.last_success, after.data_through) != (before.last_success, before.data_through):
            yield "last_success or data_through moved with a failure"
        return
    if failed:
        yield f"failures counted: {failed}, without a failure"
    if not after.available and not refused & MAIN:
        yield f"given up, after {_names(harm)}"
    if after.up == 1 and after.last_success != truths.now.timestamp():
        yield f"last_success is {after.last_success}, not now"
    if doomed := [e for e in endpoints if step.is_doomed(e) and e not in refused]:
        yield f"not down, with {_names(harm)} at {', '.join(doomed)}"


def _is_refusal(kind: Kind, endpoint: str) -> bool:
    # Of some an Admin key may be told that it is none.
    return kind.refusal or (endpoint in {"service_accounts", SUMMARIES} and "auth" in kind.reasons)


def _names(kinds: Collection[Kind]) -> str:
    return " and ".join(sorted({kind.name for kind in kinds})) or "nothing"


def _consistent(state: State, now: datetime) -> Iterator[str]:
    """What one collector's own metrics say of it at any time."""
    if (state.up is None) is bool(state.available):
        yield f"available is {state.available}, and up is {state.up}"
    if len(state.failing) != (state.up == 0):
        yield f"up is {state.up}, and the reasons are {set(state.failing)}"
    if "bug" in state.failing:
        yield "the reason is bug"
    for name, moment in (("last_success", state.last_success), ("data_through", state.data_through)):
        if moment is not None and moment > now.timestamp():
            yield f"{name} lies in the future"
    if not state.available and (state.data_through is not None or state.failing):
        yield "data_through or a reason, while unavailable"


def _together(exposed: Exposed, after: Mapping[str, State]) -> Iterator[str]:
    available = [state for state in after.values() if state.available]
    up = float(bool(available) and all(state.up == 1 for state in available))
    if exposed[f"{OWN}up"] != {frozenset(): up}:
        yield f"{OWN}up is not {up}"
    # The default workspace, while its list is missing, goes by its ID in one place and by its name in the other.
    for workspace_id, names in names_of(exposed).items():
        if len(names) > 1:
            yield f"{workspace_id} has {len(names)} names"


def _requests(step: Step) -> Iterator[str]:
    """The counters and the upstream agree, where both sides can know."""
    if any(kind.wire for hits in step.seen.hits.values() for kind in hits):
        return
    before, after = requests(step.before), requests(step.after)
    for endpoint, sent in step.seen.requests.items():
        counted = sum(value - before.get(key, 0) for key, value in after.items() if key[0] == endpoint)
        # Of days and workspaces the others are called off when one has failed.
        if counted > sent or (counted < sent and endpoint not in ONE_BY_ONE):
            yield f"{endpoint}: {counted:.0f} requests counted, {sent} seen"
    for (endpoint, status), sent in step.seen.statuses.items():
        counted = after.get((endpoint, status), 0) - before.get((endpoint, status), 0)
        if counted > sent:
            yield f"{endpoint}: {counted:.0f} answers with status {status} counted, {sent} sent"


def leaks(text: str, log_lines: Sequence[object], keys: Collection[str]) -> Iterator[str]:
    """Secrets, addresses of error bodies, and queries."""
    log = str(log_lines)
    for secret in (*SECRETS, *keys):
        if secret in text:
            yield f"{secret} in the exposition"
        if secret in log:
            yield f"{secret} in the log"
    if "starting_at=" in log or "limit=" in log:
        yield "a query in the log"
