"""Connections, framing and headers."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from tests.soak.kinds import (
    MARKER,
    OTHER_KEY,
    Act,
    End,
    Kind,
    Reply,
    Wire,
    either,
    fatal,
    harmless,
    passing,
    then,
)
from tests.soak.statuses import SOON, api_error

GARBAGE = b"\x16\x03\x01\x02\x00 no HTTP\r\n\r\n"
DRIP_SECONDS = 0.05


def head(reply: Reply, *headers: tuple[str, str]) -> bytes:
    phrase = next((each.phrase for each in HTTPStatus if each.value == reply.status), "Odd")
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in reply.headers + headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def length(reply: Reply, more: int = 0) -> tuple[str, str]:
    return "content-length", str(len(reply.body) + more)


def whole(reply: Reply) -> Wire:
    if reply.status in (204, 304):
        return Wire((head(reply),), end="keep")
    return Wire((head(reply, length(reply)) + reply.body,), end="keep")


def chunked(reply: Reply, size: str = "{:x}") -> bytes:
    framing = ("transfer-encoding", "chunked")
    first = size.format(len(reply.body)).encode()
    return head(reply, framing) + first + b"\r\n" + reply.body + b"\r\n0\r\n\r\n"


def framed(
    *fields: tuple[str, str],
    more: int | None = 0,
    before: bytes = b"",
    cut: int | None = None,
    after: bytes = b"",
    end: End = "close",
) -> Act:
    """Headers and a body of which something is wrong; `more` is what is wrong with its length, None for no length."""

    def act(reply: Reply) -> Wire:
        lengths = () if more is None else (length(reply, more),)
        return Wire((before + head(reply, *lengths, *fields) + reply.body[:cut] + after,), end=end)

    return act


def network(name: str, act: Act) -> Kind:
    return passing(name, act, "network", wire=True)


def stalled(name: str, act: Act) -> Kind:
    return passing(name, act, "timeout", slow=True, wire=True)


def sent(*pieces: bytes, end: End = "close", pause_seconds: float = 0) -> Act:
    return lambda _: Wire(pieces, pause_seconds, end)


def in_chunks(size: str = "{:x}", cut: int | None = None, end: End = "close") -> Act:
    return lambda reply: Wire((chunked(reply, size)[:cut],), end=end)


def kinds() -> Iterator[Kind]:
    yield from _connections()
    yield from _framing()
    yield from _headers()
    yield from _delays()


def _connections() -> Iterator[Kind]:
    yield network("refused", sent(end="refuse"))
    yield network("reset", sent(end="reset"))
    yield network("closed at once", sent())
    yield network("garbage for HTTP", sent(GARBAGE))
    yield network("half a head", sent(b"HTTP/1.1 200 OK\r\nconte"))
    yield network("a head of 200 kB", sent(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n"))
    yield network("another protocol", sent(b"SSH-2.0-soak\r\n"))
    yield network("cut in the body", framed(cut=-3))
    yield network("reset in the body", framed(cut=3, end="reset"))
    yield stalled("stall", sent(end="stall"))
    yield stalled("stall in the body", framed(cut=3, end="stall"))
    line = b"HTTP/1.1 200 OK\r\n"
    body = [b"content-length: 999\r\n\r\n", *[b" "] * 999]
    yield stalled("drip", sent(line, *body, pause_seconds=DRIP_SECONDS))
    yield stalled("a head that drips", sent(line, *[b"x: y\r\n"] * 999, pause_seconds=DRIP_SECONDS))


def _framing() -> Iterator[Kind]:
    yield harmless("chunked", in_chunks(end="keep"))
    yield network("a chunk's size that is none", in_chunks("zz"))
    yield network("chunks without an end", in_chunks(cut=-5))
    yield network("a chunk too short", in_chunks("3"))
    yield fatal("a length too short", framed(more=-3), "schema", wire=True)
    yield network("a length too long", framed(more=7))
    for what, value in {"negative": "-1", "wordy": "many", "huge": "9" * 400}.items():
        yield network(f"a {what} length", framed(("content-length", value), more=None))
    yield network("two lengths", framed(("content-length", "1")))
    yield either("a length and chunks", then(lambda r: r.having(length(r)), in_chunks()), "network", wire=True)
    yield harmless("bytes after the body", framed(after=GARBAGE), wire=True)
    yield harmless("until the connection's end", framed(more=None))
    yield harmless("connection: close", framed(("connection", "close")))
    yield harmless("100 first", framed(before=b"HTTP/1.1 100 Continue\r\n\r\n" * 3, end="keep"))
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    yield harmless("103 first", framed(before=early, end="keep"))
    switching = b"HTTP/1.1 101 Switching\r\nupgrade: soak\r\n\r\n"
    yield either("101", sent(switching), "network", "request", wire=True)


def _headers() -> Iterator[Kind]:
    cookies = [("set-cookie", f"c{n}={MARKER}{'x' * 1000}; Path=/; Max-Age=86400") for n in range(3)]
    yield harmless("cookies", lambda reply: reply.having(*cookies))
    yield harmless("60 kB of headers", lambda reply: reply.having(*[(f"x-{n}", "y" * 990) for n in range(60)]))
    yield harmless("no content type", lambda reply: Reply(reply.body, reply.status, ()))
    yield harmless("another content type", lambda reply: Reply(reply.body, reply.status, (("content-type", "x/y"),)))
    yield harmless(
        "a charset of fancy",
        lambda reply: Reply(reply.body, reply.status, (("content-type", "application/json; charset=klingon"),)),
    )
    yield harmless("Latin-1 in a header", lambda reply: reply.having(("x-name", "Caf\xe9")))
    yield harmless("a request ID of 9 kB", lambda reply: reply.having(("request-id", "r" * 9000)))
    yield harmless(
        "a rate limit that is used up",
        lambda reply: reply.having(("anthropic-ratelimit-requests-remaining", "0"), ("retry-after", "9999")),
    )
    secret = ("request-id", OTHER_KEY)
    yield passing("a key for a request ID", api_error(500, SOON, secret), "server")


def _delays() -> Iterator[Kind]:
    delays = {
        "nonsense": "soon",
        "huge": "1e300",
        "negative": "-5",
        "infinite": "inf",
        "not a number": "nan",
        "a date gone by": "Wed, 21 Oct 2015 07:28:00 GMT",
        "a date beyond": "Fri, 31 Dec 9999 23:59:59 GMT",
        "a date beyond dates": "Fri, 31 Dec 99999 23:59:59 GMT",
    }
    for what, delay in delays.items():
        yield passing(f"429 with a delay that is {what}", api_error(429, ("retry-after", delay)), "rate_limited")
    for status, why in ((429, "rate_limited"), (500, "server")):
        reset = ("anthropic-ratelimit-requests-reset", "2030-01-01T00:00:00Z")
        yield passing(f"{status} with a reset", api_error(status, reset), why)
    for said in ("true", "maybe"):
        yield passing(f"503, should retry: {said}", api_error(503, SOON, ("x-should-retry", said)), "server")
    yield fatal("503, should not retry", api_error(503, SOON, ("x-should-retry", "false")), "server")
    yield passing("402, should retry", api_error(402, SOON, ("x-should-retry", "true")), "request")
    yield harmless("401, and another key in the file", api_error(401), rotates=True)
    yield fatal("401 for good", api_error(401), "auth", always=True)
