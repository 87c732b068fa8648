"""A running process for which there is no more memory, or no more threads, for a while."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import Running, eventually, exporter, get, until_ready

LAST_SUCCESS = 'anthropic_exporter_collector_last_success_timestamp_seconds{collector="usage"'
SHORT_OF = """
import os, threading, zlib
start, compressobj = threading._start_new_thread, zlib.compressobj
def start_if_allowed(*arguments):
    if os.path.exists({file!r}):
        raise {start_error}
    return start(*arguments)
def compressobj_if_allowed(*arguments, **named):
    if os.path.exists({file!r}) and {short_of_memory}:
        raise MemoryError
    return compressobj(*arguments, **named)
threading._start_new_thread, zlib.compressobj = start_if_allowed, compressobj_if_allowed
"""
NO_THREADS = """RuntimeError("can't start new thread")"""


@pytest.fixture
def shortage(tmp_path: Path) -> Path:
    """While this file exists, the process is short of something."""
    return tmp_path / "shortage"


@pytest.fixture
def demo(tmp_path: Path, shortage: Path) -> Iterator[Callable[[str, bool], tuple[Running, str]]]:
    opened = []

    def start(start_error: str, short_of_memory: bool) -> tuple[Running, str]:
        code = SHORT_OF.format(file=str(shortage), start_error=start_error, short_of_memory=short_of_memory)
        (tmp_path / "sitecustomize.py").write_text(code)
        opened.append(exporter("demo", "--usage.interval-seconds", "0.2", PYTHONPATH=str(tmp_path)))
        process, base_url = opened[-1].__enter__()
        until_ready(base_url)
        eventually(lambda: "\nanthropic_exporter_up 1.0" in get(f"{base_url}/metrics").text, "every collector up")
        return process, base_url

    yield start
    for one in opened:
        one.__exit__(None, None, None)


def last_success(base_url: str) -> float:
    (line,) = (line for line in get(f"{base_url}/metrics").text.splitlines() if line.startswith(LAST_SUCCESS))
    return float(line.split()[-1])


def is_newer(base_url: str, seconds: float) -> Callable[[], bool]:
    return lambda: last_success(base_url) > seconds


@pytest.mark.parametrize("start_error", [NO_THREADS, "MemoryError"])
def test_without_another_thread_it_goes_on_with_the_one_that_it_has(
    demo: Callable[[str, bool], tuple[Running, str]], shortage: Path, start_error: str
) -> None:
    process, base_url = demo(start_error, False)
    shortage.touch()
    before = last_success(base_url)
    eventually(is_newer(base_url, before + 1), "refreshes without another thread")
    assert process.stop(signal.SIGTERM) == 0
    assert "level=error" not in process.output


def test_without_memory_the_last_good_data_stay_until_there_is_some(
    demo: Callable[[str, bool], tuple[Running, str]], shortage: Path
) -> None:
    process, base_url = demo(NO_THREADS, True)
    shortage.touch()
    process.find('level=error msg="(not enough memory or threads)')
    stale = get(f"{base_url}/metrics")
    assert stale.status_code == 200
    assert "\nanthropic_usage_tokens{" in stale.text
    shortage.unlink()
    eventually(is_newer(base_url, last_success(base_url)), "new data")
    assert process.stop(signal.SIGTERM) == 0
    assert "Traceback" not in process.output
    assert "defect" not in process.output
