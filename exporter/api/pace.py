"""When an endpoint may be polled again: the polls of all jobs of an organization are counted together."""

from __future__ import annotations

import asyncio

from exporter.api.endpoints import AnyEndpoint


class Pace:
    """As often as each endpoint says, in the order of asking; the first poll of each job goes at once.

    `seconds` between two polls, where it is given, is that of all endpoints.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._next: dict[str, float] = {}
        self._known: set[tuple[str, str]] = set()

    async def turn(self, endpoint: AnyEndpoint, job: str) -> None:
        """Wait until the job may poll the endpoint."""
        now, name = asyncio.get_running_loop().time(), endpoint.name
        following = self._next.get(name, now)
        due = max(now, following) if (name, job) in self._known else now
        self._known.add((name, job))
        pause = endpoint.poll_seconds if self._seconds is None else self._seconds
        self._next[name] = max(following, due + pause)
        await asyncio.sleep(due - now)
