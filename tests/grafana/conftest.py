from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.grafana.history import MINUTE, Exporter, input_series
from tests.grafana.rules import Check, disagreement, disagreement_of_queries, needed_by, of_nobody


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
