"""What scrapes show, in all four forms, as data of each endpoint and as the collectors' states."""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families

from exporter.exposition.formats import Format
from tests.soak.kinds import COLLECTORS, MEMBERS, MINUTES, SUMMARIES
from tests.support.exporting import Exporter, Exposed, parse

OWN = "anthropic_exporter_"
# In this order: the first that fits.
FAMILIES = {
    "anthropic_usage_peak_": MINUTES,
    "anthropic_usage_": "usage_report/messages",
    "anthropic_cost_": "cost_report",
    "anthropic_claude_code_": "usage_report/claude_code",
    "anthropic_organization_info": "me",
    "anthropic_organization_users": "users",
    "anthropic_organization_invites": "invites",
    "anthropic_invite_": "invites",
    "anthropic_organization_": SUMMARIES,
    "anthropic_workspace_members": MEMBERS,
    "anthropic_spend_limit": "spend_limits",
    "anthropic_workspace_rate_limit": "workspaces/{workspace_id}/rate_limits",
    "anthropic_workspace_": "workspaces",
    "anthropic_api_key_": "api_keys",
    "anthropic_service_accounts": "service_accounts",
    "anthropic_rate_limit": "rate_limits",
}
WORKSPACE_NAME = re.compile(r'(?<=[{,])workspace="(?:[^"\\]|\\.)*",?')
# Samples by endpoint, as lines. The names of workspaces are of the list of workspaces alone.
Data = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class State:
    """Of a collector, as its own metrics tell it."""

    available: float
    up: float | None
    failing: frozenset[str]
    failures: Mapping[str, float]
    last_success: float | None
    data_through: float | None
    series: float


def forms(exporter: Exporter) -> dict[str, bytes]:
    """The text format's answer, which the others are compared with. Raises AssertionError."""
    snapshot = exporter.snapshot
    found = {form.name: b"".join(snapshot.plain[form].chunks) for form in Format}
    for form in Format:
        compressed = b"".join(snapshot.gzipped[form].chunks)
        assert gzip.decompress(compressed) == found[form.name], f"{form.name} in gzip is another text"
        assert len(found[form.name]) == snapshot.plain[form].length, f"the length of {form.name} is wrong"
        assert len(compressed) == snapshot.gzipped[form].length, f"the length of {form.name} in gzip is wrong"
    return found


def scraped(exporter: Exporter) -> Exposed:
    """Every sample. Raises AssertionError where two forms tell two things."""
    found = forms(exporter)
    exposed = parse(found["TEXT"].decode())
    families = openmetrics_families(found["OPENMETRICS"].decode())  # type: ignore[no-untyped-call]  # no types there
    others = {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}
    own = {(name, key): value for name, samples in exposed.items() for key, value in samples.items()}
    moving = ("process_",)
    different = {each for each, value in own.items() - others.items() if not each[0].startswith(moving)}
    different |= {each for each, value in others.items() - own.items() if not each[0].startswith(moving)}
    assert not different, f"the formats differ in {sorted(map(str, different))[:3]}"
    return exposed


def data_of(text: str, default_id: str) -> Data:
    """What is of the API, by endpoint; the default workspace is `default` also where its list is missing."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in text.split("\n"):
        if line.startswith("anthropic_") and not line.startswith(OWN):
            endpoint = next(each for prefix, each in FAMILIES.items() if line.startswith(prefix))
            named = line if endpoint == "workspaces" else WORKSPACE_NAME.sub("", line)
            found[endpoint].add(named.replace(f'"{default_id}"', '"default"'))
    return found


def own(exporter: Exporter) -> Exposed:
    """What the exporter says of itself; to parse the rest would take long."""
    return parse("".join(line + "\n" for line in exporter.text.split("\n") if line.startswith(OWN)))


def names_of(exposed: Exposed) -> dict[str, set[str]]:
    """The names of each workspace, anywhere."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for samples in exposed.values():
        for key in samples:
            own = dict(key)
            if "workspace" in own and "workspace_id" in own:
                found[own["workspace_id"]].add(own["workspace"])
    return found


def states(exposed: Exposed) -> dict[str, State]:
    def of(name: str, collector: str) -> Iterator[tuple[dict[str, str], float]]:
        for key, value in exposed.get(f"{OWN}collector_{name}", {}).items():
            own = dict(key)
            if own["collector"] == collector:
                yield own, value

    def one(name: str, collector: str) -> float | None:
        return next((value for _, value in of(name, collector)), None)

    return {
        collector: State(
            available=one("available", collector) or 0,
            up=one("up", collector),
            failing=frozenset(own["reason"] for own, value in of("failing", collector) if value),
            failures={own["reason"]: value for own, value in of("refresh_failures_total", collector)},
            last_success=one("last_success_timestamp_seconds", collector),
            data_through=one("data_through_timestamp_seconds", collector),
            series=one("series", collector) or 0,
        )
        for collector in COLLECTORS
    }


def requests(exposed: Exposed) -> dict[tuple[str, str], float]:
    """By endpoint and status."""
    counted = exposed.get(f"{OWN}api_requests_total", {})
    found = ((dict(key), value) for key, value in counted.items())
    return {(own.get("api_endpoint") or own["endpoint"], own["status"]): value for own, value in found}
