"""Lines on their way out: whoever has one never waits until it is read."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TextIO

MOST_LINES = 10_000
MOST_BYTES = 1_000_000
FLUSH_SECONDS = 0.5


class LineWriter:
    """Writes lines in their order, in a thread of its own.

    A line that finds too many waiting, or that cannot be written, is dropped and counted; as soon as a line has been
    written and none waits, `tell` says how many have been lost since it was last told.
    """

    def __init__(self, stream: TextIO | None, tell: Callable[[int], bytes]) -> None:
        self.dropped = 0
        # Not the stream itself: its lock would be held while a write waits, and is wanted when the interpreter ends.
        # Without a stream number 2 is somebody else's, a socket's for instance.
        self._descriptor = stream.fileno() if stream else None
        self._tell = tell
        self._told = 0
        self._waiting_lines = self._waiting_bytes = 0
        # Both are re-entrant: a finalizer or a signal handler may have a line in the midst of another one's `put`.
        self._lock = threading.RLock()
        self._queue: SimpleQueue[bytes | threading.Event | None] = SimpleQueue()
        threading.Thread(target=self._run, name="lines", daemon=True).start()

    def put(self, line: bytes) -> None:
        """From any thread. A line that is larger than all that may wait goes alone."""
        with self._lock:
            if self._waiting_lines and (
                self._waiting_lines >= MOST_LINES or self._waiting_bytes + len(line) > MOST_BYTES
            ):
                self.drop()
                return
            self._waiting_lines += 1
            self._waiting_bytes += len(line)
            self._queue.put(line)

    def drop(self) -> None:
        """Count a line that is lost."""
        with self._lock:
            self.dropped += 1

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until what has been put is written, or for the seconds; whether it is."""
        reached = threading.Event()
        self._queue.put(reached)
        return reached.wait(seconds)

    def close(self) -> None:
        """End the thread after the lines that wait."""
        self._queue.put(None)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
            else:
                self._handle(item)

    def _handle(self, line: bytes) -> None:
        written = self._write(line)
        with self._lock:
            self._waiting_lines -= 1
            self._waiting_bytes -= len(line)
            self.dropped += not written
            dropped = self.dropped
            untold = 0 if self._waiting_lines else dropped - self._told
        if written and untold and self._write(self._tell(untold)):
            self._told = dropped

    def _write(self, line: bytes) -> bool:
        if self._descriptor is None:
            return False
        try:
            while line:
                try:
                    line = line[os.write(self._descriptor, line) :]
                except BlockingIOError:  # another process that shares it may have made it so
                    select.select((), (self._descriptor,), ())
        except OSError:
            return False
        return True
