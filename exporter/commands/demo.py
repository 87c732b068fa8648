"""`anthropic-exporter demo`: the exporter in front of a simulated organization."""

from __future__ import annotations

import sys

from pydantic import SecretStr

from exporter.api.key import AdminKey
from exporter.commands.assembly import Upstream
from exporter.commands.serve import run, to_the_end
from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import start
from exporter.demo.simulation.organization import SimulatedOrganization
from exporter.lines import LineWriter
from exporter.settings.model import Settings

DEMO_KEY = "sk-ant-admin01-demo"
DEMO_TEXT = """\
A simulated organization: all numbers are invented.

  page       {page}
  metrics    {metrics}
  Admin API  {api}  (x-api-key: {key})
  check      ANTHROPIC_ADMIN_API_KEY={key} anthropic-exporter check --api.base-url={api}

Scrape it with Prometheus:

  scrape_configs:
    - job_name: anthropic
      static_configs:
        - targets: ["{target}"]

Ctrl-C ends it.
"""


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
    to_the_end(run(settings, Upstream(base_url, AdminKey(SecretStr(DEMO_KEY), None)), demo=True, started=tell))
    output.flush()
    return 0
