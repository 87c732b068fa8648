"""Connections, framing and headers."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from tests.soak.kinds import EMAIL, JSON, MARKER, Kind, Reply, Wire, either, fatal, harmless, passing
from tests.soak.statuses import SOON, api_error

GARBAGE = b"\x16\x03\x01\x02\x00 no HTTP\r\n\r\n"
DRIP_SECONDS = 0.05


def head(reply: Reply, *headers: tuple[str, str], version: str = "HTTP/1.1") -> bytes:
    phrase = next((each.phrase for each in HTTPStatus if each.value == reply.status), "Odd")
    lines = [f"{version} {reply.status} {phrase}", *(f"{name}: {value}" for name, value in reply.headers + headers)]
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


def kinds() -> Iterator[Kind]:
    yield from _connections()
    yield from _framing()
    yield from _headers()
    yield from _delays()


def _connections() -> Iterator[Kind]:
    def network(name: str, wire: Wire) -> Kind:
        return passing(name, lambda _: wire, "network", wire=True)

    yield network("refused", Wire(end="refuse"))
    yield network("reset", Wire(end="reset"))
    yield network("closed at once", Wire())
    yield network("garbage for HTTP", Wire((GARBAGE,)))
    yield network("half a head", Wire((b"HTTP/1.1 200 OK\r\nconte",)))
    yield network("a head of 200 kB", Wire((b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",)))
    yield network("another protocol", Wire((b"SSH-2.0-soak\r\n",)))
    yield passing("cut in the body", lambda reply: Wire((head(reply, length(reply)) + reply.body[:-3],)), "network",
                  wire=True)  # fmt: skip
    yield passing("reset in the body", lambda reply: Wire((head(reply, length(reply)) + reply.body[:3],), end="reset"),
                  "network", wire=True)  # fmt: skip
    yield passing("stall", lambda _: Wire(end="stall"), "timeout", slow=True, wire=True)
    yield passing("stall in the body", lambda reply: Wire((head(reply, length(reply)) + b"{",), end="stall"), "timeout",
                  slow=True, wire=True)  # fmt: skip
    yield passing("drip", lambda reply: Wire((head(reply, length(reply, 9999)), *[b" "] * 9999), DRIP_SECONDS), "timeout",
                  slow=True, wire=True)  # fmt: skip
    yield passing("a head that drips", lambda _: Wire((b"HTTP/1.1 200 OK\r\n", *[b"x: y\r\n"] * 999), DRIP_SECONDS),
                  "timeout", slow=True, wire=True)  # fmt: skip


def _framing() -> Iterator[Kind]:
    yield harmless("chunked", lambda reply: Wire((chunked(reply),), end="keep"))
    yield passing("a chunk's size that is none", lambda reply: Wire((chunked(reply, "zz"),)), "network", wire=True)
    yield passing("chunks without an end", lambda reply: Wire((chunked(reply)[:-5],)), "network", wire=True)
    yield passing("a chunk too short", lambda reply: Wire((chunked(reply, "3"),)), "network", wire=True)
    yield fatal("a length too short", lambda reply: Wire((head(reply, length(reply, -3)) + reply.body,)), "schema",
                wire=True)  # fmt: skip
    yield passing("a length too long", lambda reply: Wire((head(reply, length(reply, 7)) + reply.body,)), "network",
                  wire=True)  # fmt: skip
    for what, value in {"negative": "-1", "wordy": "many", "huge": "9" * 400}.items():
        yield passing(f"a {what} length", lambda reply, value=value: Wire(
            (head(reply, ("content-length", value)) + reply.body,)), "network", wire=True)  # fmt: skip
    yield harmless("the length twice", lambda reply: Wire((head(reply, length(reply), length(reply)) + reply.body,),
                                                          end="keep"))  # fmt: skip
    yield passing("two lengths", lambda reply: Wire((head(reply, length(reply), length(reply, 5)) + reply.body,)),
                  "network", wire=True)  # fmt: skip
    yield either("a length and chunks", lambda reply: Wire((chunked(reply.having(length(reply))),)), "network",
                 wire=True)  # fmt: skip
    yield harmless("bytes after the body", lambda reply: Wire((head(reply, length(reply)) + reply.body + GARBAGE,)),
                   wire=True)  # fmt: skip
    yield harmless("HTTP/1.0 until the end", lambda reply: Wire((head(reply, version="HTTP/1.0") + reply.body,)))
    for preface in (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"):
        name = preface[9:12].decode()
        yield harmless(f"{name} first", lambda reply, preface=preface: Wire(
            (preface * 3 + head(reply, length(reply)) + reply.body,), end="keep"))  # fmt: skip
    yield either("101", lambda _: Wire((b"HTTP/1.1 101 Switching\r\nupgrade: soak\r\n\r\n",)), "network", "request",
                 wire=True)  # fmt: skip
    closing = ("connection", "close")
    yield harmless("connection: close", lambda reply: Wire((head(reply, length(reply), closing) + reply.body,)))


def _headers() -> Iterator[Kind]:
    cookies = [("set-cookie", f"c{n}={MARKER}{'x' * 1000}; Path=/; Max-Age=86400") for n in range(3)]
    yield harmless("cookies", lambda reply: reply.having(*cookies))
    yield harmless("60 kB of headers", lambda reply: reply.having(*[(f"x-{n}", "y" * 990) for n in range(60)]))
    yield harmless("no content type", lambda reply: Reply(reply.body, reply.status, ()))
    yield harmless("another content type", lambda reply: Reply(reply.body, reply.status, (("content-type", "x/y"),)))
    yield harmless("a charset of fancy", lambda reply: Reply(
        reply.body, reply.status, (("content-type", "application/json; charset=klingon"),)))  # fmt: skip
    yield harmless("Latin-1 in a header", lambda reply: reply.having(("x-name", "Caf\xe9")))
    yield harmless("a request ID of 9 kB", lambda reply: reply.having(("request-id", "r" * 9000)))
    yield harmless("a rate limit that is used up", lambda reply: reply.having(
        ("anthropic-ratelimit-requests-remaining", "0"), ("retry-after", "9999")))  # fmt: skip
    secret = ("request-id", f"{EMAIL[:0]}sk-ant-admin01-leaked-0123456789")
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
    yield fatal("an organization of another type", lambda _: Reply(
        b'{"type":"error","error":{"type":"invalid_request_error","message":"not here",'
        b'"details":{"error_code":"organization_type_not_supported"}}}', 403, (JSON, SOON)), "forbidden",
        refusal=True)  # fmt: skip
