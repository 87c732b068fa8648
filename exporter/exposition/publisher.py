"""What is shown, and the answers made of it: published at most once a second, all that has changed together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, datetime

from exporter.contract.clock import clock_families
from exporter.contract.families import CHAPTERS, OF_COLLECTORS, OWN
from exporter.exposition.store import CLOCK, Key, Snapshot, Store
from exporter.exposition.text import Pieces, lines_by_family


class Publisher:
    """All text is of one UTC hour, and is replaced by whoever holds the lock."""

    def __init__(self, hour: datetime, organizations: int = 1, exposed_hours: int = 0) -> None:
        self._exposed_hours = exposed_hours
        self.lock = asyncio.Lock()
        self._store = Store(CHAPTERS, organizations, OF_COLLECTORS)
        self._changed = asyncio.Event()
        self.show_hour(hour)
        self.open()

    def open(self) -> None:
        """Answer scrapes with what there is, before there is a loop."""
        self.snapshot: Snapshot = self._store.snapshot(is_ready=False)

    @property
    def today(self) -> date:
        return self.hour.date()

    def show_hour(self, hour: datetime) -> None:
        self.put(CLOCK, lines_by_family(clock_families(hour, self._exposed_hours)))
        self.hour = hour

    def put(self, key: Key, families: Mapping[str, Pieces]) -> None:
        """Replace all that is shown of the key, from the next publication on."""
        self._store.put(key, families)
        self.touch()

    def own_samples(self) -> int:
        """What the exporter says of itself, in samples."""
        return self._store.samples_of(family.name for family in OWN)

    def touch(self) -> None:
        """There is something to publish."""
        self._changed.set()

    async def changed(self) -> None:
        """Wait until there is."""
        await self._changed.wait()

    async def publish(self, *, is_ready: bool) -> None:
        """By whoever holds the lock."""
        self._changed.clear()
        try:
            self.snapshot = await asyncio.to_thread(self._store.snapshot, is_ready=is_ready)
        except BaseException:
            self._changed.set()  # it is tried again
            raise
