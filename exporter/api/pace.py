"""When an endpoint may be polled again: the polls of all jobs of an organization are counted together."""

from __future__ import annotations

import asyncio


class Pace:
    """One poll of an endpoint every so many seconds, in the order of asking; the first one of each job goes at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next: dict[str, float] = {}
        self._known: set[tuple[str, str]] = set()

    async def turn(self, endpoint: str, job: str) -> None:
        """Wait until the job may poll the endpoint."""
        now = asyncio.get_running_loop().time()
        due = now if (endpoint, job) not in self._known else max(now, self._next.get(endpoint, now))
        self._known.add((endpoint, job))
        self._next[endpoint] = due + self._seconds
        await asyncio.sleep(due - now)
