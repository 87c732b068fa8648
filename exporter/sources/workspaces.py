"""What the API lists of each workspace by itself: a request or more for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import TypeVar

from exporter.api.errors import ApiError
from exporter.api.shapes.inventory import WorkspacePage
from exporter.contract.state import Reason

AT_THE_SAME_TIME = 4

T = TypeVar("T")


def open_workspaces(page: WorkspacePage) -> dict[str, None]:
    """Those that are not archived, by ID."""
    return {row.id: None for row in page.data if row.archived_at is None}


async def read_in_parts(
    listed: Collection[str], had: Mapping[str, T], most: int, read: Callable[[str], Awaitable[T]]
) -> Mapping[str, T]:
    """What each workspace has, the one read last at the end: `most` are read, those longest unread, the others kept.

    A workspace that is not found and never was has nothing, unless that is so of all. Raises `ApiError`.
    """
    kept = {each: found for each, found in had.items() if each in listed}
    due = [*(each for each in listed if each not in had), *kept][:most]
    slots = asyncio.Semaphore(AT_THE_SAME_TIME)
    missing: list[ApiError] = []
    found: dict[str, T] = {}

    async def read_one(workspace_id: str) -> None:
        try:
            async with slots:
                found[workspace_id] = await read(workspace_id)
        except ApiError as error:
            is_missing = error.reason is Reason.FORBIDDEN and error.status == HTTPStatus.NOT_FOUND
            if workspace_id in had or not is_missing:
                raise
            missing.append(error)

    try:
        async with asyncio.TaskGroup() as group:
            for each in due:
                group.create_task(read_one(each))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    if missing and not (found or kept):
        raise missing[0]
    return {each: rows for each, rows in kept.items() if each not in found} | {
        each: found[each] for each in due if each in found
    }
