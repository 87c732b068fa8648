"""Samples as lines of the text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice

from prometheus_client.utils import floatToGoString

from exporter.contract.days import age_label
from exporter.contract.metric import Family, Group, Number, Section
from exporter.contract.sums import EXACT

# Joins hold the interpreter's lock: small pieces keep scrapes fast during a refresh.
PIECE_SAMPLES = 5_000
# From here on, numbers are written with an exponent.
PLAIN_BELOW = 1_000_000
# Most samples are small counts.
SMALL = tuple(f"{number}.0" for number in range(10_000))

# The lines of a family.
Pieces = tuple[bytes, ...]


@dataclass(frozen=True)
class Written:
    """A section's lines by family, and what they follow from."""

    key: object
    families: Mapping[str, Pieces]
    samples: int
    folded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Text:
    """What a reading has to show in a UTC hour, by the section's own day or hour."""

    hour: datetime
    sections: Mapping[date | None, Written]

    @property
    def samples(self) -> int:
        return sum(written.samples for written in self.sections.values())

    @property
    def folded(self) -> Mapping[str, int]:
        """By family, how many samples are in others."""
        found: Counter[str] = Counter()
        for written in self.sections.values():
            found.update(written.folded)
        return found

    @property
    def families(self) -> Mapping[str, Pieces]:
        """A family's lines, newest first."""
        found: dict[str, list[bytes]] = {}
        for written in self.sections.values():
            for name, pieces in written.families.items():
                found.setdefault(name, []).extend(pieces)
        return {name: tuple(pieces) for name, pieces in found.items()}


def write(sections: Iterable[Section], hour: datetime, before: Text | None = None) -> Text:
    """The sections' lines; those that `before` has already are taken from there, moved to their new age."""
    written = {}
    for section in sections:
        old = before.sections.get(section.bucket) if before else None
        if before is None or old is None or section.key is None or section.key != old.key:
            written[section.bucket] = _written(section)
        else:
            written[section.bucket] = _moved(old, section.bucket, before.hour, hour)
    return Text(hour, written)


def number_text(number: Number, divisor: int = 1) -> str:
    """The number as prometheus-client writes it, divided once and made a float last."""
    if divisor == 1 and type(number) is int and 0 <= number < PLAIN_BELOW:
        return SMALL[number] if number < len(SMALL) else f"{number}.0"
    if divisor != 1:
        number = EXACT.divide(Decimal(str(number)), Decimal(divisor))
    text: str = floatToGoString(float(number))  # type: ignore[no-untyped-call]  # prometheus-client has no types here
    return text


def lines(family: Family) -> Iterator[bytes]:
    """The samples in pieces of at most 5,000."""
    for group in family.groups:
        yield from _lines(family.declared.name + group.suffix, group, family.declared.divisor)


def lines_by_family(families: Iterable[Family]) -> dict[str, Pieces]:
    """Those that have samples."""
    return {family.declared.name: pieces for family in families if (pieces := tuple(lines(family)))}


def _written(section: Section) -> Written:
    families: dict[str, Pieces] = {}
    samples, folded = 0, {}
    for family in section.families():
        if family.folded:
            folded[family.declared.name] = family.folded
        if pieces := tuple(lines(family)):
            families[family.declared.name] = pieces
        samples += sum(len(group.sums) for group in family.groups)
    return Written(section.key, families, samples, folded)


def _lines(name: str, group: Group, divisor: int) -> Iterator[bytes]:
    remaining = iter(group.sums.items())
    start = f"{name}{{{group.labels}," if group.labels else f"{name}{{"
    while piece := list(islice(remaining, PIECE_SAMPLES)):
        if piece[0][0]:
            yield "".join([f"{start}{text}}} {number_text(number, divisor)}\n" for text, number in piece]).encode()
        else:  # without labels of its own there is one sample
            labels = f"{{{group.labels}}}" if group.labels else ""
            yield f"{name}{labels} {number_text(piece[0][1], divisor)}\n".encode()


def _moved(written: Written, bucket: date | None, before: datetime, hour: datetime) -> Written:
    if bucket is None:
        return written
    # A quote in a label's value is escaped: nothing but the label itself looks like it.
    old, new = (age_label(bucket, at).encode() for at in (before, hour))
    if old == new:
        return written
    families = {name: tuple(piece.replace(old, new) for piece in pieces) for name, pieces in written.families.items()}
    return Written(written.key, families, written.samples, written.folded)
