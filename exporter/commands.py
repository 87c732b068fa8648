"""What the commands do, each from its settings to its exit status."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

from pydantic import SecretStr

from exporter import app
from exporter.api.key import AdminKey
from exporter.check import check as check_api
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import start
from exporter.demo.simulation.organization import SimulatedOrganization
from exporter.lines import LineWriter
from exporter.settings.model import Settings

DEMO_KEY = "sk-ant-admin01-demo"
DEMO_TEXT = """\
A simulated organization: all numbers are invented.

  metrics    {metrics}
  page       {page}
  Admin API  {api}  (x-api-key: {key})

Scrape it with Prometheus:

  scrape_configs:
    - job_name: anthropic
      static_configs:
        - targets: ["{target}"]

Ctrl-C ends it.
"""


def serve(settings: Settings) -> int:
    """Serve the organization of the configured key until a signal."""
    _run(app.run(settings, _api(settings)))
    return 0


def demo(settings: Settings) -> int:
    """Serve a simulated organization until a signal. Its API has a thread of its own, and real sockets."""
    organization = SimulatedOrganization(
        seed=settings.demo.seed,
        actors=settings.demo.actors,
        workspaces=settings.demo.workspaces,
        spike=settings.demo.spike,
        growth=settings.demo.growth,
    )
    base_url = start(AdminApi(organization, key=DEMO_KEY))

    def tell(urls: list[str]) -> None:
        url = urls[0]
        text = DEMO_TEXT.format(
            metrics=url + settings.web.telemetry_path,
            page=url + "/",
            api=base_url,
            key=DEMO_KEY,
            target=url.removeprefix("http://"),
        )
        output.put(f"{text}\n".encode(errors="backslashreplace"))

    output = LineWriter(sys.stdout, lambda _: b"")
    _run(app.run(settings, app.Api(base_url, AdminKey(SecretStr(DEMO_KEY), None)), demo=True, started=tell))
    output.flush()
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


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """The process ends after it: the loop is left as it is, for to close it takes a thread, which there may not be."""
    asyncio.Runner().run(serving)


def _api(settings: Settings) -> app.Api:
    return app.Api(settings.api.base_url, AdminKey(settings.api.key, settings.api.key_file))
