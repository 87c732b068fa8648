"""From records to samples: the only place that sums and that builds label text.

A record is one row of an API report in the project's own terms. A `Metric` says which numbers of a record it shows
under which labels; records that agree in all labels are added up. Sums are exact (int, Decimal) until they become text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from heapq import merge
from itertools import islice
from types import MappingProxyType
from typing import Generic, TypeVar

Number = int | float | Decimal
# Values of a metric's own labels, and the number.
Sample = tuple[tuple[str, ...], Number]
# Label text to value: `a="b",c="d"`, escaped.
Sums = Mapping[str, Number]
# By the values of a metric's own labels.
OwnSums = dict[tuple[str, ...], Number]
Labels = Iterable[tuple[str, str]]

R = TypeVar("R")

# Records by label text.
Groups = Mapping[str, Sequence[R]]

RUN_TEXTS = 5_000
NONE = "none"
EXACT = Context(prec=1000)


@dataclass(frozen=True)
class Metric(Generic[R]):
    """One family of the contract: how a record's numbers become its samples.

    `labels` are the metric's own, added to those of the records' group. `source` names the API fields. `divisor` turns
    the summed number into the metric's unit (100 for cents shown as dollars).
    """

    name: str
    help: str
    source: str
    samples: Callable[[R], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    divisor: int = 1


@dataclass(frozen=True)
class Family:
    """A gauge family ready to render: groups of (text of the labels that the whole group shares, samples)."""

    name: str
    help: str
    groups: Sequence[tuple[str, Sums]]
    divisor: int = 1

    @property
    def size(self) -> int:
        return sum(len(sums) for _, sums in self.groups)


def label_text(labels: Labels) -> str:
    """`a="b",c="d"` with values escaped as the text format asks."""
    return ",".join(f'{name}="{_escape(value)}"' for name, value in labels)


def joined(*texts: str) -> str:
    """Label texts as one, the empty ones left out."""
    return ",".join(filter(None, texts))


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def grouped(records: Iterable[R], text_of: Callable[[R], str]) -> Groups[R]:
    """The records by their label text, which is never empty, in an order that does not depend on theirs."""
    groups: dict[str, list[R]] = {}
    for record in records:
        groups.setdefault(text_of(record), []).append(record)
    return {text: groups[text] for text in _in_order(groups)}


def add_up(metric: Metric[R], groups: Groups[R]) -> dict[str, Number]:
    """The metric's sums by label text, in the groups' order and by the metric's own labels."""
    with localcontext(EXACT):
        return _labelled(metric, ((text, _added({}, metric, records)) for text, records in groups.items()))


class Totals(Generic[R]):
    """What `add_up` makes of records that come in parts, none of which is kept."""

    def __init__(self, metrics: Sequence[Metric[R]], text_of: Callable[[R], str]) -> None:
        self._metrics = metrics
        self._text_of = text_of
        self._groups: dict[str, dict[str, OwnSums]] = {}

    def add(self, records: Iterable[R]) -> None:
        with localcontext(EXACT):
            for text, group in grouped(records, self._text_of).items():
                sums = self._groups.setdefault(text, {metric.name: {} for metric in self._metrics})
                for metric in self._metrics:
                    _added(sums[metric.name], metric, group)

    def by_name(self) -> dict[str, Sums]:
        """Each metric's sums by label text."""
        texts = sorted(self._groups)
        return {
            metric.name: _labelled(metric, ((text, self._groups[text][metric.name]) for text in texts))
            for metric in self._metrics
        }


def _labelled(metric: Metric[R], groups: Iterable[tuple[str, OwnSums]]) -> dict[str, Number]:
    own_texts: dict[tuple[str, ...], str] = {}
    sums: dict[str, Number] = {}
    for text, own_sums in groups:
        start = f"{text}," if text else ""
        for own, number in sorted(own_sums.items()):
            if (suffix := own_texts.get(own)) is None:
                suffix = own_texts[own] = label_text(zip(metric.labels, own, strict=True))
            sums[start + suffix if suffix else text] = number
    return sums


def _added(sums: OwnSums, metric: Metric[R], records: Iterable[R]) -> OwnSums:
    """The sums with the records' numbers in them."""
    for record in records:
        for own, number in metric.samples(record):
            before = sums.get(own)
            sums[own] = number if before is None else before + number  # type: ignore[operator]  # one metric never mixes Decimal and float
    return sums


def families(metrics: Iterable[Metric[R]], records: Iterable[R], prefix: str = "") -> Iterator[Family]:
    """A family for each metric, with the metric's own labels alone."""
    groups = {"": tuple(records)}
    for metric in metrics:
        yield Family(metric.name, metric.help, [(prefix, add_up(metric, groups))], metric.divisor)


def _in_order(texts: Collection[str]) -> Iterator[str]:
    """Sorted in runs that are merged: one large sort would hold the interpreter's lock, and scrapes with it."""
    remaining = iter(texts)
    runs = []
    while run := sorted(islice(remaining, RUN_TEXTS)):
        runs.append(run)
    return merge(*runs)


def day_label(day: date, today: date) -> str:
    """The `days_ago` label: 0 is the current UTC day."""
    return label_text([("days_ago", str((today - day).days))])


def day_families(
    metrics: Sequence[Metric[R]],
    days: Mapping[date, Sequence[R]],
    text_of: Callable[[R], str],
    *,
    today: date,
    prefix: str = "",
    zero_fill: bool,
    totals: Mapping[date, Mapping[str, Sums]] = MappingProxyType({}),
) -> Iterable[Family]:
    """A family for each metric with a group for each reported day; `totals` has those that are added up already.

    `zero_fill`: a label set seen on any of the days has a sample on all of them.
    """
    groups_of = {day: grouped(records, text_of) for day, records in days.items()}
    for metric in metrics:
        sums: dict[date, Sums] = {day: add_up(metric, groups) for day, groups in groups_of.items()}
        sums |= {day: by_name[metric.name] for day, by_name in totals.items()}
        if zero_fill:
            sums = _filled(sums)
        groups = [(joined(prefix, day_label(day, today)), sums[day]) for day in sorted(sums, reverse=True)]
        yield Family(metric.name, metric.help, groups, metric.divisor)


def _filled(sums: Mapping[date, Sums]) -> dict[date, Sums]:
    every = list(_in_order(set().union(*sums.values())))
    return {day: {text: of_day.get(text, 0) for text in every} for day, of_day in sums.items()}
