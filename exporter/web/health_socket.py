"""The abstract Unix socket that the container's health check asks: what the exporter and the check agree on."""

from __future__ import annotations

DEFAULT_PORT = 9817


def prefix(user_id: int) -> str:
    """How the names of all exporters of a user begin."""
    return f"anthropic-exporter-{user_id}-"


def name(user_id: int, port: int) -> str:
    """The first byte says that it is in no file system."""
    return f"\0{prefix(user_id)}{port}"
