"""One request to a scripted API, and what came of it."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from exporter.api.client import Client, Request
from exporter.api.errors import ApiError
from tests.support.scripted import ScriptedApi

PATH = "/v1/organizations/me"
REQUEST = Request("me", PATH)
FINE = {"id": "1"}
# Tells the client not to wait between tries.
AT_ONCE = {"retry_after_ms": "1"}


def where(api: ScriptedApi) -> str:
    return urlsplit(api.base_url).netloc


def get(client: Client, request: Request = REQUEST) -> bytes:
    async def ask() -> bytes:
        async with client:
            return bytes((await client.get(request)).body)

    return asyncio.run(ask())


def failure(client: Client, request: Request = REQUEST) -> ApiError:
    with pytest.raises(ApiError) as caught:
        get(client, request)
    return caught.value
