"""`/metrics?collect[]=…`: some collectors' families and the exporter's own, for whoever wants no more."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from exporter.contract.families import CHAPTERS, OF_COLLECTORS
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.exporting import KEY
from tests.support.processes import eventually, exporter, get, until_ready

ALL = tuple(OF_COLLECTORS)
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
OWN = {family.name for chapter in CHAPTERS for family in chapter} - {
    family.name for families in OF_COLLECTORS.values() for family in families
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of an exporter whose collectors are all enabled, and have read for good."""
    api = AdminApi(SimulatedOrganization(actors=3, workspaces=2, growth=False), key=KEY)
    pause = [f"--{name}.interval-seconds=3000" for name in ("usage", "cost", "nowcast", "claude-code", "limits")]
    with (
        running(api) as api_url,
        exporter("--usage.hours=3", *pause, ANTHROPIC_BASE_URL=api_url, ANTHROPIC_ADMIN_API_KEY=KEY) as (_, base_url),
    ):
        until_ready(base_url)
        eventually(lambda: "anthropic_cost_nowcast_usd{" in get(f"{base_url}/metrics").text, "a nowcast")
        yield f"{base_url}/metrics"


def families(text: str) -> list[str]:
    return [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]


def samples(text: str) -> set[str]:
    return {line for line in text.splitlines() if not line.startswith("#")}


def of(*collectors: str) -> str:
    return "&".join(f"collect[]={name}" for name in collectors)


def test_every_family_is_of_one_collector_or_the_exporter_s_own() -> None:
    named = [family.name for families in OF_COLLECTORS.values() for family in families]
    assert len(named) == len(set(named))
    assert all(name.startswith(("anthropic_exporter_", "process_")) for name in OWN)
    assert not any(name.startswith("anthropic_exporter_") for name in named)


@pytest.mark.parametrize("names", [*itertools.combinations(ALL, 1), *itertools.combinations(ALL, 2), ALL])
def test_it_has_what_these_collectors_have_and_what_the_exporter_says_of_itself(
    url: str, names: tuple[str, ...]
) -> None:
    whole, part = get(url).text, get(f"{url}?{of(*names)}").text
    wanted = OWN | {family.name for name in names for family in OF_COLLECTORS[name]}
    assert families(part) == [name for name in families(whole) if name in wanted]
    data = {line for line in samples(part) if not line.startswith(("anthropic_exporter_", "process_"))}
    assert data <= samples(whole)
    assert data == {line for line in samples(whole) if any(line.startswith(f"{name}{{") for name in wanted - OWN)}


def test_together_the_parts_are_the_whole(url: str) -> None:
    whole = get(url).text
    parts = [get(f"{url}?{of(name)}").text for name in ALL]
    assert set().union(*map(families, parts)) == set(families(whole))


def test_it_is_compressed_and_in_both_formats_like_the_whole(url: str) -> None:
    wanted = f"{url}?{of('cost', 'cost')}"
    plain = get(wanted, **{"accept": OPENMETRICS, "accept-encoding": "identity"})
    assert plain.text.endswith("\n# EOF\n")
    assert len(plain.content) == int(plain.headers["content-length"])
    list(parse_openmetrics(plain.text))  # type: ignore[no-untyped-call]  # no types there
    with httpx.stream("GET", wanted, headers={"accept-encoding": "gzip"}, trust_env=False) as answer:
        content = gzip.decompress(b"".join(answer.iter_raw()))
    assert b"anthropic_cost_usd{" in content
    assert b"anthropic_usage_tokens{" not in content


@pytest.mark.parametrize("query", ["collect[]=", "collect[]=nodes", "collect[]=cost&collect[]=COST", "collect%5B%5D=x"])
def test_what_is_no_collector_is_refused_and_the_others_are_named(url: str, query: str) -> None:
    answer = get(f"{url}?{query}")
    assert answer.status_code == 400
    assert "is no collector that is enabled: organization, cost" in answer.text
    assert "anthropic_" not in answer.text


def test_one_that_is_not_enabled_is_refused() -> None:
    with exporter("demo", "--no-cost.enabled") as (_, base_url):
        assert get(f"{base_url}/metrics?collect[]=cost").status_code == 400
        assert get(f"{base_url}/metrics?collect[]=usage").status_code == 200


def test_other_parameters_change_nothing(url: str) -> None:
    assert families(get(f"{url}?collect=cost&x=1").text) == families(get(url).text)
