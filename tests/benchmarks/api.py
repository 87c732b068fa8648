"""An Admin API with two days of Claude Code activity: python -m tests.benchmarks.api PORT ACTORS."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import uvicorn
from starlette.types import Receive, Scope, Send

from exporter.demo.organization import Organization

PAGE_RECORDS = 1000


def pages(actors: int) -> dict[str, list[bytes]]:
    """The report's pages by day."""
    now = datetime.now(UTC)
    organization = Organization(actors=actors, growth=False)
    found = {}
    for day in (now.date(), now.date() - timedelta(days=1)):
        rows = organization.claude_code_rows(day, now)
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


def main() -> None:
    port, actors = int(sys.argv[1]), int(sys.argv[2])
    by_day = pages(actors)

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
