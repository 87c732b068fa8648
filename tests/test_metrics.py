from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics import Metric, Totals, add_up, day_families, grouped, label_text

TODAY = date(2026, 11, 21)


class Row(NamedTuple):
    actor: str
    kind: str
    number: Decimal


METRIC: Metric[Row] = Metric("m", "help", "source", lambda row: [((row.kind,), row.number)], labels=("kind",))

values = st.text(st.characters(codec="utf-8"), max_size=4)
cents = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6)
rows = st.lists(st.builds(Row, values, values, cents), max_size=40)


def text_of(row: Row) -> str:
    return label_text([("actor", row.actor)])


def totals(rows: list[Row]) -> dict[tuple[str, str], Decimal]:
    expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        expected[row.actor, row.kind] += row.number
    return dict(expected)


@given(rows, st.randoms())
def test_sums_do_not_depend_on_the_order_of_the_rows_and_lose_nothing(rows: list[Row], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    sums = add_up(METRIC, grouped(rows, text_of))
    assert list(sums.items()) == list(add_up(METRIC, grouped(shuffled, text_of)).items())
    assert sums == {label_text([("actor", a), ("kind", k)]): n for (a, k), n in totals(rows).items()}


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, max_value=10**60, min_value=-(10**60)), max_size=20))
def test_money_is_added_exactly_whatever_its_digits(amounts: list[Decimal]) -> None:
    sums = add_up(METRIC, grouped([Row("a", "k", amount) for amount in (Decimal(0), *amounts)], text_of))
    assert [Fraction(total) for total in sums.values()] == [sum(map(Fraction, amounts), Fraction(0))]


@given(st.lists(rows, max_size=5))
def test_totals_of_parts_are_the_sums_of_the_whole(parts: list[list[Row]]) -> None:
    totals_of_parts = Totals([METRIC], text_of)
    for part in parts:
        totals_of_parts.add(part)
    whole = add_up(METRIC, grouped([row for part in parts for row in part], text_of))
    assert list(totals_of_parts.by_name()["m"].items()) == list(whole.items())


@given(st.dictionaries(st.integers(0, 9).map(lambda age: TODAY - timedelta(days=age)), rows, max_size=4))
def test_zero_fill_gives_every_day_the_label_sets_of_all_days_and_changes_no_sum(days: dict[date, list[Row]]) -> None:
    (filled,) = day_families([METRIC], days, text_of, today=TODAY, zero_fill=True)
    (bare,) = day_families([METRIC], days, text_of, today=TODAY, zero_fill=False)
    assert len({tuple(sums) for _, sums in filled.groups}) <= 1
    for (prefix, full), (same_prefix, seen) in zip(filled.groups, bare.groups, strict=True):
        assert prefix == same_prefix
        assert seen.items() <= full.items()
        assert not any(full[text] for text in full.keys() - seen.keys())


def test_a_day_without_rows_has_samples_only_with_zero_fill() -> None:
    days = {TODAY: [], TODAY - timedelta(days=1): [Row("a", "k", Decimal(5))]}
    (filled,) = day_families([METRIC], days, text_of, today=TODAY, prefix='organization="o"', zero_fill=True)
    (bare,) = day_families([METRIC], days, text_of, today=TODAY, zero_fill=False)
    assert [len(sums) for _, sums in bare.groups] == [0, 1]
    assert list(filled.groups) == [
        ('organization="o",days_ago="0"', {'actor="a",kind="k"': 0}),
        ('organization="o",days_ago="1"', {'actor="a",kind="k"': 5}),
    ]
