"""Answers that are wrong in one place."""

import json
from collections.abc import Iterator
from typing import Any

from exporter.demo.faults.fault import Fault

Json = dict[str, Any]


def spoiled(body: bytes, fault: Fault, same_page: str | None) -> bytes:
    """The body with the fault in it; unchanged where it has no such place. `same_page` is a token for this page."""
    answer: Json = json.loads(body)
    match fault.kind:
        case "garbage":
            return body[: len(body) // 2] + b"}{ not JSON"
        case "nan" | "missing" | "mistyped":
            _spoil_number(answer, fault)
        case "repeat_cursor":
            _repeat_cursor(answer, same_page)
        case "no_cursor":
            _forget_cursor(answer)
    return json.dumps(answer).encode()


def _spoil_number(answer: Json, fault: Fault) -> None:
    place = next(_numbers(answer, fault.field), None)
    if place is None:
        return
    owner, name = place
    value = owner[name]
    match fault.kind:
        case "missing":
            del owner[name]
        case "nan":
            owner[name] = "NaN" if isinstance(value, str) else float("nan")
        case "mistyped":
            owner[name] = f"{value} USD" if isinstance(value, str) else str(value)


def _numbers(node: object, field: str | None) -> Iterator[tuple[Json, str]]:
    """Where the numbers of an answer are, or the fields of a name. Amounts are numbers, as strings or not."""
    if isinstance(node, list):
        for item in node:
            yield from _numbers(item, field)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == field or (field is None and _is_number(name, value)):
                yield node, name
            yield from _numbers(value, field)


def _is_number(name: str, value: object) -> bool:
    return name == "amount" or (isinstance(value, int | float) and not isinstance(value, bool))


def _repeat_cursor(answer: Json, same_page: str | None) -> None:
    if "next_page" in answer:
        answer["next_page"] = same_page
    else:
        answer["last_id"] = same_page or answer.get("last_id")
    _promise_more(answer)


def _forget_cursor(answer: Json) -> None:
    answer["next_page" if "next_page" in answer else "last_id"] = None
    _promise_more(answer)


def _promise_more(answer: Json) -> None:
    if "has_more" in answer:
        answer["has_more"] = True
