"""An Admin API with Claude Code activity of about so many series: python -m tests.benchmarks.api PORT SERIES."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import msgspec
import uvicorn
from starlette.types import Receive, Scope, Send

from exporter.demo.simulation.claude_code import ClaudeCodeRecord
from exporter.demo.simulation.organization import SimulatedOrganization

PAGE_RECORDS = 1000
# More than enough: on a Sunday few people work.
SERIES_OF_AN_ACTOR = 5


def pages(series: int) -> dict[str, list[bytes]]:
    """The report's pages by day."""
    now = datetime.now(UTC)
    organization = SimulatedOrganization(actors=1 + series // SERIES_OF_AN_ACTOR, growth=False)
    found = {}
    for day in (now.date(), now.date() - timedelta(days=1)):
        rows = _first_rows(organization.claude_code_rows(day, now), series // 2)
        starts = range(0, max(len(rows), 1), PAGE_RECORDS)
        found[day.isoformat()] = [
            msgspec.json.encode(
                {
                    "data": rows[start : start + PAGE_RECORDS],
                    "has_more": start + PAGE_RECORDS < len(rows),
                    "next_page": str(number + 1) if start + PAGE_RECORDS < len(rows) else None,
                }
            )
            for number, start in enumerate(starts)
        ]
    return found


def _first_rows(rows: Sequence[ClaudeCodeRecord], series: int) -> list[ClaudeCodeRecord]:
    """As many as make about so many series: three numbers, two of lines, two for a tool, five for a model."""
    sizes = accumulate(5 + 2 * len(row.tool_actions) + 5 * len(row.model_breakdown) for row in rows)
    return [row for row, size in zip(rows, sizes, strict=True) if size <= series]


def main() -> None:
    port, series = int(sys.argv[1]), int(sys.argv[2])
    by_day = pages(series)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        query = dict(pair.split("=", 1) for pair in scope["query_string"].decode().split("&"))
        body = by_day[query["starting_at"]][int(query.get("page", 0))]
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(application, port=port, lifespan="off", log_config=None, access_log=False)
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
