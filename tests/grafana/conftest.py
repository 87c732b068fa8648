from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.grafana.history import MINUTE, Exporter
from tests.grafana.rules import Check, disagreement, needed_by, of_nobody


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
