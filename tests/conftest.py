from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import freezegun
import pytest
from freezegun.api import FrozenDateTimeFactory
from hypothesis import HealthCheck, settings

# Shared machines are slow at times: an example's duration says nothing.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden exposition file anew")


@pytest.fixture
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
def clock() -> Iterator[Callable[[str], FrozenDateTimeFactory]]:
    """Sets the wall clock to an instant, as often as wanted; asyncio's own clock goes on."""
    frozen: list[tuple[Any, Any]] = []

    def set_to(instant: str) -> FrozenDateTimeFactory:
        moment = datetime.fromisoformat(instant)
        if not frozen:
            freezer = freezegun.freeze_time(moment, real_asyncio=True)
            frozen.append((freezer, freezer.start()))
        factory: FrozenDateTimeFactory = frozen[0][1]
        factory.move_to(moment)
        return factory

    yield set_to
    for freezer, _ in frozen:
        freezer.stop()
