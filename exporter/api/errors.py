"""What can go wrong between the exporter and the API, as a bounded set of reasons."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus


class Reason(StrEnum):
    """Why a refresh failed: the values of the `reason` label."""

    AUTH = "auth"
    FORBIDDEN = "forbidden"
    REQUEST = "request"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER = "server"
    SCHEMA = "schema"
    PAGINATION = "pagination"
    BUG = "bug"


class ApiError(Exception):
    """A request that failed for good. Its text holds no URL, key or body, so it may be logged and shown."""

    def __init__(
        self,
        reason: Reason,
        endpoint: str,
        message: str = "",
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
        tries: int = 1,
    ) -> None:
        super().__init__(reason, endpoint, message)
        self.reason = reason
        self.endpoint = endpoint
        self.message = message
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.tries = tries

    def __str__(self) -> str:
        status = f" answered {self.status}" if self.status else ""
        message = f": {self.message}" if self.message else ""
        request_id = f" (request id {self.request_id})" if self.request_id else ""
        return f"{self.endpoint}{status}{message}{request_id}"


_BY_STATUS = {
    401: Reason.AUTH,
    403: Reason.FORBIDDEN,
    404: Reason.FORBIDDEN,
    408: Reason.TIMEOUT,
    429: Reason.RATE_LIMITED,
}


def reason_of(status: int) -> Reason:
    """The reason for an HTTP status that is not 200."""
    return _BY_STATUS.get(status, Reason.SERVER if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Reason.REQUEST)
