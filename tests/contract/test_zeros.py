"""Zeros by pairs, held against the contract's own words (rule 3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from exporter.contract.zeros import Pair, PairedDay, zero_rows

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Row(NamedTuple):
    workspace: str
    model: str
    tier: str
    number: int

    @property
    def pair(self) -> Pair:
        return Pair(self.workspace, self.model)

    @property
    def order(self) -> tuple[str, ...]:
        return self[:3]

    def nothing(self) -> Row:
        return self._replace(number=0)


names = st.sampled_from("abc")
days = st.dictionaries(
    st.integers(0, 30).map(lambda age: TODAY - timedelta(days=age)),
    st.lists(st.builds(Row, names, names, names, st.integers(1, 9)), max_size=5),
    max_size=8,
)


def held(rows: dict[date, list[Row]]) -> dict[date, PairedDay[Row]]:
    return {day: PairedDay.of(of_day, NOW, None) for day, of_day in rows.items()}


@given(days, st.sets(st.integers(0, 30).map(lambda age: TODAY - timedelta(days=age)), max_size=8), st.randoms())
def test_a_pair_with_a_row_at_most_eleven_days_older_or_seven_newer_has_one_zero_row(
    rows: dict[date, list[Row]], reported: set[date], random: object
) -> None:
    zeros = zero_rows(sorted(reported), held(rows))
    assert zeros.keys() == reported
    for day, of_day in zeros.items():
        there = {row.pair for row in rows.get(day, ())}
        nearby: dict[Pair, list[Row]] = {}
        for other, others in rows.items():
            if timedelta(days=-7) <= day - other <= timedelta(days=11):
                for row in others:
                    nearby.setdefault(row.pair, []).append(row)
        wanted = {pair: min(found, key=lambda row: row.order) for pair, found in nearby.items() if pair not in there}
        everything = [row for others in rows.values() for row in others]
        if not there and not wanted and everything:
            wanted = {Pair("", ""): min(everything, key=lambda row: row.order)}
        assert sorted(row.order for row in of_day) == sorted(row.order for row in wanted.values())
        assert not any(row.number for row in of_day)
    shuffled = list(rows.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert zero_rows(sorted(reported), held({day: of_day[::-1] for day, of_day in shuffled})) == zeros


def test_without_any_row_nothing_is_invented() -> None:
    assert zero_rows([TODAY], held({TODAY: []})) == {TODAY: ()}
    assert zero_rows([TODAY], {}) == {TODAY: ()}


def test_a_day_whose_rows_are_equal_is_the_same_day() -> None:
    first = PairedDay.of([Row("a", "b", "c", 1)], NOW, None)
    assert PairedDay.of([Row("a", "b", "c", 1)], NOW + timedelta(hours=1), first) is first
    assert PairedDay.of([Row("a", "b", "c", 2)], NOW + timedelta(hours=1), first).changed_at == NOW + timedelta(hours=1)
