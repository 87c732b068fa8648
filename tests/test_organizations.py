"""Several organizations in one exposition."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.api.key import AdminKey
from exporter.commands import assembly
from exporter.contract.days import utc_hour
from exporter.contract.people import People
from exporter.exposition.formats import Format
from exporter.exposition.publisher import Publisher
from exporter.jobs.poller import Poller
from exporter.jobs.process import Process
from exporter.settings.model import load
from exporter.status.answers import StatusBoard
from tests.support.answers import USAGE, cost_row, script, usage_row
from tests.support.exporting import KEY, parse
from tests.support.scripted import ScriptedApi, error
from tests.support.statuses import ABOUT

NAMES = ("acme", "globex", "initech")


def test_each_family_comes_once_and_an_organization_fails_alone(clock: Callable[[str], Any]) -> None:
    clock("2026-11-21T12:00:00Z")

    async def expose(apis: list[ScriptedApi]) -> str:
        publisher = Publisher(utc_hour(assembly.utc_now()), len(apis))
        process = Process("1", "2", demo=False, lines_dropped=lambda: 0)
        everybody, clients = [], []
        for rank, (name, api) in enumerate(zip(NAMES, apis, strict=True)):
            settings = load(["--api.base-url", api.base_url], {"ANTHROPIC_ADMIN_API_KEY": KEY})
            upstream = assembly.Upstream(api.base_url, AdminKey(settings.api.key, None))
            client, jobs = assembly.organization_jobs(settings, upstream, name, rank, publisher, process, People())
            for job in jobs:
                await job.refresh_once(assembly.utc_now())
            everybody.append(jobs)
            clients.append(client)
        board = StatusBoard(ABOUT, 31, len(everybody), assembly.utc_now())
        await Poller(everybody, publisher, process, board, assembly.utc_now).publish()
        for client in clients:
            async with client:
                pass
        return b"".join(publisher.snapshot.plain[Format.OPENMETRICS].chunks).decode()

    with ScriptedApi() as first, ScriptedApi() as second, ScriptedApi() as third:
        apis = [first, second, third]
        for number, api in enumerate(apis):
            day = "2026-11-20"
            script(api, usage={day: [usage_row(output_tokens=number)]}, cost={day: [cost_row(str(number))]})
        second.on(USAGE, error(400))
        text = asyncio.run(expose(apis))
    families = [family.name for family in text_string_to_metric_families(text)]  # type: ignore[no-untyped-call]  # prometheus-client has no types here
    assert len(families) == len(set(families))
    found = parse(text.removesuffix("# EOF\n"))
    up = {dict(key)["organization"]: value for key, value in found["anthropic_exporter_up"].items()}
    assert up == {"acme": 1, "globex": 0, "initech": 1}
    with_usage = [dict(key)["organization"] for key in found["anthropic_usage_tokens"]]
    assert list(dict.fromkeys(with_usage)) == ["acme", "initech"]
    assert {dict(key)["organization"] for key in found["anthropic_cost_usd"]} == set(NAMES)
