"""A pipe that holds little, and is full when a test says so."""

from __future__ import annotations

import fcntl
import os
import select
from typing import Self

from tests.support.processes import PATIENCE_SECONDS

SIZE_BYTES = 4096


class Pipe:
    """Its writer blocks, as that of any pipe."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.writer = os.fdopen(writer, "w", encoding="utf-8")
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, SIZE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_reader()
        self.writer.close()

    def fill(self) -> bytes:
        """Write until nothing more fits; what was written."""
        written = bytearray()
        os.set_blocking(self.writer.fileno(), False)
        try:
            for piece in (b"x" * SIZE_BYTES, b"x"):
                while True:
                    try:
                        written += piece[: os.write(self.writer.fileno(), piece)]
                    except BlockingIOError:
                        break
        finally:
            os.set_blocking(self.writer.fileno(), True)
        return bytes(written)

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end of all writers; it waits for them."""
        received = bytearray()
        while len(received) < size:
            assert select.select([self.reader], [], [], PATIENCE_SECONDS)[0], bytes(received[-300:])
            more = os.read(self.reader, size - len(received))
            if not more:
                break
            received += more
        return bytes(received)

    def close_reader(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1
