"""When an endpoint may be polled again: the polls of all jobs of an organization are counted together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from exporter.api.endpoints import AnyEndpoint

FIRST = 0
# Who is expected right now may ask a moment later.
LATE_SECONDS = 1.0


@dataclass
class _Asker:
    """A job that has polled: whether it waits for its turn, or when it is expected to ask again."""

    rank: int
    expected: float
    waits: bool = False


class Pace:
    """As often as each endpoint says; the first poll of each job goes at once.

    `seconds` between two polls, where it is given, is that of all endpoints.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._next: dict[str, float] = {}
        self._askers: dict[str, dict[str, _Asker]] = {}

    async def turn(self, endpoint: AnyEndpoint, job: str, interval_seconds: float, rank: int = FIRST) -> None:
        """Wait until the job, which comes again after its interval, may poll the endpoint.

        Of those who wait the lowest rank goes first. Nobody goes where the very first, which does not wait yet, would
        have to wait for that.
        """
        loop, name = asyncio.get_running_loop(), endpoint.name
        askers = self._askers.setdefault(name, {})
        pause = endpoint.poll_seconds if self._seconds is None else self._seconds
        if asker := askers.get(job):
            asker.waits = True
            try:
                while (seconds := self._wait_seconds(name, rank, pause)) > 0:  # noqa: ASYNC110  for time, not for an event
                    await asyncio.sleep(seconds)
            finally:
                asker.waits = False  # also for one that is called off
        now = loop.time()
        askers[job] = _Asker(rank, now + interval_seconds)
        self._next[name] = max(self._next.get(name, now), now + pause)

    def _wait_seconds(self, name: str, rank: int, pause: float) -> float:
        now = asyncio.get_running_loop().time()
        due = max(now, self._next.get(name, now))
        before = [
            max(due, other.expected)
            for other in self._askers[name].values()
            if other.rank < rank
            and (other.waits or (other.rank == FIRST and due - LATE_SECONDS <= other.expected < due + pause))
        ]
        return (max(before) + pause if before else due) - now
