"""Lists of the API as records by ID; what of a row cannot be read is left out, and said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog

from exporter.api.client import Client
from exporter.api.endpoints import AnyEndpoint, Endpoint
from exporter.api.pages import decode, pages
from exporter.api.shapes.envelope import IdPage, Listed, TokenPage

T = TypeVar("T")
L = TypeVar("L", bound=IdPage | TokenPage)
O = TypeVar("O", bound=Listed)  # noqa: E741  an object of the API

log = structlog.get_logger()


class Lists:
    """Reads them for one source."""

    def __init__(self, client: Client) -> None:
        self._client = client
        # What was left out of which list, as last logged: rows by field by endpoint.
        self._left_out: dict[str, Counter[str]] = {}

    async def read(
        self,
        endpoint: Endpoint[L],
        records: Callable[[L], dict[str, T]],
        *params: tuple[str, str],
        workspace_id: str = "",
    ) -> dict[str, T]:
        """All pages of a list, or of that of a workspace. Raises `ApiError`."""
        with self._unreadable(endpoint) as unreadable:
            found = pages(
                self._client,
                endpoint.request(*params, workspace_id=workspace_id),
                endpoint.shape,
                endpoint.paging,
                made=records,
                unreadable=unreadable,
            )
            return {identifier: row async for page in found for identifier, row in page.items()}

    async def one(self, endpoint: Endpoint[O]) -> O:
        """A single object. Raises `ApiError`."""
        with self._unreadable(endpoint) as unreadable:
            return decode(await self._client.get(endpoint.request()), endpoint.shape, endpoint.name, unreadable)

    @contextmanager
    def _unreadable(self, endpoint: AnyEndpoint) -> Iterator[Counter[str]]:
        """Counts, by field, what is left out of a list that is read; logged when it is not as it was."""
        counts: Counter[str] = Counter()
        yield counts
        told = self._left_out.get(endpoint.name, Counter())
        for name in sorted(counts):
            if counts[name] != told[name]:
                log.warning("left out what cannot be read", endpoint=endpoint.name, field=name, rows=counts[name])
        self._left_out[endpoint.name] = counts
