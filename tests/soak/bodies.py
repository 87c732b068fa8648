"""Answers with the status 200 whose bodies are wrong, odd, or odd and harmless."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace

from tests.soak.kinds import (
    EMAIL,
    ENDPOINTS,
    JSON,
    MARKER,
    REPORTS,
    Act,
    Kind,
    Reply,
    edited,
    fatal,
    harmless,
    prefixed,
    raw,
    row,
    setting,
    then,
    without,
)
from tests.soak.statuses import HTML, PORTAL, always

USAGE, COST, CLAUDE_CODE = REPORTS
NAMED = ("me", "workspaces", "api_keys")
DATED = ("workspaces", "api_keys")
NUMBERS = {USAGE: "uncached_input_tokens", COST: "amount", CLAUDE_CODE: "core_metrics.num_sessions"}
BOMB_BYTES = 400_000_000


def kinds() -> Iterator[Kind]:
    yield from _garbage()
    yield from _numbers()
    yield from _shapes()
    yield from _decorations()
    yield from _encodings()


def _garbage() -> Iterator[Kind]:
    bodies = {"an empty body": b"", "garbage": b"}{", "null": b"null", "a list": b"[]", "{}": b"{}", "text": b'"page"'}
    for what, body in bodies.items():
        yield fatal(f"200 {what}", always(JSON, body=body), "schema")
    yield fatal("200 a portal", always(HTML, body=PORTAL), "schema")
    yield fatal("200 binary", always(JSON, body=bytes(range(256))), "schema")
    yield fatal("200 too deep", always(JSON, body=b'{"data":' * 20_000), "schema")
    yield fatal("200 truncated JSON", lambda reply: replace(reply, body=reply.body[:-2]), "schema")
    yield fatal("200 JSON twice", lambda reply: replace(reply, body=reply.body * 2), "schema")
    yield fatal("200 an error of the API", always(JSON, body=b'{"type":"error","error":{"type":"x"}}'), "schema")


def _numbers() -> Iterator[Kind]:
    values = {
        "a mistyped": {"": EMAIL},
        "a null": None,
        "an unbounded": 10**30,
        "a list for a": [1],
    }
    for endpoint, field in NUMBERS.items():
        for what, value in values.items():
            yield fatal(f"{what} number in {endpoint}", setting(field, value), "schema", endpoints=(endpoint,))
        for what, text in {"NaN": b"NaN", "Infinity": b"Infinity", "overflowing": b"1e999"}.items():
            act = then(setting(field, "@@"), raw(b'"@@"', b'"%s"' % text if endpoint == COST else text))
            yield fatal(f"{what} number in {endpoint}", act, "schema", endpoints=(endpoint,))
        yield fatal(f"a missing number in {endpoint}", without(field.split(".")[0]), "schema", endpoints=(endpoint,))
        if endpoint != COST:
            yield fatal(f"a negative number in {endpoint}", setting(field, -3), "schema", endpoints=(endpoint,))
    credit = setting("amount", "-1234.5")
    yield harmless("a credit", credit, clean=credit, endpoints=(COST,), always=True)
    currency = f"EUR {EMAIL} {MARKER}"
    yield fatal("a foreign currency", setting("currency", currency), "schema", endpoints=(COST,))


def _shapes() -> Iterator[Kind]:
    yield fatal(
        "rows that are no list",
        edited(lambda answer: answer.update(data={"0": EMAIL})),
        "schema",
        endpoints=tuple(each for each in ENDPOINTS if each != "me"),
    )
    yield fatal(
        "a row that is text",
        edited(lambda answer: answer.update(data=[MARKER])),
        "schema",
        endpoints=tuple(each for each in ENDPOINTS if each != "me"),
    )
    yield fatal("an ID that is null", setting("id", None), "schema", endpoints=("me", *DATED, "users"))
    yield fatal("a bucket's start that is text", edited(_mistime), "schema", endpoints=(USAGE, COST))
    yield fatal(
        "a record's date without a zone", setting("date", "2026-11-20T00:00:00"), "schema", endpoints=(CLAUDE_CODE,)
    )
    odd = row(lambda found: found.update(future_field={"a": [1, None]}, future_number=1e300))
    yield harmless("unknown fields", odd)
    for endpoint, field in (
        (USAGE, "service_tier"),
        (COST, "cost_type"),
        (CLAUDE_CODE, "terminal_type"),
        ("users", "role"),
        ("api_keys", "status"),
    ):
        act = prefixed(field)
        yield harmless(f"an unknown {field}", act, clean=act, endpoints=(endpoint,), always=True)


def _mistime(answer: dict[str, list[dict[str, object]]]) -> bool:
    if answer["data"]:
        answer["data"][0]["starting_at"] = MARKER
    return bool(answer["data"])


def _decorations() -> Iterator[Kind]:
    """What cannot be read and is no number, no money and no identity is left out of its row."""
    null = setting("name", None)
    yield harmless("a null name", null, clean=null, endpoints=NAMED, always=True)
    marked = setting("name", "Team @@")
    broken = {"a lone surrogate": rb"\ud83d", "a Latin-1 byte": b"\xe9", "half a UTF-8 letter": b"\xe2\x82"}
    for what, text in broken.items():
        act, clean = then(marked, raw(b"@@", text)), then(marked, raw(b"@@", rb"\ufffd"))
        yield harmless(f"{what} in a name", act, clean=clean, endpoints=NAMED, always=True)
    whole = setting("name", "Team \U0001f680 é")
    yield harmless("a name beyond ASCII", whole, clean=whole, endpoints=NAMED, always=True)
    hostile = setting("name", 'a "b" \\ \n{c="d"} \u2028 # e')
    yield harmless("a name with quotes and line breaks", hostile, clean=hostile, endpoints=NAMED, always=True)
    yield harmless("a name that is a number", setting("name", 7), clean=null, endpoints=NAMED, always=True)
    for what, value in {"empty": "", "wordy": "soon", "numeric": 1.5, "listed": []}.items():
        for field, endpoints in (("expires_at", ("api_keys",)), ("created_at", DATED)):
            yield harmless(
                f"an {what} {field}",
                setting(field, value),
                clean=setting(field, None),
                endpoints=endpoints,
                always=True,
            )
    yield harmless("a colour that is a number", setting("display_color", 7), endpoints=("workspaces",))
    yield harmless("an address that is a number", setting("email", 7), endpoints=("users",))


def _encoded(encoding: str, encode: Act) -> Act:
    return lambda reply: encode(reply.having(("content-encoding", encoding)))


def _body(reply: Reply, body: bytes) -> Reply:
    return replace(reply, body=body)


def _encodings() -> Iterator[Kind]:
    """Asked for and accepted: gzip, once, or none."""
    once = _encoded("gzip", lambda reply: _body(reply, gzip.compress(reply.body)))
    yield harmless("gzip", once)
    yield harmless("identity, said so", _encoded("identity", lambda reply: reply))
    others = {
        "gzip, gzip": lambda reply: _body(reply, gzip.compress(gzip.compress(reply.body))),
        "deflate": lambda reply: _body(reply, zlib.compress(reply.body)),
        "br": lambda reply: _body(reply, b"\x0b\x02\x80{}\x03"),
        "zstd": lambda reply: _body(reply, b"\x28\xb5\x2f\xfd"),
        "x-soak": lambda reply: reply,
    }
    for encoding, encode in others.items():
        yield fatal(f"encoding {encoding}", _encoded(encoding, encode), "schema")
    broken = {
        "that is none": lambda reply: reply,
        "cut": lambda reply: _body(reply, gzip.compress(reply.body)[:-12]),
        "with a wrong checksum": lambda reply: _body(reply, gzip.compress(reply.body)[:-8] + bytes(8)),
    }
    for what, encode in broken.items():
        yield fatal(f"gzip {what}", _encoded("gzip", encode), "schema")
    yield fatal("bomb", always(JSON, ("content-encoding", "gzip"), body=_bomb()), "schema", slow=True)
    twice = ("content-encoding", "gzip, gzip")
    yield fatal("bomb in a bomb", always(JSON, twice, body=gzip.compress(_bomb())), "schema", slow=True)
    charset = json.dumps({"note": MARKER}).encode("utf-16")
    yield fatal("UTF-16", always(JSON, body=charset), "schema")


def _bomb() -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    zeros = bytes(10_000_000)
    return b"".join([*(deflate.compress(zeros) for _ in range(BOMB_BYTES // len(zeros))), deflate.flush()])
