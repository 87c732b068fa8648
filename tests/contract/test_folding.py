"""What is folded of sums that have their label text already, against what is folded of the records."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from exporter.contract.folding import UNFOLDED, Dimension, Folding, with_other_models
from exporter.contract.labels import label_text
from exporter.contract.metric import Metric, Sample
from exporter.contract.sums import families


class Row(NamedTuple):
    terminal: str
    model: str
    kind: str
    number: Decimal


def _samples(row: Row) -> Iterable[Sample]:
    return (((row.model, row.kind), row.number),)


METRIC: Metric[Row] = Metric("m", "help", "unit", ("terminal",), ("model", "kind"), "source", samples=_samples)
# What could be taken for the label itself is among them.
texts = st.one_of(
    st.sampled_from(['R&D "ü"', 'x,model="y"', "model=", "\\", '\\"', "other", "a", 'model=\\"']),
    st.text(st.characters(codec="utf-8"), max_size=5),
)
rows = st.lists(st.builds(Row, texts, texts, texts, st.decimals(-(10**6), 10**6, places=4)), max_size=30)


def text_of(folding: Folding, row: Row) -> str:
    return label_text([("terminal", row.terminal)])


@given(rows, st.frozensets(texts))
def test_sums_by_text_are_folded_like_the_records_that_they_are_of(rows: list[Row], kept: frozenset[str]) -> None:
    folding = Folding()
    folding.kept = {Dimension.MODEL: kept}
    (whole,) = families([METRIC], rows, lambda row: text_of(UNFOLDED, row))
    (expected,) = families([METRIC], rows, lambda row: text_of(UNFOLDED, row), "", folding.fold(text_of))
    sums, folded = with_other_models(whole.groups[0].sums, METRIC, folding)
    assert sums == expected.groups[0].sums
    assert folded == expected.folded
