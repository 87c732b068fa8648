"""Whether the API refuses to tell fast requests from others."""

from __future__ import annotations

from http import HTTPStatus

from exporter.api.endpoints import SPEED_BETA
from exporter.api.errors import ApiError


def is_refused(error: ApiError) -> bool:
    """The dimension, or the beta header that it needs: betas end."""
    message = error.message.lower()
    return error.status == HTTPStatus.BAD_REQUEST and ("speed" in message or SPEED_BETA in message)
