"""Errors as the Admin API answers them. Page: platform.claude.com/docs/en/api/errors."""

from collections.abc import Mapping

import msgspec

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class ApiError(Exception):
    """An answer other than 200; `code` is the API's own, where it has one."""

    def __init__(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, *, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.code = code


class BadRequestError(ApiError):
    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(400, message, headers)


def error_body(status: int, message: str, request_id: str, error_code: str | None = None) -> bytes:
    """The error envelope. The API may add an error code to the type that the status implies."""
    error: dict[str, object] = {"type": ERROR_TYPES.get(status, "api_error"), "message": message}
    if error_code is not None:
        error["details"] = {"error_code": error_code}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})
