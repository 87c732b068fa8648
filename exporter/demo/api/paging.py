"""The Admin API's two ways of paging: opaque tokens, and IDs of the first and last object."""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from exporter.demo.api.errors import BadRequestError
from exporter.demo.api.query import Query

PREFIX = "page_"
SEAL_BYTES = 16
MAX_IDS = 1000
DEFAULT_IDS = 20
Body = dict[str, Any]


class PagingSession(msgspec.Struct, frozen=True, array_like=True):
    """Where a client is in a list. `began` stands still while it pages, so that growing data do not shift pages."""

    began: datetime
    position: int
    query: bytes


class Page(NamedTuple):
    """One page; `next_position` is None on the last."""

    data: Sequence[Any]
    next_position: int | None


class Identified(Protocol):
    @property
    def id(self) -> str: ...


class Tokens:
    """Makes and reads page tokens: sealed, and good only for the query that they were made for."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def session(self, endpoint: str, query: Query, now: datetime) -> PagingSession:
        """The paging session that a request belongs to; it begins `now` when the request has no page token."""
        fingerprint = _fingerprint(endpoint, query)
        token = query.one("page")
        if token is None:
            return PagingSession(now, 0, fingerprint)
        session = self._read(token)
        if session is None:
            raise BadRequestError("page: Invalid page token")
        if session.query != fingerprint:
            raise BadRequestError("page: The page token belongs to other parameters")
        return session

    def token(self, session: PagingSession, position: int) -> str:
        # msgspec knows no subclass of datetime, which clocks under test make.
        payload = msgspec.msgpack.encode(
            msgspec.structs.replace(session, position=position), enc_hook=datetime.isoformat
        )
        return PREFIX + urlsafe_b64encode(self._seal(payload) + payload).decode().rstrip("=")

    def _read(self, token: str) -> PagingSession | None:
        encoded = token.removeprefix(PREFIX)
        try:
            sealed = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except ValueError:
            return None
        seal, payload = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(payload)):
            return None
        return msgspec.msgpack.decode(payload, type=PagingSession)

    def _seal(self, payload: bytes) -> bytes:
        return hmac.digest(self._secret, payload, "sha256")[:SEAL_BYTES]


def _fingerprint(endpoint: str, query: Query) -> bytes:
    items = sorted(item for item in query.items if item[0] != "page")
    return hashlib.sha256(msgspec.json.encode([endpoint, items])).digest()[:SEAL_BYTES]


def slice_page(items: Sequence[Any], position: int, limit: int) -> Page:
    end = position + limit
    return Page(items[position:end], end if end < len(items) else None)


def _position_of(items: Sequence[Identified], parameter: str, wanted: str) -> int:
    for position, item in enumerate(items):
        if item.id == wanted:
            return position
    raise BadRequestError(f"{parameter}: No such object: {wanted}")


def id_page(items: Sequence[Identified], query: Query) -> Body:
    """`limit` objects after `after_id`, or before `before_id`; by default the first."""
    limit = query.integer("limit", DEFAULT_IDS, 1, MAX_IDS)
    after, before = query.one("after_id"), query.one("before_id")
    if after is not None and before is not None:
        raise BadRequestError("Only one of after_id and before_id can be given")
    if before is not None:
        end = _position_of(items, "before_id", before)
        start = max(0, end - limit)
        has_more = start > 0
    else:
        start = 0 if after is None else _position_of(items, "after_id", after) + 1
        end = start + limit
        has_more = end < len(items)
    data = items[start:end]
    return {
        "data": data,
        "has_more": has_more,
        "first_id": data[0].id if data else None,
        "last_id": data[-1].id if data else None,
    }
