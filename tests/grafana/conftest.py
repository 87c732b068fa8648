from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.grafana.history import MINUTE, Exporter, input_series
from tests.support.grafana.panels import Scraped
from tests.support.grafana.rules import Check, disagreement, disagreement_of_queries, needed_by, of_nobody
from tests.support.processes import eventually, exporter, until_ready
from tests.support.truth import expected
from tests.test_prometheus import ACTORS, DEMO, SEED, WORKSPACES, prometheus, query

# Scraped twice, as if there were two replicas; and another organization.
ACME = SimulatedOrganization(SEED, ACTORS, WORKSPACES, growth=False)
OTHER_FLAGS = ("--demo.seed", "8", "--demo.actors", "5", "--demo.workspaces", "2", "--no-demo.growth")


@pytest.fixture
def expect(program: Callable[[str], str], tmp_path: Path) -> Callable[..., None]:
    """Fails, with promtool's words, where the alerts that are checked do otherwise on what these exporters expose."""

    def check_all(
        exporters: Sequence[Exporter], *checks: Check, step: timedelta = MINUTE, federated: bool = False
    ) -> None:
        groups = needed_by(*{check.alert for check in checks})
        if not any(exporter.organization for exporter in exporters):
            groups = of_nobody(groups)
        words = disagreement(program("promtool"), tmp_path, groups, exporters, checks, step, federated=federated)
        assert not words, words

    return check_all


@pytest.fixture
def expect_answer(program: Callable[[str], str], tmp_path: Path) -> Callable[..., None]:
    """Fails, with promtool's words, where queries have other samples, by labels, on what these exporters expose."""

    def check_all(
        exporters: Sequence[Exporter],
        answers: Mapping[tuple[str, timedelta], Mapping[str, float]],
        until: timedelta | None = None,
    ) -> None:
        end = until or max(at for _, at in answers)
        words = disagreement_of_queries(program("promtool"), tmp_path, input_series(exporters, end, MINUTE), answers)
        assert not words, words

    return check_all


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str]) -> Iterator[Scraped]:
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        exporter("demo", *DEMO, "--organization.name", "Acme") as (_, acme),
        exporter("demo", *OTHER_FLAGS, "--organization.name", 'R&D "b"') as (_, other),
    ):
        until_ready(acme)
        until_ready(other)
        target = acme.removeprefix("http://")
        jobs = {"anthropic": [target, target.replace("127.0.0.1", "localhost")], "b": [other.removeprefix("http://")]}
        with prometheus(program("prometheus"), folder, jobs) as url:
            eventually(lambda: query(url, "min(count_over_time(anthropic_exporter_up[1m])) >= 4"), "scrapes")
            assert len(query(url, "anthropic_exporter_up == 1")) == 3
            now = datetime.now(UTC)
            yield Scraped(url, now, expected(ACME, now))
