"""Faults to order: what an upstream API may do to a client."""

from collections import deque
from threading import Lock
from typing import Annotated, Literal

import msgspec

Kind = Literal[
    "status",
    "html",
    "redirect",
    "headers",
    "stall",
    "drip",
    "cut",
    "garbage",
    "nan",
    "missing",
    "mistyped",
    "repeat_cursor",
    "no_cursor",
]
NonNegative = Annotated[int, msgspec.Meta(ge=0)]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to the next `count` requests of an endpoint (of any, when None) after `after` healthy ones.

    - `status`: an error of that status in the error envelope, with `error_code` in its details if given.
    - `html`: an HTML page with that status. `redirect`: a 302 to another host.
    - `headers`: a healthy answer with extra headers.
    - `stall`: nothing for `seconds`, then the answer. `drip`: the body byte by byte, `seconds` apart.
    - `cut`: the connection closes in the middle of the body.
    - `garbage`: 200 with something that is not JSON.
    - `nan`, `missing`, `mistyped`: the first number of the answer (or the first `field`) is NaN, left out, or of
      another type: a number becomes a string, a decimal string becomes text.
    - `repeat_cursor`: the answer's next page is the page itself; a loop shows from the second such answer on.
    - `no_cursor`: more is promised, but there is no cursor.

    `headers` are added to every kind's answer.
    """

    kind: Kind
    endpoint: str | None = None
    count: NonNegative = 1
    after: NonNegative = 0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    message: str = "A fault made to order"
    error_code: str | None = None
    headers: dict[str, str] = {}
    seconds: Annotated[float, msgspec.Meta(ge=0)] | None = None
    field: str | None = None


class Faults:
    """The queue of pending faults; safe to use from any thread."""

    def __init__(self) -> None:
        self._pending: deque[Fault] = deque()
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._pending.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()

    @property
    def pending(self) -> list[Fault]:
        """What is left of the faults, the oldest first."""
        with self._lock:
            return list(self._pending)

    def take(self, endpoint: str) -> Fault | None:
        """The fault that a request meets, if any: the oldest that is meant for it. It is used up once."""
        with self._lock:
            for position, fault in enumerate(self._pending):
                if fault.endpoint not in {None, endpoint}:
                    continue
                if fault.after > 0:
                    self._pending[position] = msgspec.structs.replace(fault, after=fault.after - 1)
                elif fault.count > 0:
                    self._pending[position] = msgspec.structs.replace(fault, count=fault.count - 1)
                    self._drop_used()
                    return fault
            return None

    def _drop_used(self) -> None:
        self._pending = deque(fault for fault in self._pending if fault.count > 0)
