"""The only place that sums: records that agree in all labels are added up, exactly until they become text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, localcontext
from heapq import merge
from itertools import islice
from typing import Generic, TypeVar

from exporter.contract.labels import label_text
from exporter.contract.metric import Declared, Family, Group, Metric, Number, Sums

R = TypeVar("R")

# Records by label text.
Groups = Mapping[str, Sequence[R]]
# By the values of a metric's own labels.
OwnSums = dict[tuple[str, ...], Number]

RUN_TEXTS = 5_000
EXACT = Context(prec=1000)


def grouped(records: Iterable[R], text_of: Callable[[R], str]) -> Groups[R]:
    """The records by their label text, in an order that does not depend on theirs."""
    groups: dict[str, list[R]] = {}
    for record in records:
        groups.setdefault(text_of(record), []).append(record)
    return {text: groups[text] for text in _in_order(groups)}


@dataclass(frozen=True)
class Fold(Generic[R]):
    """The label text of a record whose values are folded, and the own labels of a metric's sample."""

    text_of: Callable[[R], str]
    own_of: Callable[[Declared, tuple[str, ...]], tuple[str, ...]]


def families(
    metrics: Iterable[Metric[R]],
    records: Iterable[R],
    text_of: Callable[[R], str],
    prefix: str = "",
    fold: Fold[R] | None = None,
) -> Iterator[Family]:
    """A family for each metric: records grouped by label text, groups folded, numbers of each group added up.

    `prefix` is the label text that all of them share.
    """
    groups = grouped(records, text_of)
    if fold is None:
        for metric in metrics:
            yield Family(metric, [Group(prefix, add_up(metric, groups))])
        return
    others = {text: fold.text_of(group[0]) for text, group in groups.items()}
    merged: dict[str, list[R]] = {}
    for text, group in groups.items():
        merged.setdefault(others[text], []).extend(group)
    merged = {text: merged[text] for text in _in_order(merged)}
    moved = {text for text, other in others.items() if text != other}
    for metric in metrics:
        folded = sum(_count_folded(metric, group, fold, is_moved=text in moved) for text, group in groups.items())
        yield Family(metric, [Group(prefix, add_up(_with_own(metric, fold), merged))], folded)


def _with_own(metric: Metric[R], fold: Fold[R]) -> Metric[R]:
    samples = metric.samples
    return replace(
        metric, samples=lambda record: ((fold.own_of(metric, own), number) for own, number in samples(record))
    )


def _count_folded(metric: Metric[R], records: Iterable[R], fold: Fold[R], *, is_moved: bool) -> int:
    """How many samples of a group are others' now."""
    found = {own for record in records for own, _ in metric.samples(record)}
    return len(found) if is_moved else sum(fold.own_of(metric, own) != own for own in found)


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


def plus(one: Number, other: Number) -> Number:
    with localcontext(EXACT):
        return one + other  # type: ignore[operator]  # one metric never mixes Decimal and float


def _labelled(metric: Metric[R], groups: Iterable[tuple[str, OwnSums]]) -> dict[str, Number]:
    own_texts: dict[tuple[str, ...], str] = {}
    sums: dict[str, Number] = {}
    for text, own_sums in groups:
        start = f"{text}," if text else ""
        for own, number in sorted(own_sums.items()):
            if (suffix := own_texts.get(own)) is None:
                suffix = own_texts[own] = label_text(zip(metric.own, own, strict=True))
            sums[start + suffix if suffix else text] = number
    return sums


def _added(sums: OwnSums, metric: Metric[R], records: Iterable[R]) -> OwnSums:
    """The sums with the records' numbers in them."""
    for record in records:
        for own, number in metric.samples(record):
            before = sums.get(own)
            sums[own] = number if before is None else before + number  # type: ignore[operator]  # one metric never mixes Decimal and float
    return sums


def _in_order(texts: Collection[str]) -> Iterator[str]:
    """Sorted in runs that are merged: one large sort would hold the interpreter's lock, and scrapes with it."""
    remaining = iter(texts)
    runs = []
    while run := sorted(islice(remaining, RUN_TEXTS)):
        runs.append(run)
    return merge(*runs)
