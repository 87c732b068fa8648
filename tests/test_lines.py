"""Lines on their way out, over real pipes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import lines
from exporter.lines import LineWriter
from tests.support.pipes import Pipe
from tests.support.processes import PATIENCE_SECONDS

MOST_LINES, MOST_BYTES = 8, 200

texts = st.lists(st.binary(max_size=80).map(lambda text: text.replace(b"\n", b"") + b"\n"), max_size=30)
with_limits = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_LINES", MOST_LINES)
    monkeypatch.setattr(lines, "MOST_BYTES", MOST_BYTES)


def told(dropped: int) -> bytes:
    return b"dropped %d\n" % dropped


@contextlib.contextmanager
def writing(stream: TextIO | None) -> Iterator[LineWriter]:
    writer = LineWriter(stream, told)
    yield writer
    writer.close()


def flushed(writer: LineWriter) -> bool:
    return writer.flush(PATIENCE_SECONDS)


def fitting(wanted: list[bytes]) -> list[bytes]:
    """Of lines that come while nothing is written, those that may wait."""
    kept: list[bytes] = []
    for line in wanted:
        if not kept or (len(kept) < MOST_LINES and sum(map(len, kept)) + len(line) <= MOST_BYTES):
            kept.append(line)
    return kept


@with_limits
@given(texts, texts)
def test_what_fits_is_written_in_order_and_the_rest_is_counted_and_told(
    limits: None, first: list[bytes], later: list[bytes]
) -> None:
    with Pipe() as pipe, writing(pipe.writer) as writer:
        filling = pipe.fill()
        for line in first:
            writer.put(line)
        dropped = len(first) - len(fitting(first))
        assert writer.dropped == dropped
        wanted = b"".join(fitting(first)) + (told(dropped) if dropped else b"")
        assert pipe.read(len(filling) + len(wanted)) == filling + wanted
        assert flushed(writer)
        filling = pipe.fill()
        for line in later:
            writer.put(line)
        again = len(later) - len(fitting(later))
        assert writer.dropped == dropped + again
        wanted = b"".join(fitting(later)) + (told(again) if again else b"")
        assert pipe.read(len(filling) + len(wanted)) == filling + wanted


@settings(max_examples=25)
@given(st.lists(texts, min_size=1, max_size=4))
def test_lines_of_many_threads_arrive_whole_and_in_each_thread_s_order(texts: list[list[bytes]]) -> None:
    def put(number: int, own: list[bytes]) -> None:
        for line in own:
            writer.put(b"%d %b" % (number, line))

    with Pipe() as pipe, writing(pipe.writer) as writer:
        threads = [threading.Thread(target=put, args=each) for each in enumerate(texts)]
        for thread in threads:
            thread.start()
        received = pipe.read(sum(len(line) + 2 for own in texts for line in own))
        for thread in threads:
            thread.join()
        assert writer.dropped == 0
    for number, own in enumerate(texts):
        prefix = b"%d " % number
        arrived = [line[2:] + b"\n" for line in received.split(b"\n") if line.startswith(prefix)]
        assert arrived == own


def test_a_line_larger_than_all_that_may_wait_goes_alone(limits: None) -> None:
    large = b"x" * 10 * MOST_BYTES + b"\n"
    with Pipe() as pipe, writing(pipe.writer) as writer:
        filling = pipe.fill()
        for line in (large, b"one more\n"):
            writer.put(line)
        assert writer.dropped == 1
        assert pipe.read(len(filling) + len(large) + len(told(1))) == filling + large + told(1)


def test_flushing_waits_for_a_reader_only_for_a_while() -> None:
    with Pipe() as pipe, writing(pipe.writer) as writer:
        filling = pipe.fill()
        writer.put(b"line\n")
        assert not writer.flush(0.01)
        assert pipe.read(len(filling) + 5).endswith(b"line\n")
        assert flushed(writer)


@pytest.mark.parametrize("size", [10, 100_000], ids=["small", "larger than the pipe"])
def test_a_pipe_that_another_process_has_made_non_blocking_loses_nothing(size: int) -> None:
    sent = [b"%d %b\n" % (number, b"x" * size) for number in range(5)]
    with Pipe() as pipe, writing(pipe.writer) as writer:
        filling = pipe.fill()
        os.set_blocking(pipe.writer.fileno(), False)
        for line in sent:
            writer.put(line)
        whole = filling + b"".join(sent)
        assert pipe.read(len(whole)) == whole
        assert writer.dropped == 0


@pytest.mark.parametrize("broken", ["absent", "full", "without a reader"])
def test_what_cannot_be_written_is_counted_and_ends_nothing(broken: str) -> None:
    with contextlib.ExitStack() as opened:
        stream: TextIO | None = None
        if broken == "full":
            stream = opened.enter_context(Path("/dev/full").open("w", encoding="utf-8"))
        elif broken == "without a reader":
            pipe = opened.enter_context(Pipe())
            pipe.close_reader()
            stream = pipe.writer
        writer = opened.enter_context(writing(stream))
        for number in range(1, 4):
            writer.put(b"line\n")
            assert flushed(writer)
            assert writer.dropped == number


def test_lines_lost_while_nobody_read_are_told_once_somebody_does(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with path.open("w", encoding="utf-8") as stream, writing(stream) as writer:
        os.close(reader)
        for _ in range(3):
            writer.put(b"lost\n")
        assert flushed(writer)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        for line in (b"again\n", b"and again\n"):
            writer.put(line)
            assert flushed(writer)
        assert os.read(reader, 1000) == b"again\n" + told(3) + b"and again\n"
        os.close(reader)


def test_a_line_put_in_the_midst_of_another_s_put_is_written_too() -> None:
    """As finalizers and signal handlers do: here at each step of `put` in turn."""
    written: list[bytes] = []
    inner: list[bytes] = []

    def step(frame: FrameType, event: str, _: Any) -> Any:  # noqa: ANN401  as in sys.settrace
        if frame.f_code is LineWriter.put.__code__ and event == "line":
            sys.settrace(None)
            frame.f_trace = None
            inner.append(b"inner %d\n" % len(inner))
            writer.put(inner[-1])
            frame.f_trace = step
            sys.settrace(step)
        return step

    with Pipe() as pipe, writing(pipe.writer) as writer:
        before = sys.gettrace()
        sys.settrace(step)
        try:
            writer.put(b"outer\n")
        finally:
            sys.settrace(before)
        written = pipe.read(sum(map(len, (b"outer\n", *inner)))).splitlines(keepends=True)
    assert len(inner) > 3
    assert sorted(written) == sorted([b"outer\n", *inner])
    assert [line for line in written if line != b"outer\n"] == inner


def test_a_signal_handler_may_put_lines() -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: writer.put(b"handler\n"))
    try:
        with Pipe() as pipe, writing(pipe.writer) as writer:
            for _ in range(100):
                writer.put(b"main\n")
                signal.raise_signal(signal.SIGUSR1)
            received = pipe.read(100 * len(b"main\nhandler\n"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert received == b"main\nhandler\n" * 100
