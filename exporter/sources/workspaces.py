"""What the API lists of each workspace by itself: a request or more for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from typing import Generic, TypeVar

from exporter.api.errors import ApiError
from exporter.api.shapes.inventory import WorkspacePage
from exporter.contract.state import Reason

AT_THE_SAME_TIME = 4  # of all that an organization's collectors ask of workspaces
MOST_UNREAD = 50  # at a refresh
# These are no workspace's own: the others would meet them too.
COMMON = frozenset({Reason.AUTH, Reason.RATE_LIMITED, Reason.TIMEOUT, Reason.NETWORK})

T = TypeVar("T")


def open_workspaces(page: WorkspacePage) -> dict[str, None]:
    """Those that are not archived, by ID."""
    return {row.id: None for row in page.data if row.archived_at is None}


@dataclass(frozen=True)
class Parts(Generic[T]):
    """What is known of each workspace, by its ID; `failure` is the first of those that could not be read anew."""

    found: Mapping[str, T]
    failure: ApiError | None = None


@dataclass
class InTurns(Generic[T]):
    """Reads of many workspaces a part at each refresh, those first that were not asked for the longest time.

    `slots` are shared by all who ask workspaces one by one.
    """

    slots: asyncio.Semaphore
    _turns: Iterator[int] = field(default_factory=lambda: count(1))
    _asked: dict[str, int] = field(default_factory=dict)  # in which turn
    _unread: set[str] = field(default_factory=set)  # could not be read when they were last asked

    async def read(
        self, listed: Collection[str], had: Mapping[str, T], most: int, read: Callable[[str], Awaitable[T]]
    ) -> Parts[T]:
        """`most` of those that were read before, and what is still unread; each that fails keeps what it `had`.

        A workspace that is not found, and had nothing, has nothing. Raises `ApiError` where none answers.
        """
        kept = {each: found for each, found in had.items() if each in listed}
        due = self._due(listed, most)
        found: dict[str, T] = {}
        failures: dict[str, ApiError] = {}
        missing: dict[str, ApiError] = {}

        def is_hopeless() -> bool:
            """Whether those who were not asked yet had better wait for the next refresh."""
            is_common = any(error.reason in COMMON for error in failures.values())
            return is_common or (len(failures) >= AT_THE_SAME_TIME and not found)

        async def read_one(workspace_id: str) -> None:
            async with self.slots:
                if is_hopeless():
                    return
                self._asked[workspace_id] = next(self._turns)
                self._unread.add(workspace_id)
                try:
                    found[workspace_id] = await read(workspace_id)
                except ApiError as error:
                    is_missing = error.reason is Reason.FORBIDDEN and error.status == HTTPStatus.NOT_FOUND
                    if not is_missing or kept.get(workspace_id):
                        failures[workspace_id] = error
                        return
                    missing[workspace_id] = error
            self._unread.discard(workspace_id)

        async with asyncio.TaskGroup() as group:
            for each in due:
                group.create_task(read_one(each))
        failure = next((failures[each] for each in due if each in failures), None)
        if not found and (failure or (missing and not kept)):
            raise failure or next(iter(missing.values()))
        return Parts(kept | found, failure)

    def _due(self, listed: Collection[str], most: int) -> Sequence[str]:
        by_turn = sorted(listed, key=lambda each: self._asked.get(each, 0))
        unread = {each: None for each in by_turn if each in self._unread or each not in self._asked}
        return [*unread][:MOST_UNREAD] + [each for each in by_turn if each not in unread][:most]
