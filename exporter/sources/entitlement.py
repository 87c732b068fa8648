"""Which endpoints the API serves to this key (403 and 404), each on its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from exporter.api.errors import ApiError
from exporter.contract.state import Reason, Unserved
from exporter.sources import Outcome

# A little under an hour, so that an hourly refresh always finds it due.
RETRY_AFTER = timedelta(minutes=59)
GIVE_UP_AFTER = timedelta(hours=24)

T = TypeVar("T")

log = structlog.get_logger()


class NotEntitled(Exception):  # noqa: N818  it is an answer, not an error
    """The endpoint is not served to this key; the text is the API's own message."""


@dataclass
class _Endpoint:
    granted: bool = False
    refused_since: datetime | None = None
    given_up_at: datetime | None = None
    refusal: ApiError | None = None

    def is_due(self, now: datetime) -> bool:
        return self.given_up_at is None or not timedelta() <= now - self.given_up_at < RETRY_AFTER

    def grant(self) -> None:
        self.granted, self.refused_since, self.given_up_at = True, None, None

    def interrupt(self) -> None:
        """A failure of another kind: whatever refuses next is not the same refusal going on."""
        if self.granted:
            self.refused_since = None

    def refuse(self, refusal: ApiError, now: datetime) -> bool:
        """Whether the endpoint is given up with this refusal."""
        self.refused_since = self.refused_since or now
        if self.granted and now - self.refused_since < GIVE_UP_AFTER:
            return False
        self.granted, self.given_up_at, self.refusal = False, now, refusal
        return True


class Entitlement:
    """An endpoint refused from the start is not served and asked again hourly.

    Once it has been granted, a refusal is a failure like others for 24 hours, and only then taken at its word.
    """

    def __init__(self) -> None:
        self._endpoints: dict[str, _Endpoint] = {}

    async def outcome(self, endpoint: str, ask: Callable[[], Awaitable[T]], now: datetime) -> Outcome[T]:
        """Of a source that has one endpoint. Raises `ApiError` for every failure but a refusal that is one."""
        try:
            return Outcome(await self.attempt(endpoint, ask, now))
        except NotEntitled:
            return Outcome(None, is_served=False, unserved=self.unserved)

    @property
    def unserved(self) -> tuple[Unserved, ...]:
        """The endpoints that are given up."""
        return tuple(
            Unserved(name, each.refusal.message, each.refusal.status, each.refusal.request_id)
            for name, each in self._endpoints.items()
            if each.given_up_at and each.refusal
        )

    async def attempt(
        self,
        endpoint: str,
        ask: Callable[[], Awaitable[T]],
        now: datetime,
        refusals: frozenset[Reason] = frozenset({Reason.FORBIDDEN}),
    ) -> T:
        """The answer to `ask`, which is not asked while the endpoint is given up.

        Raises `NotEntitled`, or `ApiError` for every other failure.
        """
        state = self._endpoints.setdefault(endpoint, _Endpoint())
        if not state.is_due(now):
            raise NotEntitled(str(state.refusal))
        try:
            answer = await ask()
        except ApiError as error:
            if error.reason not in refusals:
                state.interrupt()
                raise
            was_given_up = state.given_up_at is not None
            if not state.refuse(error, now):
                raise
            if not was_given_up:
                log.warning(
                    "endpoint is not served to this key; asking again hourly",
                    endpoint=error.endpoint,
                    status=error.status,
                    request_id=error.request_id,
                    message=error.message,
                )
            raise NotEntitled(str(error)) from None
        if state.given_up_at:
            log.info("endpoint is served to this key now", endpoint=endpoint)
        state.grant()
        return answer
