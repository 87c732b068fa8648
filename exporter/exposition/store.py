"""All text that is exposed, by family and then by whose it is, and the answers made of it.

Neighbouring small parts share a stretch of compressed text: deflated one by one they would take several times the
bytes. Where there are few organizations, whole chapters of families share them; where there are many, 32 neighbours of
a family do.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import NamedTuple, Self

from exporter.contract.metric import Declared
from exporter.exposition.formats import Format
from exporter.exposition.gzip_member import EMPTY, Body, Stretch, gzipped, plain
from exporter.exposition.text import Pieces

SHELF_ORGANIZATIONS = 32
STRETCH_BYTES = 65_536
FORMATS = len(Format)


class Key(NamedTuple):
    """Whose text it is: an organization by its rank, and one of its jobs by its place."""

    organization: int
    job: int


# What belongs to no organization stands behind those that do.
PROCESS, CLOCK = Key(1 << 30, 0), Key(1 << 30, 1)
OF_ORGANIZATION = -1  # the place of what belongs to all jobs of an organization


# A chapter, or a family where organizations are many, by the collector that it belongs to.
_Part = tuple[str, Mapping[Format, Stretch]]
OF_NONE = ""


@dataclass(frozen=True)
class Snapshot:
    """The answers to all scrapes until the next snapshot. Both formats tell the same moment."""

    plain: Mapping[Format, Body]
    gzipped: Mapping[Format, Body]
    is_ready: bool = False
    parts: Sequence[_Part] = ()
    _subsets: dict[frozenset[str], Snapshot] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, parts: Sequence[_Part], *, is_ready: bool) -> Self:
        return cls(
            {form: plain([joined[form] for _, joined in parts], form.end) for form in Format},
            {form: gzipped([joined[form] for _, joined in parts], form.end) for form in Format},
            is_ready,
            parts,
        )

    def only(self, collectors: frozenset[str]) -> Snapshot:
        """With the families of these collectors, and those that are no collector's; made when it is first wanted."""
        if collectors not in self._subsets:
            parts = [part for part in self.parts if part[0] in collectors or part[0] == OF_NONE]
            self._subsets[collectors] = Snapshot.of(parts, is_ready=self.is_ready)
        return self._subsets[collectors]

    @property
    def bytes_by_encoding(self) -> dict[str, int]:
        """Of the text format."""
        return {"identity": self.plain[Format.TEXT].length, "gzip": self.gzipped[Format.TEXT].length}


# Whose lines a family has, on a shelf.
_Lines = dict[Key, Pieces]
# A line or more in each format; the very same object but for the header of a counter.
_Unit = tuple[bytes, ...]


class Store:
    """Families by name, in chapters that follow each other; not to be used by two threads at once."""

    def __init__(
        self,
        chapters: Sequence[Sequence[Declared]],
        organizations: int = 1,
        of_collectors: Mapping[str, Sequence[Declared]] = MappingProxyType({}),
    ) -> None:
        """All families of a chapter belong to the same collector, or to none."""
        collector_of = {family.name: name for name, of in of_collectors.items() for family in of}
        shelves = -(-organizations // SHELF_ORGANIZATIONS) or 1
        self._of: dict[Key, Mapping[str, Pieces]] = {}
        self._rows: list[_Row] = []
        self._row_of: dict[str, _Row] = {}
        for families in chapters if shelves == 1 else [[family] for chapter in chapters for family in chapter]:
            row = _Row(families, shelves, collector_of.get(families[0].name, OF_NONE))
            self._rows.append(row)
            self._row_of |= dict.fromkeys((family.name for family in families), row)

    def put(self, key: Key, families: Mapping[str, Pieces]) -> None:
        """Replace all that is shown of the key; what stays the same costs nothing."""
        before = self._of.get(key, {})
        changed = [name for name in before.keys() | families.keys() if before.get(name) != families.get(name)]
        rows = [(name, self._row_of[name]) for name in changed]  # raises for a family that is not declared
        for name, row in rows:
            row.put(name, key, families.get(name))
        self._of[key] = families

    def samples_of(self, names: Iterable[str]) -> int:
        """How many samples there are of these families."""
        return sum(self._row_of[name].samples_of(name) for name in names)

    def snapshot(self, *, is_ready: bool) -> Snapshot:
        """The answers to all scrapes; only what has been put since the last time is compressed."""
        for row in self._rows:
            row.update()
        return Snapshot.of([(row.collector, row.joined) for row in self._rows], is_ready=is_ready)


class _Row:
    """A chapter of families, or a single one, on as many shelves as there are."""

    def __init__(self, families: Sequence[Declared], shelves: int, collector: str) -> None:
        self.collector = collector
        self._shelves = [_Shelf(families) for _ in range(shelves)]
        self._keys = {family.name: 0 for family in families}
        self._is_up_to_date = False
        self.joined: Mapping[Format, Stretch] = dict.fromkeys(Format, EMPTY)

    def put(self, name: str, key: Key, pieces: Pieces | None) -> None:
        shelf = self._shelves[min(key.organization // SHELF_ORGANIZATIONS, len(self._shelves) - 1)]
        self._keys[name] += shelf.put(name, key, pieces)
        self._is_up_to_date = False
        first = self._shelves[0]
        if (self._keys[name] > 0) != (name in first.headers):
            first.head(name, is_shown=self._keys[name] > 0)

    def samples_of(self, name: str) -> int:
        return sum(shelf.samples_of(name) for shelf in self._shelves)

    def update(self) -> None:
        if not self._is_up_to_date:
            for shelf in self._shelves:
                shelf.update()
            self.joined = _joined({form: [shelf.joined[form] for shelf in self._shelves] for form in Format})
            self._is_up_to_date = True


class _Shelf:
    """What neighbouring organizations have of some families."""

    def __init__(self, families: Sequence[Declared]) -> None:
        self._families = families
        self._lines: dict[str, _Lines] = {family.name: {} for family in families}
        self._is_up_to_date = False
        # By the identities of the pieces that a stretch is made of, which it holds.
        self._made: dict[tuple[int, ...], tuple[Pieces, Stretch]] = {}
        self.headers: set[str] = set()
        self.joined: Mapping[Format, Stretch] = dict.fromkeys(Format, EMPTY)

    def put(self, name: str, key: Key, pieces: Pieces | None) -> int:
        """How many more keys the family has with it: 1, 0 or -1."""
        of_family = self._lines[name]
        before = len(of_family)
        if pieces:
            of_family[key] = pieces
        else:
            of_family.pop(key, None)
        self._is_up_to_date = False
        return len(of_family) - before

    def samples_of(self, name: str) -> int:
        return sum(piece.count(b"\n") for pieces in self._lines[name].values() for piece in pieces)

    def head(self, name: str, *, is_shown: bool) -> None:
        self.headers ^= {name} if is_shown != (name in self.headers) else set()
        self._is_up_to_date = False

    def update(self) -> None:
        if self._is_up_to_date:
            return
        made: dict[tuple[int, ...], tuple[Pieces, Stretch]] = {}
        stretches: dict[Format, list[Stretch]] = {form: [] for form in Format}
        for units in _stretches(self._units()):
            for form, pieces in zip(Format, zip(*units, strict=True), strict=True):
                identity = tuple(map(id, pieces))
                made[identity] = self._made.get(identity) or made.get(identity) or (pieces, Stretch.of(pieces))
                stretches[form].append(made[identity][1])
        self._made = made
        self.joined = _joined(stretches)
        self._is_up_to_date = True

    def _units(self) -> Iterator[_Unit]:
        for family in self._families:
            if family.name in self.headers:
                yield headers(family)
            for _, pieces in sorted(self._lines[family.name].items()):
                for piece in pieces:
                    yield (piece,) * FORMATS


def _joined(stretches: Mapping[Format, Sequence[Stretch]]) -> Mapping[Format, Stretch]:
    """One for each format, and one and the same where they do not differ."""
    first, *others = stretches.values()
    one = Stretch.joined(first)
    is_same = [all(map(operator.is_, first, other)) for other in others]
    return dict(
        zip(
            Format,
            (one, *(one if same else Stretch.joined(other) for same, other in zip(is_same, others, strict=True))),
            strict=True,
        )
    )


@cache
def headers(family: Declared) -> _Unit:
    """The family's header in each format, one and the same where they do not differ."""
    first, *others = (form.header(family) for form in Format)
    return (first, *(first if other == first else other for other in others))


def _stretches(units: Iterable[_Unit]) -> Iterator[list[_Unit]]:
    """In stretches of about 64 kB; what is larger stands alone."""
    stretch: list[_Unit] = []
    size = 0
    for unit in units:
        if stretch and size + len(unit[0]) > STRETCH_BYTES:
            yield stretch
            stretch, size = [], 0
        stretch.append(unit)
        size += len(unit[0])
    if stretch:
        yield stretch
