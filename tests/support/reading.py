"""A report or list on one scripted path, read to its end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TypeVar

import pytest

from exporter.api.client import Request
from exporter.api.endpoints import Paging
from exporter.api.errors import ApiError
from exporter.api.pages import pages
from exporter.api.shapes.envelope import IdPage, Page
from tests.support.scripted import ScriptedApi, connect

PATH = "/v1/organizations/rows"
REQUEST = Request("rows", PATH, (("limit", "5"),))

P = TypeVar("P", bound=Page)
L = TypeVar("L", bound=IdPage)


def read(api: ScriptedApi, kind: type[P]) -> list[P]:
    async def every() -> list[P]:
        async with connect(api) as client:
            return [page async for page in pages(client, REQUEST, kind, made=lambda page: page)]

    return asyncio.run(every())


def read_ids(api: ScriptedApi, kind: type[L]) -> list[L]:
    async def every() -> list[L]:
        async with connect(api) as client:
            return [page async for page in pages(client, REQUEST, kind, Paging.ID, made=lambda page: page)]

    return asyncio.run(every())


def row(name: str) -> dict[str, str]:
    return {"id": name}


def bucket(day: str, *results: object) -> dict[str, object]:
    return {"starting_at": f"{day}T00:00:00Z", "results": results}


def report(*data: object, following: str | None = None) -> dict[str, object]:
    """A page of a report."""
    return {"data": data, "has_more": following is not None, "next_page": following}


def field(error: ApiError) -> str:
    """The error's message without positions in lists."""
    return re.sub(r"\[[\d.]+\]", "[]", error.message)


def problem(read_it: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read_it()
    return caught.value
