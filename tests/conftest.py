from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime

import freezegun
import pytest
from hypothesis import HealthCheck, settings

# Shared machines are slow at times: an example's duration says nothing.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden exposition file anew")


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """The path of a program that a test needs; without it the test is skipped, under CI it fails."""

    def find(name: str) -> str:
        if path := shutil.which(name):
            return path
        message = f"{name} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)

    return find


@pytest.fixture
def clock() -> Iterator[Callable[[str], object]]:
    """Sets the wall clock to an instant, as often as wanted; asyncio's own clock goes on.

    It is frozen before the test begins and until its threads have ended: an event loop that runs meanwhile would see
    both clocks, and wait for a frozen instant for ever.
    """
    with freezegun.freeze_time("2026-11-21T12:00:00Z", real_asyncio=True) as frozen:

        def set_to(instant: str) -> None:
            frozen.move_to(datetime.fromisoformat(instant))

        yield set_to
