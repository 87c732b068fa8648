"""The declaration of a family, and the samples that become its text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from exporter.contract.names import Names

Number = int | float | Decimal
# Values of a metric's own labels, and the number.
Sample = tuple[tuple[str, ...], Number]
# Label text to value: `a="b",c="d"`, escaped.
Sums = Mapping[str, Number]

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)

BACKGROUND = "; refreshed in the background, not at the scrape."


class Kind(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Declared:
    """What a family is called and what it means.

    Its labels are `organization`, then those `shared` with others of its table (`days_ago` first), then its `own`;
    settings may add to the shared ones. `api_fields` names the fields of the API's reports and lists, and is empty for
    what the exporter says of itself. `divisor` turns a summed number into the unit (100 for cents shown as dollars).
    """

    name: str
    meaning: str
    unit: str
    shared: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    api_fields: str = ""
    kind: Kind = Kind.GAUGE
    divisor: int = 1

    @property
    def labels(self) -> tuple[str, ...]:
        return self.shared + self.own

    @property
    def help(self) -> str:
        return self.meaning + (BACKGROUND if self.api_fields else ".")


@dataclass(frozen=True)
class Metric(Declared, Generic[R]):
    """A family whose numbers are added up over records: `samples` gives a record's, by the values of its own labels."""

    samples: Callable[[R], Iterable[Sample]] = lambda _: ()


@dataclass(frozen=True)
class Group:
    """Samples that share the beginning of their line: the end of the family's name, and label text."""

    labels: str
    sums: Sums
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """What a reading has for a family, ready to be written."""

    declared: Declared
    groups: Sequence[Group]
    folded: int = 0  # samples that are in others


@dataclass(frozen=True)
class Section:
    """Samples of some families that change together: a day's, an hour's (by its start), or what belongs to neither.

    The text of an earlier section of the same bucket with an equal key is taken as it is; None is equal to none. What
    is of a bucket has `days_ago` or `hours_ago` in its text.
    """

    bucket: date | None
    key: object
    families: Callable[[], Iterable[Family]]


class Table(Protocol[R_contra]):
    """Which families a reading becomes in a UTC hour: our own records in, label text and numbers out."""

    def sections(self, reading: R_contra, hour: datetime, names: Names) -> Iterable[Section]: ...
