"""What all answers are made of: values, and what stands around the rows of a report or list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from exporter.contract.untracked import Untracked

# Bounded, so that no sum is infinite.
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)] | Annotated[float, Meta(ge=0, lt=2**63)]
Cents = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | Annotated[float, Meta(ge=-(2**63), lt=2**63)]
Dollars = Literal["USD"]
Timestamp = Annotated[datetime, Meta(tz=True)]
DecimalText = Annotated[str, Meta(pattern=r"\A-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?\Z", max_length=100)]


class Listed(Untracked):
    """An object of a list. One of its `decorations` that cannot be read is left out, for itself alone."""

    id: str
    decorations: ClassVar[tuple[str, ...]] = ()


class Page(Untracked):
    """The envelope of what goes on at `next_page`."""

    next_page: str | None = None

    @property
    def more(self) -> bool:
        return self.next_page is not None


class ReportPage(Page, kw_only=True):
    """A report's envelope."""

    has_more: bool

    def buckets(self) -> Iterable[tuple[datetime | None, Sequence[Untracked]]]:
        """The rows by the start of their bucket; None for those that go on from page to page."""
        raise NotImplementedError

    @property
    def more(self) -> bool:
        return self.has_more


class TokenPage(Page, kw_only=True):
    """A token list's envelope."""

    data: Sequence[Listed]


class IdPage(Untracked, kw_only=True):
    """The envelope of an ID-cursor list."""

    data: Sequence[Listed]
    has_more: bool
    last_id: str | None = None
