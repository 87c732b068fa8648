from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from exporter.contract.labels import label_text
from exporter.contract.metric import Family, Group, Metric
from exporter.contract.sums import Fold, Totals, add_up, families, grouped


class Row(NamedTuple):
    actor: str
    kind: str
    number: Decimal


METRIC: Metric[Row] = Metric(
    "m", "help", "unit", ("actor",), ("kind",), "source", samples=lambda row: [((row.kind,), row.number)]
)

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


@given(rows, st.frozensets(values), st.frozensets(values))
def test_what_is_folded_keeps_its_sums_and_is_counted(
    rows: list[Row], actors: frozenset[str], kinds: frozenset[str]
) -> None:
    def folded_text(row: Row) -> str:
        return label_text([("actor", row.actor if row.actor in actors else "other")])

    def folded_own(_: object, own: tuple[str, ...]) -> tuple[str, ...]:
        return own if own[0] in kinds else ("other",)

    (whole,) = families([METRIC], rows, text_of, "")
    (folded,) = families([METRIC], rows, text_of, "", Fold(folded_text, folded_own))
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for (actor, kind), number in totals(rows).items():
        own = (actor if actor in actors else "other", kind if kind in kinds else "other")
        expected[label_text(zip(("actor", "kind"), own, strict=True))] += number
    (group,) = folded.groups
    assert group.sums == expected
    moved = [pair for pair in totals(rows) if pair[0] not in actors | {"other"} or pair[1] not in kinds | {"other"}]
    assert folded.folded == len(moved)
    assert whole.folded == 0


def test_a_family_has_the_label_text_that_all_of_it_shares_once() -> None:
    row = Row("a", "k", Decimal(5))
    (family,) = families([METRIC], [row], text_of, 'organization="o",days_ago="1"')
    assert family == Family(METRIC, [Group('organization="o",days_ago="1"', {'actor="a",kind="k"': Decimal(5)})])
