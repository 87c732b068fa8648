"""What can go wrong between the exporter and the API, each with its reason."""

from __future__ import annotations

from http import HTTPStatus

from exporter.contract.state import Reason


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


class ConnectionSettingsError(Exception):
    """The environment's proxy or certificates cannot be used; the text names the variable, never its password."""


_BY_STATUS = {
    401: Reason.AUTH,
    408: Reason.TIMEOUT,
    429: Reason.RATE_LIMITED,
}
# The same for ever, whatever the status: a kind of organization that the API does not report on.
_NOT_SERVED = "organization_type_not_supported"


def reason_of(status: int, error_type: str | None = None, error_code: str | None = None) -> Reason:
    """The reason for an HTTP status that is not 200; the error's type and code are given where the API itself says so.

    A 403 or 404 of an edge or a proxy says nothing of the key.
    """
    if error_type and (status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND) or error_code == _NOT_SERVED):
        return Reason.FORBIDDEN
    return _BY_STATUS.get(status, Reason.SERVER if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Reason.REQUEST)
