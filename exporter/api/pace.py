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
        # When each job polls next, by endpoint; those that have not polled yet are not in it.
        self._expected: dict[str, dict[str, float]] = {}

    async def turn(self, endpoint: AnyEndpoint, job: str, interval_seconds: float, *, yields: bool = False) -> None:
        """Wait until the job, which comes again after its interval, may poll the endpoint.

        One that yields lets others go first who are expected meanwhile: none of them waits for it.
        """
        loop, name = asyncio.get_running_loop(), endpoint.name
        expected = self._expected.setdefault(name, {})
        pause = endpoint.poll_seconds if self._seconds is None else self._seconds
        is_first = job not in expected
        now = due = loop.time()
        while not is_first:
            due = max(now, self._next.get(name, now))
            before = [at for other, at in expected.items() if yields and other != job and due <= at < due + pause]
            if not before:
                break
            await asyncio.sleep(max(before) + pause - now)
            now = loop.time()
        expected[job] = due + interval_seconds
        self._next[name] = max(self._next.get(name, now), due + pause)
        await asyncio.sleep(due - now)
