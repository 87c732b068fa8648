"""End to end: an organization, its API, the exporter and a real Prometheus, which has the organization's numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.exporting import Exposed, Labels
from tests.support.processes import environment, eventually, exporter, free_port, get, started, until_ready
from tests.support.truth import expected

SEED, ACTORS, WORKSPACES = 7, 30, 5
OF_THE_LAST_HOUR = "anthropic_usage_peak_tokens_per_minute"
DEMO = (
    "--demo.seed",
    str(SEED),
    "--demo.actors",
    str(ACTORS),
    "--demo.workspaces",
    str(WORKSPACES),
    "--no-demo.growth",
)
CONFIG = """\
global: {{scrape_interval: 1s}}
scrape_configs: {scrapes}
"""
FAMILIES = '{__name__=~"anthropic_.+", __name__!~"anthropic_exporter_.+"}'


@contextmanager
def prometheus(program: str, folder: Path, jobs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A Prometheus that scrapes the jobs' targets every second; its URL."""
    config = folder / "prometheus.yml"
    scrapes = [{"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items()]
    config.write_text(CONFIG.format(scrapes=json.dumps(scrapes)), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with started(command, environment()) as process:
        eventually(lambda: process.answers(f"http://{address}/-/ready"), "Prometheus")
        yield f"http://{address}"


def query(url: str, expression: str, at: datetime | None = None) -> list[dict[str, Any]]:
    """The instant vector, as of now or of an earlier instant."""
    instant = {"time": str(at.timestamp())} if at else {}
    answer = httpx.post(f"{url}/api/v1/query", data={"query": expression, **instant}, trust_env=False, timeout=30)
    assert answer.status_code == 200, answer.text
    result: list[dict[str, Any]] = json.loads(answer.text)["data"]["result"]
    return result


def vector(url: str, expression: str) -> Exposed:
    """The instant vector by metric name and labels, without what the scrape added."""
    found: Exposed = {}
    for sample in query(url, expression):
        metric: dict[str, str] = sample["metric"]
        key: Labels = frozenset((k, v) for k, v in metric.items() if k not in {"__name__", "job", "instance"})
        found.setdefault(metric.get("__name__", ""), {})[key] = float(sample["value"][1])
    return found


def test_prometheus_has_the_organizations_own_numbers(program: Callable[[str], str], tmp_path: Path) -> None:
    organization = SimulatedOrganization(SEED, ACTORS, WORKSPACES, growth=False)
    found, truth = _once(program("prometheus"), tmp_path / "1", organization)
    if found != truth:  # the UTC day may have changed on the way, which happens once a day
        found, truth = _once(program("prometheus"), tmp_path / "2", organization)
    assert found.keys() == truth.keys()
    for name, samples in truth.items():
        assert found[name] == samples, name


def _once(program: str, folder: Path, organization: SimulatedOrganization) -> tuple[Exposed, Exposed]:
    folder.mkdir()
    # Estimates are no numbers of the organization's own; hours and tags are what only the demo asks for by itself.
    flags = ("--no-nowcast.enabled", "--usage.hours=0", "--organization.workspace-tags=")
    with exporter("demo", *DEMO, *flags) as (_, base_url):
        until_ready(base_url)
        now = datetime.now(UTC)
        with prometheus(program, folder, {"anthropic": [base_url.removeprefix("http://")]}) as url:
            eventually(lambda: vector(url, "anthropic_exporter_up == 1"), "a scrape")
            found, truth = vector(url, FAMILIES), expected(organization, now)
            for each in (found, truth):
                del each[OF_THE_LAST_HOUR]  # which goes on from minute to minute
            return found, truth


def test_what_people_ask_first_has_the_organizations_own_answer(program: Callable[[str], str], tmp_path: Path) -> None:
    organization = SimulatedOrganization(SEED, ACTORS, WORKSPACES, growth=False)
    with exporter("demo", *DEMO) as (_, base_url):
        until_ready(base_url)
        now = datetime.now(UTC)
        truth = expected(organization, now)
        with prometheus(program("prometheus"), tmp_path, {"anthropic": [base_url.removeprefix("http://")]}) as url:
            eventually(lambda: vector(url, "anthropic_exporter_up == 1"), "a scrape")
            answers = {
                'sum(anthropic_cost_usd{days_ago="1"})': _sum(truth, "anthropic_cost_usd", days_ago="1"),
                "sum(anthropic_cost_month_to_date_usd)": _sum(truth, "anthropic_cost_month_to_date_usd"),
                'sum(anthropic_usage_tokens{days_ago="1",token_type="output"})': _sum(
                    truth, "anthropic_usage_tokens", days_ago="1", token_type="output"
                ),
                'sum(anthropic_claude_code_active_actors{days_ago="1"})': _sum(
                    truth, "anthropic_claude_code_active_actors", days_ago="1"
                ),
                "count(anthropic_exporter_demo)": 1,
                "sum(up)": 1,
            }
            for expression, answer in answers.items():
                ((value,),) = (samples.values() for samples in vector(url, expression).values())
                assert value == pytest.approx(answer, rel=1e-12), expression


def _sum(truth: Exposed, name: str, **labels: str) -> float:
    return sum(value for key, value in truth[name].items() if labels.items() <= dict(key).items())


def test_prometheus_negotiates_openmetrics_and_gzip(program: Callable[[str], str], tmp_path: Path) -> None:
    with exporter("demo", *DEMO) as (_, base_url):
        until_ready(base_url)
        with prometheus(program("prometheus"), tmp_path, {"anthropic": [base_url.removeprefix("http://")]}) as url:
            eventually(lambda: vector(url, "anthropic_exporter_up == 1"), "a scrape")
            (health,) = json.loads(get(f"{url}/api/v1/targets").text)["data"]["activeTargets"]
            assert (health["health"], health["lastError"]) == ("up", "")
            kinds = json.loads(get(f"{url}/api/v1/metadata?metric=anthropic_exporter_collector_refresh_failures").text)
            assert kinds["data"], "the counter's family has its OpenMetrics name"
