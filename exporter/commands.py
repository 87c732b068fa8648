"""What the commands do, each from its settings to its exit status."""

from __future__ import annotations

import asyncio

from exporter import app
from exporter.api.key import AdminKey
from exporter.check import check as check_api
from exporter.settings import Settings


def serve(settings: Settings) -> int:
    """Serve the organization of the configured key until a signal."""
    asyncio.run(app.run(settings, _api(settings)))
    return 0


def check(settings: Settings) -> int:
    """Print what the configured key may see; 1 when none of the three reports is readable."""
    api = _api(settings)

    async def ask() -> tuple[str, bool]:
        async with app.connect(settings, api, lambda *_: None, retry_seconds=0) as client:
            return await check_api(client, app.utc_now())

    table, readable = asyncio.run(ask())
    print(table)
    return 0 if readable else 1


def _api(settings: Settings) -> app.Api:
    return app.Api(settings.api.base_url, AdminKey(settings.api.key, settings.api.key_file))
