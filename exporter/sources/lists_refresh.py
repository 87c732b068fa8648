"""One refresh of several lists, each of which fails alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from exporter.api.endpoints import AnyEndpoint
from exporter.api.errors import ApiError
from exporter.contract.state import Reason
from exporter.sources.entitlement import Entitlement, NotEntitled

T = TypeVar("T")


@dataclass
class ListsRefresh:
    """`lists` are in the order of importance of their failures."""

    lists: Sequence[AnyEndpoint]
    entitlement: Entitlement
    now: datetime
    refused: set[str] = field(default_factory=set)
    failures: dict[str, ApiError] = field(default_factory=dict)

    @property
    def failure(self) -> ApiError | None:
        """The first list's that failed, with the most tries and the longest delay of them all."""
        all_of_them = self.failures.values()
        first = next((self.failures[one.name] for one in self.lists if one.name in self.failures), None)
        if first:
            first.tries = max(failure.tries for failure in all_of_them)
            first.retry_after_seconds = max(failure.retry_after_seconds or 0 for failure in all_of_them) or None
        return first

    async def part(
        self,
        endpoint: AnyEndpoint,
        read: Callable[[], Awaitable[T]],
        *,
        kept: T,
        absent: T,
        refusals: frozenset[Reason] = frozenset({Reason.FORBIDDEN}),
    ) -> T:
        """What `read` reads; what was `kept` where it fails, `absent` where the API does not serve it."""
        if any(failure.reason is Reason.AUTH for failure in self.failures.values()):
            refusals -= {Reason.AUTH}  # the key's fault, and no list's own
        try:
            return await self.entitlement.attempt(endpoint.name, read, self.now, refusals)
        except NotEntitled:
            self.refused.add(endpoint.name)
            return absent
        except ApiError as failure:
            self.failures[endpoint.name] = failure
            return kept
