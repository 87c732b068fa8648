"""Pages that lead astray, and what comes twice. The upstream knows a cursor `alias.<any>.<cursor>` by its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count

from tests.soak.kinds import (
    ENDPOINTS,
    ID_LISTS,
    JSON,
    LISTS,
    PAGED,
    REPORTS,
    TOKEN_LISTS,
    Json,
    Kind,
    Reply,
    edited,
    either,
    fatal,
    harmless,
    rows_of,
)

USAGE, COST, CLAUDE_CODE = REPORTS
TOKENS = (*REPORTS, *TOKEN_LISTS)
WITH_MORE = (*REPORTS, *ID_LISTS)
TWICE = ("pagination", "schema")
ALIAS = "alias."


def _cursor(value: object) -> Callable[[Json], None]:
    """More is promised, at that cursor."""

    def edit(answer: Json) -> None:
        answer["next_page" if "next_page" in answer else "last_id"] = value
        if "has_more" in answer:
            answer["has_more"] = True

    return edit


def _start_again(answer: Json) -> bool:
    """Where the page has rows: without any, nothing comes twice."""
    _cursor("alias.start.")(answer)
    return bool(rows_of(answer))


def _empty_first(reply: Reply) -> Reply | None:
    """An empty page that leads to the one that was asked for; the upstream completes the cursor."""
    answer = json.loads(reply.body)
    if reply.status != 200:
        return None
    answer["data"] = []
    _cursor(ALIAS + "same")(answer)
    return Reply(json.dumps(answer).encode())


def _endless() -> Callable[[Reply], Reply]:
    numbers = count()

    def act(_: Reply) -> Reply:
        cursor = f"endless-{next(numbers)}"
        page = {"data": [], "has_more": True, "next_page": cursor, "last_id": cursor}
        return Reply(json.dumps(page).encode(), 200, (JSON,))

    return act


def _bucket_twice(answer: Json) -> bool:
    full = [bucket for bucket in answer["data"] if bucket["results"]]
    answer["data"] += deepcopy(full[:1])
    return bool(full)


def _row_twice(answer: Json) -> bool:
    rows = rows_of(answer)
    rows += deepcopy(rows[:1])
    return bool(rows)


def kinds() -> Iterator[Kind]:
    for what, value in {"no": None, "an empty": ""}.items():
        yield fatal(f"{what} cursor", edited(_cursor(value)), "pagination", endpoints=WITH_MORE)
    yield fatal("a cursor of 10 kB", edited(_cursor("c" * 10_000)), "pagination", endpoints=PAGED)
    yield fatal("a cursor that is a number", edited(_cursor(7)), "schema", endpoints=PAGED)
    yield fatal("a repeated cursor", edited(_cursor("alias.loop.")), *TWICE, endpoints=PAGED, always=True)
    yield fatal("the start under another name", edited(_start_again), *TWICE, endpoints=REPORTS)
    yield either("the start again in a list", edited(_start_again), *TWICE, endpoints=LISTS)
    yield fatal("more without end", _endless(), "pagination", endpoints=PAGED, always=True, slow=True)
    yield harmless("empty pages in between", _empty_first, endpoints=PAGED)
    yield fatal("a bucket twice", edited(_bucket_twice), "pagination", endpoints=(USAGE, COST))
    yield fatal("a row twice", edited(_row_twice), "schema", endpoints=REPORTS)
    yield either("an ID twice", edited(_row_twice), *TWICE, endpoints=LISTS)
    yield fatal(
        "has_more that is text", edited(lambda answer: answer.update(has_more="yes")), "schema", endpoints=WITH_MORE
    )
    yield fatal(
        "has_more left out",
        edited(lambda answer: answer.pop("has_more") in (True, False)),
        "schema",
        endpoints=WITH_MORE,
    )
    unknown = edited(lambda answer: answer.update(previous_page="x", total=10**9))
    yield harmless("an envelope with more in it", unknown, endpoints=ENDPOINTS)
