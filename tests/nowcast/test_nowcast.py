from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from exporter.contract.cost import CostReading
from exporter.contract.nowcast import TOKEN_TYPES, Meter, MeterReading
from exporter.contract.zeros import Pair
from exporter.nowcast.list_prices import ListPrices, family_of, priced
from exporter.nowcast.nowcaster import Nowcaster
from tests.support.bills import (
    HAIKU,
    LISTED,
    NOON,
    OPUS,
    SONNET,
    TODAY,
    bill,
    billed,
    cells,
    cost,
    meter,
    nowcast,
    reading,
    total,
    unmetered,
)

DAYS = range(18)
MILLION = 1e6


def usual(age: int) -> list[Meter]:
    """Two workspaces with two models, and no day as another."""
    rng = random.Random(age)
    return [
        meter(workspace_id, model, round(rng.uniform(1, 5) * MILLION))
        for workspace_id in ("w1", "w2")
        for model in (OPUS, SONNET)
    ]


def listed(row: Meter) -> float:
    return LISTED[row.model, "output"]


def paid(price: dict[str, float], row: Meter) -> float:
    """Of the list price, by model."""
    return listed(row) * price.get(row.model, 1)


def of_w1(factor: float, row: Meter) -> float:
    return listed(row) * (factor if row.workspace_id == "w1" else 1)


def month(price: dict[str, float] | None = None, *, newest: int = 2) -> tuple[MeterReading, CostReading]:
    """Meters of 18 days and their bills from `newest` days ago on, at so much of the list price by model."""
    bills = {age: bill(usual(age), partial(paid, price or {})) for age in DAYS}
    return reading({age: usual(age) for age in DAYS}), cost({age: rows for age, rows in bills.items() if age >= newest})


def expected(age: int, price: dict[str, float]) -> float:
    return sum(row.tokens[-1] * listed(row) * price.get(row.model, 1) / MILLION for row in usual(age))


def test_today_costs_what_the_organization_pays_and_not_what_the_list_says() -> None:
    price = {OPUS: 0.85, SONNET: 0.9}
    found = nowcast(*month(price))
    for age in (0, 1):
        assert total(found, age) == pytest.approx(expected(age, price), rel=1e-9)
        assert all(cell.estimated_usd == cell.usd for cell in cells(found, age).values())
    assert total(found, 3) == pytest.approx(expected(3, price), rel=1e-9)
    assert not any(cell.estimated_usd for age in range(3, 18) for cell in cells(found, age).values())
    assert {of.of: of.ratio for of in found.misses[TODAY - timedelta(days=5)]} == {"metered": 0, "all": 0}


def test_each_workspace_has_its_own_price_where_its_bill_is_large_enough() -> None:
    meters = reading({age: [*usual(age), meter("w3", OPUS, 1_000)] for age in DAYS})
    rows = {age: bill(usual(age), partial(of_w1, 0.5)) for age in DAYS}
    found = nowcast(meters, cost({age: rows[age] for age in range(2, 18)}))
    today = cells(found, 0)
    of = {row.workspace_id: row.tokens[-1] for row in usual(0) if row.model == OPUS}
    assert today[Pair("w1", OPUS)].usd == pytest.approx(of["w1"] * 10 / MILLION)
    assert today[Pair("w2", OPUS)].usd == pytest.approx(of["w2"] * 20 / MILLION)
    assert 10 < today[Pair("w3", OPUS)].usd / 1_000 * MILLION < 20  # that of all workspaces


@pytest.mark.parametrize("factor", [0.8, 0.97, 1.05, 1.5])
@pytest.mark.parametrize("days_ago", [3, 4, 5, 6])
def test_a_new_price_holds_from_its_first_complete_bill_on(factor: float, days_ago: int) -> None:
    def price(age: int) -> dict[str, float]:
        return {OPUS: factor} if age <= days_ago else {}

    bills = {age: bill(usual(age), partial(paid, price(age))) for age in DAYS}
    found = nowcast(reading({age: usual(age) for age in DAYS}), cost({age: bills[age] for age in range(2, 18)}))
    assert total(found, 0) == pytest.approx(expected(0, {OPUS: factor}), rel=1e-9)


def test_another_mix_is_no_new_price() -> None:
    """One workspace pays less than before, as fast traffic that nobody tells apart does at a weekend."""
    bills = {age: bill(usual(age), partial(of_w1, 0.5 if age <= 3 else 1)) for age in DAYS}
    found = nowcast(reading({age: usual(age) for age in DAYS}), cost({age: bills[age] for age in range(2, 18)}))
    w1, w2 = cells(found, 0)[Pair("w1", OPUS)], cells(found, 0)[Pair("w2", OPUS)]
    of = {row.workspace_id: row.tokens[-1] * 20 / MILLION for row in usual(0) if row.model == OPUS}
    assert 0.5 < w1.usd / of["w1"] < 1
    assert w2.usd == pytest.approx(of["w2"])


@pytest.mark.parametrize(
    ("values", "times"),
    [
        ({"service_tier": "batch"}, 0.5),
        ({"service_tier": "flex"}, 0.5),
        ({"inference_geo": "us"}, 1.1),
        ({"speed": "fast"}, 2),
        ({"inference_geo": "us", "speed": "fast"}, 2.2),
    ],
)
def test_what_no_bill_has_yet_costs_its_multiple_of_the_price_that_is_known(
    values: dict[str, str], times: float
) -> None:
    _, bills = month({OPUS: 0.9})
    today = reading({0: [meter("w1", OPUS, MILLION, **values)], **{age: usual(age) for age in range(1, 18)}})
    assert total(nowcast(today, bills), 0) == pytest.approx(20 * 0.9 * times)


def test_a_bill_that_does_not_tell_fast_traffic_apart_prices_it_all_the_same() -> None:
    def both(age: int) -> list[Meter]:
        return [meter("w1", OPUS, (10 + age) * MILLION), meter("w1", OPUS, (age % 5) * MILLION, speed="fast")]

    bills = {
        age: [
            billed("w1", OPUS, sum(row.tokens[-1] * (40 if row.speed == "fast" else 20) for row in both(age)) / MILLION)
        ]
        for age in range(2, 18)
    }
    found = nowcast(
        reading({age: both(age) if age else [meter("w1", OPUS, MILLION, speed="fast")] for age in DAYS}), cost(bills)
    )
    assert total(found, 0) == pytest.approx(40)


def test_priority_is_in_no_bill_and_counted() -> None:
    _, bills = month()
    rows = {age: usual(age) for age in range(1, 18)}
    found = nowcast(reading({0: [meter("w1", OPUS, 7, service_tier="priority")], **rows}), bills)
    assert total(found, 0) == 0
    assert [(row.model, row.token_type, row.service_tier, row.tokens) for row in found.unpriced[TODAY]] == [
        (OPUS, "output", "priority", 7)
    ]


def test_tokens_of_a_tier_that_no_bill_has_are_in_those_of_the_standard_tier() -> None:
    """Half of them are, and the bill is for all of them."""

    def both(age: int) -> list[Meter]:
        return [meter("w1", OPUS, MILLION), meter("w1", OPUS, MILLION, service_tier="tier_of_tomorrow")]

    found = nowcast(
        reading({age: both(age) for age in DAYS}), cost({age: [billed("w1", OPUS, 30)] for age in range(2, 18)})
    )
    assert total(found, 0) == pytest.approx(30)


def test_a_bill_without_places_of_inference_prices_tokens_that_have_them() -> None:
    meters = reading({age: [meter("w1", OPUS, MILLION)] for age in DAYS})
    found = nowcast(meters, cost({age: [billed("w1", OPUS, 12, inference_geo="none")] for age in range(2, 18)}))
    assert total(found, 0) == pytest.approx(12)


def test_a_new_model_costs_its_list_price_times_what_is_paid_of_its_family_s() -> None:
    _, bills = month({OPUS: 0.8})
    rows = {age: usual(age) for age in range(1, 18)}
    found = nowcast(reading({0: [meter("w1", "claude-opus-5-20261120", MILLION)], **rows}), bills)
    assert total(found, 0) == pytest.approx(25 * 0.8)
    found = nowcast(reading({0: [meter("w1", HAIKU, MILLION)], **rows}), bills)
    assert total(found, 0) == pytest.approx(5)


def test_a_model_without_list_price_is_counted_until_its_bill_is_complete() -> None:
    unknown = "claude-next-1"
    _, bills = month()
    rows = {age: usual(age) for age in range(1, 18)}
    found = nowcast(reading({0: [meter("w1", unknown, MILLION)], **rows}), bills)
    assert total(found, 0) == 0
    assert [row.model for row in found.unpriced[TODAY]] == [unknown]
    own = {unknown: priced(1, 3, 0.1)}
    assert total(nowcast(reading({0: [meter("w1", unknown, MILLION)], **rows}), bills, own), 0) == pytest.approx(3)
    learned = {age: [meter("w1", unknown, MILLION)] for age in DAYS}
    found = nowcast(reading(learned), cost({age: [billed("w1", unknown, 4)] for age in range(2, 18)}))
    assert total(found, 0) == pytest.approx(4)
    assert found.unpriced[TODAY] == ()


def test_what_has_no_meter_is_what_is_billed_so_far() -> None:
    meters, _ = month()
    bills = {age: bill(usual(age), listed) for age in range(2, 18)}
    bills[2].append(unmetered("w1", 3.0))
    known = cost({**bills, 1: [unmetered("w1", 2.5), billed("w1", OPUS, 1.0)]})
    found = nowcast(meters, known)
    assert cells(found, 1)[Pair("w1", "none")].usd == 2.5
    assert cells(found, 1)[Pair("w1", "none")].estimated_usd == 0
    # The part that is billed is not counted again.
    (opus,) = (row.tokens[-1] * 20 / MILLION for row in usual(1) if (row.workspace_id, row.model) == ("w1", OPUS))
    cell = cells(found, 1)[Pair("w1", OPUS)]
    assert (cell.usd, cell.estimated_usd) == pytest.approx((opus, opus - 1))


def test_searches_are_metered() -> None:
    searching = [meter("w1", OPUS, MILLION, web_searches=500)]
    bills = {age: [billed("w1", OPUS, 20), billed("w1", "none", 4, cost_type="web_search")] for age in range(2, 18)}
    found = nowcast(reading(dict.fromkeys(DAYS, searching)), cost(bills))
    assert cells(found, 0)[Pair("w1", "none")].usd == pytest.approx(4)


def test_a_bill_that_is_nearly_there_is_the_bill() -> None:
    meters, bills = month(newest=1)
    held = bills.days[TODAY - timedelta(days=1)]
    for share, is_estimated in ((0.96, True), (0.98, False)):
        rows = [billed(row.workspace_id or "", row.model, float(row.cents) / 100 * share) for row in held.rows]
        partial = cost({1: rows, **{age: bill(usual(age), listed) for age in range(2, 18)}})
        found = cells(nowcast(meters, partial), 1).values()
        assert all((cell.estimated_usd > 0) is is_estimated for cell in found)
        if not is_estimated:
            assert sum(cell.usd for cell in found) == pytest.approx(
                sum(float(row.cents) for row in held.rows) * share / 100
            )


@pytest.mark.parametrize(
    ("newest_row", "hour", "is_complete"),
    [(2, 0, False), (1, 0, True), (2, 23, False)],
)
def test_a_day_is_complete_once_a_later_one_has_a_row(newest_row: int, hour: int, is_complete: bool) -> None:
    now = datetime(2026, 11, 20, hour, tzinfo=UTC)
    bills = cost({age: bill(usual(age), listed) for age in range(newest_row, 18)}, now)
    assert bills.is_complete(TODAY - timedelta(days=2)) is is_complete
    assert bills.is_complete(TODAY - timedelta(days=3))
    assert not bills.is_complete(TODAY - timedelta(days=newest_row))


def test_or_72_hours_after_its_end() -> None:
    rows = {age: bill(usual(age), listed) for age in range(5, 18)}
    five_days_ago = TODAY - timedelta(days=5)
    end = datetime(2026, 11, 16, tzinfo=UTC)
    assert not cost(rows, end + timedelta(hours=71)).is_complete(five_days_ago)
    assert cost(rows, end + timedelta(hours=72)).is_complete(five_days_ago)


def test_a_day_is_judged_by_what_was_known_at_its_end() -> None:
    """A price that fell by a fifth six days ago was known from the bill two days later on."""

    def price(age: int) -> dict[str, float]:
        return {OPUS: 0.8, SONNET: 0.8} if age <= 6 else {}

    bills = {age: bill(usual(age), partial(paid, price(age))) for age in DAYS}
    bills[4].append(unmetered("w1", 50))
    found = nowcast(reading({age: usual(age) for age in DAYS}), cost({age: bills[age] for age in range(2, 18)}))
    ratios = {age: {miss.of: miss.ratio for miss in found.misses[TODAY - timedelta(days=age)]} for age in range(3, 10)}
    assert {age: ratio["metered"] for age, ratio in ratios.items()} == pytest.approx(
        {9: 0, 8: 0, 7: 0, 6: 0.25, 5: 0.25, 4: 0, 3: 0}
    )
    of_tokens = expected(4, price(4))
    assert ratios[4]["all"] == pytest.approx(of_tokens / (of_tokens + 50) - 1)


def test_the_order_of_rows_changes_nothing() -> None:
    def shuffled(seed: int) -> tuple[MeterReading, CostReading]:
        rng = random.Random(seed)
        rows, bills = {}, {}
        for age in DAYS:
            rows[age] = [
                *usual(age),
                *(
                    meter(f"w{n}", f"claude-x-{n % 3}", n * 1e5 / 3, speed="fast" if n % 2 else "standard")
                    for n in range(9)
                ),
            ]
            bills[age] = [*bill(usual(age), listed), *(billed(f"w{n}", f"claude-x-{n % 3}", n / 7) for n in range(9))]
            rng.shuffle(rows[age])
            rng.shuffle(bills[age])
        return reading(rows), cost({age: bills[age] for age in range(2, 18)})

    one, other = nowcast(*shuffled(1)), nowcast(*shuffled(2))
    assert [list(held.rows) for held in one.days.values()] == [list(held.rows) for held in other.days.values()]
    assert (one.month, one.prices, one.unpriced, one.misses) == (
        other.month,
        other.prices,
        other.unpriced,
        other.misses,
    )


def test_it_is_told_when_a_price_moves_today() -> None:
    meters, bills = month()
    nowcaster = Nowcaster(ListPrices(), lambda: NOON)
    assert nowcaster.nowcast(meters, bills, TODAY).price_changed_at is None
    _, slightly = month({OPUS: 1.001})
    assert nowcaster.nowcast(meters, slightly, TODAY).price_changed_at is None
    _, much = month({OPUS: 1.3})
    assert nowcaster.nowcast(meters, much, TODAY).price_changed_at == NOON
    # And at midnight nothing moves.
    assert nowcaster.nowcast(meters, much, TODAY + timedelta(days=1)).price_changed_at == NOON


def test_prices_are_shown_as_learned_beside_the_list() -> None:
    found = nowcast(*month({OPUS: 0.85}))
    shown = {(row.model, row.basis): row.usd for row in found.prices}
    assert shown == pytest.approx(
        {(OPUS, "billed"): 17, (OPUS, "list"): 20, (SONNET, "billed"): 10, (SONNET, "list"): 10}
    )


def test_a_model_s_date_changes_no_price_and_its_number_does() -> None:
    prices = ListPrices()
    assert prices.of("claude-haiku-4-5-20251001") == prices.of(HAIKU)
    assert prices.of("claude-opus-5-20260701") == prices.of("claude-opus-5")
    assert prices.of("claude-opus-5-9") is None
    assert family_of("claude-3-5-haiku-20241022") == family_of(HAIKU) == "haiku"
    assert all(price.origin for name in (OPUS, SONNET) if (price := prices.of(name)))
    assert len(TOKEN_TYPES) == 5
