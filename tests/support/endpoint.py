"""The endpoint as scrapers meet it: on a real socket."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Self

from exporter.exposition.gzip_member import Body
from exporter.exposition.publisher import Publisher
from exporter.exposition.store import Snapshot
from exporter.jobs.process import Process
from exporter.status.answers import Answers
from exporter.web.routes import application
from exporter.web.server import Server, listen, urls
from tests.support.statuses import status

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
# More than the sockets of both sides hold, so that a reader who does not read stops the answer.
LARGE = Body((b"#" * 1_000_000,) * 64, 64_000_000)


def small() -> Snapshot:
    """Of an exporter without any organization."""
    publisher = Publisher(NOW)
    Process("1.2.3", "revision", demo=False, lines_dropped=lambda: 0).show(publisher)
    publisher.open()
    return publisher.snapshot


class Endpoint:
    """The endpoint on an ephemeral port, in a thread with its own event loop."""

    def __init__(
        self, *, telemetry_path: str = "/metrics", demo: bool = False, has_page: bool = True, most_requests: int = 40
    ) -> None:
        self.counted: Counter[int] = Counter()
        self.snapshot = small()
        self.answers = Answers.of(status(NOW, telemetry_path=telemetry_path, is_demo=demo))
        self._sockets = listen(["127.0.0.1:0"])
        self.address: tuple[str, int] = self._sockets[0].getsockname()
        (self.url,) = urls(self._sockets)
        self.server = Server(
            application(
                lambda: self.snapshot,
                lambda: self.answers,
                telemetry_path=telemetry_path,
                demo=demo,
                has_page=has_page,
                most_requests=most_requests,
                answers_by_status=self.counted,
            ),
            self.counted,
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self.server.serve(self._sockets)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self._thread.join()
