from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.demo.simulation.contract import CUT, CUT_FAMILY, CUT_SINCE, FAMILIES, Contract
from exporter.demo.simulation.cost import cost_of_usage
from exporter.demo.simulation.organization import SimulatedOrganization, midnight
from exporter.demo.simulation.prices import TOKEN_TYPES, Terms, cents_per_token
from exporter.demo.simulation.rhythm import is_weekend
from exporter.demo.simulation.unseen import Unseen
from exporter.demo.simulation.usage import UsageRow

DAY = timedelta(days=1)
FRIDAY = date(2026, 11, 20)
LATER = midnight(FRIDAY) + 30 * DAY
DIMENSIONS = UsageRow.__struct_fields__[:9]


def usage_by_dimensions(rows: list[UsageRow]) -> Counter[tuple[object, ...]]:
    sums: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        key = tuple(getattr(row, name) for name in DIMENSIONS)
        for position, number in enumerate(row.numbers):
            sums[*key, position] += number
    return sums


def usd(organization: SimulatedOrganization, day: date, at: datetime) -> Decimal:
    return sum((row.amount for row in organization.cost_rows(day, at)), Decimal()) / 100


def coming(organization: SimulatedOrganization, day: date, at: datetime) -> Decimal:
    return sum((row.amount for row in organization.final_cost_rows(day, at)), Decimal()) / 100


def test_the_same_seed_gives_the_same_organization() -> None:
    one, other = SimulatedOrganization(seed=7), SimulatedOrganization(seed=7)
    assert one.usage_rows(FRIDAY, LATER) == other.usage_rows(FRIDAY, LATER)
    assert one.cost_rows(FRIDAY, LATER) == other.cost_rows(FRIDAY, LATER)
    assert one.claude_code_rows(FRIDAY, LATER) == other.claude_code_rows(FRIDAY, LATER)
    assert (one.me, one.workspaces) == (other.me, other.workspaces)
    assert one.api_keys(LATER) == other.api_keys(LATER)
    assert (one.users, one.service_accounts) == (other.users, other.service_accounts)


@pytest.mark.parametrize("day", [date(2026, 1, 5), FRIDAY, date(2027, 2, 1), date(2030, 1, 1)])
def test_a_key_always_expires_within_two_weeks_and_what_has_expired_says_so(
    organization: SimulatedOrganization, day: date
) -> None:
    at = midnight(day)
    keys = organization.api_keys(at)
    assert len({key.id for key in keys}) == len(keys)
    dated = [(key.status, key.expires_at) for key in keys if key.expires_at]
    assert any(status == "active" and at < end <= at + 14 * DAY for status, end in dated)
    assert all((status == "expired") == (end <= at) for status, end in dated)


def test_a_rotated_key_gives_way_to_another_one(organization: SimulatedOrganization) -> None:
    (first,) = organization.api_keys(LATER)[-1:]
    assert first.expires_at
    last_moment = first.expires_at - timedelta(seconds=1)
    assert organization.api_keys(last_moment)[-1] == first
    assert organization.api_keys(first.expires_at)[-1].id != first.id


def test_another_seed_gives_another_organization(organization: SimulatedOrganization) -> None:
    other = SimulatedOrganization(seed=2)
    assert other.me.id != organization.me.id
    assert other.usage_rows(FRIDAY, LATER) != organization.usage_rows(FRIDAY, LATER)


def test_days_before_the_founding_are_empty(organization: SimulatedOrganization) -> None:
    day = date(2026, 1, 4)
    assert organization.usage_rows(day, LATER) == []
    assert organization.cost_rows(day, LATER) == []
    assert organization.claude_code_rows(day, LATER) == []
    assert organization.usage_rows(day + DAY, LATER)


def test_the_current_day_only_grows(organization: SimulatedOrganization) -> None:
    start = midnight(FRIDAY)
    usage: Counter[tuple[object, ...]] = Counter()
    to_come = Decimal(0)
    sessions = 0
    for hour in range(25):
        at = start + timedelta(hours=hour)
        seen = usage_by_dimensions(organization.usage_rows(FRIDAY, at))
        assert usage <= seen
        assert to_come <= coming(organization, FRIDAY, at)
        assert usd(organization, FRIDAY, at) == 0
        records = organization.claude_code_rows(FRIDAY, at)
        assert sessions <= sum(record.core_metrics.num_sessions for record in records)
        usage, to_come = seen, coming(organization, FRIDAY, at)
        sessions = sum(record.core_metrics.num_sessions for record in records)
    assert usage == usage_by_dimensions(organization.usage_rows(FRIDAY, LATER))
    assert to_come == usd(organization, FRIDAY, LATER)
    assert sessions > 0


def test_every_number_of_claude_code_only_grows(organization: SimulatedOrganization) -> None:
    def numbers(at: datetime) -> Counter[tuple[object, ...]]:
        found: Counter[tuple[object, ...]] = Counter()
        for record in organization.claude_code_rows(FRIDAY, at):
            key = (record.actor, record.terminal_type, record.is_remote)
            found[*key, "added"] += record.core_metrics.lines_of_code.added
            for tool, action in record.tool_actions.items():
                found[*key, tool] += action.accepted
            for use in record.model_breakdown:
                found[*key, use.model] += use.tokens.output
                found[*key, use.model, "cents"] += round(100 * use.estimated_cost.amount)
        return found

    seen = [numbers(midnight(FRIDAY) + timedelta(hours=hour)) for hour in range(0, 25, 3)]
    assert all(before <= after for before, after in pairwise(seen))


def test_without_growth_a_day_is_whole_from_its_start() -> None:
    still, growing = SimulatedOrganization(growth=False), SimulatedOrganization()
    first, last = midnight(FRIDAY), midnight(FRIDAY) + DAY - timedelta(seconds=1)
    assert still.usage_rows(FRIDAY, first) == still.usage_rows(FRIDAY, last) == growing.usage_rows(FRIDAY, LATER)
    assert still.cost_rows(FRIDAY, first) == still.cost_rows(FRIDAY, last) == growing.cost_rows(FRIDAY, LATER)
    assert still.claude_code_rows(FRIDAY, first) == growing.claude_code_rows(FRIDAY, LATER)
    assert still.usage_rows(FRIDAY + DAY, last) == []


@settings(max_examples=15, deadline=None)
@given(cuts=st.sets(st.integers(1, 86_399), max_size=8))
def test_adjoining_intervals_add_up_to_their_day(cuts: set[int]) -> None:
    organization = SimulatedOrganization(actors=0, workspaces=1)
    start = midnight(FRIDAY)
    edges = [start, *(start + timedelta(seconds=cut) for cut in sorted(cuts)), start + DAY]
    parts: Counter[tuple[object, ...]] = Counter()
    for since, until in pairwise(edges):
        parts += usage_by_dimensions(organization.usage_between(since, until, LATER))
    assert parts == +usage_by_dimensions(organization.usage_rows(FRIDAY, LATER))


def listed(organization: SimulatedOrganization, day: date) -> dict[tuple[object, ...], Decimal]:
    """Cents by the price list, by what a bill's row for tokens and its usage have in common."""
    cents: defaultdict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for row in organization.usage_rows(day, LATER):
        terms = Terms(row.service_tier, row.inference_geo, row.speed)
        for token_type, tokens in row.tokens.items():
            if tokens and row.service_tier != "priority":
                key = (row.workspace_id, row.model, row.service_tier, row.inference_geo, row.context_window, token_type)
                cents[*key, row.speed == "fast"] += tokens * cents_per_token(row.model, token_type, day, terms)
    return cents


def billed(organization: SimulatedOrganization, day: date) -> dict[tuple[object, ...], Decimal]:
    cents: defaultdict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for row, amount in organization.final_cost_rows(day, LATER):
        if row.cost_type == "tokens":
            key = (row.workspace_id, row.model, row.service_tier, row.inference_geo, row.context_window, row.token_type)
            cents[*key, "(Fast Mode)" in row.description] += amount
    return cents


@pytest.mark.parametrize("seed", [1, 2])
def test_a_bill_s_row_is_its_usage_at_what_is_paid_of_the_list_price(seed: int) -> None:
    organization, contract = SimulatedOrganization(seed=seed, actors=0), Contract(seed)
    for day in (CUT_SINCE - DAY, CUT_SINCE, FRIDAY):
        list_value, cents = listed(organization, day), billed(organization, day)
        assert list_value.keys() == cents.keys()
        for key, amount in cents.items():
            # At most 3.2 percent are blocked, 3 revised.
            paid = amount / list_value[key] / contract.paid(str(key[1]), day)
            most = Decimal("1.03") if key[1] != "claude-haiku-5-5" else Decimal("1.03") * 5
            assert Decimal("0.93") < paid < most, key


def test_cost_is_that_of_usage_without_priority_tier_and_searches_cost_a_cent(
    organization: SimulatedOrganization,
) -> None:
    usage = organization.usage_rows(FRIDAY, LATER)
    rows = organization.cost_rows(FRIDAY, LATER)
    assert any(row.service_tier == "priority" for row in usage)
    assert {row.key.service_tier for row in rows} == {"standard", "batch", None}
    searches = sum(row.web_search_requests for row in usage)
    found = sum(row.amount for row in rows if row.key.cost_type == "web_search")
    assert searches > 0
    assert found == pytest.approx(searches, rel=Decimal("0.03"))


def test_list_prices_are_those_of_the_price_list_and_the_contract_takes_its_part() -> None:
    row = UsageRow(
        None, None, None, None, "claude-opus-5-5", "0-200k", "batch", "us", "standard", 1_000_000, 0, 0, 0, 0, 3
    )
    contract = Contract(1)
    paid = contract.paid("claude-opus-5-5", FRIDAY)
    found = cost_of_usage(FRIDAY, [(row, Unseen(Decimal("0.75"), Decimal("0.5")))], contract)
    costs = {row.key.description: row.amount for row in found}
    expected = 220 * paid * Decimal("0.75")
    assert costs == {"Claude Opus 5.5 Usage - Input Tokens": expected, "Web Search Usage": Decimal(3)}


def test_discounts_are_by_family_and_opus_became_a_fifth_cheaper_on_one_day() -> None:
    paid = [Contract(seed).paid(f"claude-{family}-5", CUT_SINCE - DAY) for seed in range(50) for family in FAMILIES]
    assert (min(paid), max(paid)) == (Decimal("0.85"), Decimal(1))
    for family in FAMILIES:
        before, after = (Contract(1).paid(f"claude-{family}-5", day) for day in (CUT_SINCE - DAY, CUT_SINCE))
        assert after == before * (CUT if family == CUT_FAMILY else 1)
        assert after == Contract(1).paid(f"claude-{family}-5-5", FRIDAY)


def test_long_requests_cost_five_times_as_much_and_their_share_differs_from_day_to_day() -> None:
    long = Unseen(Decimal("0.5"), Decimal(1))
    assert (long.weight("claude-haiku-5-5"), long.weight("claude-haiku-4-5")) == (Decimal("2.5"), Decimal("0.5"))
    organization = SimulatedOrganization(actors=0)
    ratios = []
    for day in (FRIDAY - n * DAY for n in range(28)):
        value, cents = listed(organization, day), billed(organization, day)
        of_haiku = [key for key in cents if key[1] == "claude-haiku-5-5"]
        paid, list_value = (sum((of[key] for key in of_haiku), Decimal()) for of in (cents, value))
        ratios.append(paid / list_value)
    assert Decimal("0.03") < (max(ratios) - min(ratios)) / median(ratios) < Decimal("0.5")


def test_four_tenths_of_a_percent_of_all_tokens_are_blocked_half_of_them_in_bursts() -> None:
    organization, contract = SimulatedOrganization(actors=0), Contract(1)
    blocked = []
    for day in (FRIDAY - n * DAY for n in range(90)):
        value, cents = listed(organization, day), billed(organization, day)
        paid = {key: value[key] * contract.paid(str(key[1]), day) for key in cents if key[-2] == TOKEN_TYPES[1]}
        blocked += [1 - cents[key] / of_list for key, of_list in paid.items() if key[1] != "claude-haiku-5-5"]
    assert Decimal("0.003") < sum(blocked) / len(blocked) < Decimal("0.005")
    assert median(blocked) == pytest.approx(Decimal("0.002"), abs=Decimal("0.0005"))
    assert Decimal("0.03") < max(blocked) < Decimal("0.064")


def test_cost_keys_are_unique_and_every_cost_type_occurs(organization: SimulatedOrganization) -> None:
    keys = [row.key for row in organization.cost_rows(FRIDAY, LATER)]
    assert len(keys) == len(set(keys))
    assert {key.cost_type for key in keys} == {"tokens", "web_search", "code_execution", "session_usage"}


def test_traffic_is_of_many_kinds(organization: SimulatedOrganization) -> None:
    rows = organization.usage_rows(FRIDAY, LATER)
    values = {name: {getattr(row, name) for row in rows} for name in DIMENSIONS}
    assert values["service_tier"] == {"standard", "batch", "priority"}
    assert values["context_window"] == {"0-200k", "200k-1M"}
    assert values["inference_geo"] == {"global", "us", "not_available"}
    assert values["speed"] == {"standard", "fast"}
    assert all(None in values[name] for name in ("api_key_id", "account_id", "workspace_id"))
    assert len(values["model"]) >= 5


def test_older_models_report_no_inference_geo(organization: SimulatedOrganization) -> None:
    for row in organization.usage_rows(FRIDAY, LATER):
        assert (row.inference_geo == "not_available") == ("-4-5" in row.model)


def test_a_small_workspace_rests_at_weekends(organization: SimulatedOrganization) -> None:
    workdays = {row.workspace_id for row in organization.usage_rows(FRIDAY, LATER)}
    saturday = {row.workspace_id for row in organization.usage_rows(FRIDAY + DAY, LATER)}
    assert saturday < workdays


def test_an_archived_workspace_is_silent_from_then_on(organization: SimulatedOrganization) -> None:
    (archived,) = (workspace for workspace in organization.workspaces if workspace.archived_at)
    july, october = date(2026, 7, 15), date(2026, 10, 15)
    assert archived.id in {row.workspace_id for row in organization.usage_rows(july, LATER)}
    assert archived.id not in {row.workspace_id for row in organization.usage_rows(october, LATER)}
    assert archived.id not in {row.key.workspace_id for row in organization.cost_rows(october, LATER)}


def test_every_workday_costs_a_few_hundred_to_two_thousand_dollars(organization: SimulatedOrganization) -> None:
    days = [FRIDAY - n * DAY for n in range(300)]
    assert all(200 < usd(organization, day, LATER) < 2000 for day in days if day.weekday() < 5)


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("today", [date(2026, 3, 3), date(2026, 8, 16), FRIDAY, date(2027, 2, 1)])
def test_an_ordinary_organization_stays_calm(seed: int, today: date) -> None:
    organization = SimulatedOrganization(seed=seed, actors=0)
    at = midnight(today) + timedelta(hours=20)
    costs = {today - n * DAY: usd(organization, today - n * DAY, at) for n in range(21)}
    usual = median(cost for day, cost in costs.items() if not is_weekend(day))
    assert max(costs[today - n * DAY] for n in range(10)) < usual * Decimal("1.4")


@pytest.mark.parametrize("workspaces", [1, 6, 20])
@pytest.mark.parametrize("today", [date(2026, 11, day) for day in range(16, 24)])
def test_a_spike_is_clear_on_the_newest_complete_day_and_today(workspaces: int, today: date) -> None:
    organization = SimulatedOrganization(actors=0, workspaces=workspaces, spike=True, growth=False)
    at = midnight(today) + timedelta(hours=2)
    usual = median(usd(organization, today - n * DAY, at) for n in range(2, 16))
    assert usd(organization, today, at) > usual * Decimal("2.5")
    assert usd(organization, today - DAY, at) > usual * Decimal("2.5")
    assert usd(organization, today - 2 * DAY, at) < usual * Decimal("1.4")


def test_a_spike_is_the_work_of_one_workspace() -> None:
    at = midnight(FRIDAY) + timedelta(hours=2)
    calm = usage_by_dimensions(SimulatedOrganization(actors=0).usage_rows(FRIDAY - DAY, at))
    spiking = usage_by_dimensions(SimulatedOrganization(actors=0, spike=True).usage_rows(FRIDAY - DAY, at))
    workspace = DIMENSIONS.index("workspace_id")
    assert len({key[workspace] for key in calm if spiking[key] != calm[key]}) == 1


def test_claude_code_records_are_unique_and_of_many_kinds(organization: SimulatedOrganization) -> None:
    records = organization.claude_code_rows(FRIDAY, LATER)
    keys = [(r.actor, r.terminal_type, r.customer_type, r.subscription_type, r.is_remote) for r in records]
    assert len(keys) == len(set(keys))
    assert {record.customer_type for record in records} == {"api", "subscription"}
    assert {record.subscription_type for record in records} == {None, "team", "enterprise"}
    assert {record.is_remote for record in records} == {True, False}
    assert {type(record.actor).__name__ for record in records} == {"UserActor", "ApiActor"}
    amounts = [use.estimated_cost.amount for record in records for use in record.model_breakdown]
    assert {type(amount) for amount in amounts} == {int, float}


def test_people_work_less_at_weekends(organization: SimulatedOrganization) -> None:
    friday, saturday = (organization.claude_code_rows(day, LATER) for day in (FRIDAY, FRIDAY + DAY))
    assert 0 < len(saturday) < len(friday) / 2


def test_an_organization_may_have_no_actors_and_one_workspace() -> None:
    organization = SimulatedOrganization(actors=0, workspaces=1)
    assert organization.claude_code_rows(FRIDAY, LATER) == []
    assert organization.usage_rows(FRIDAY, LATER)
    with pytest.raises(ValueError, match="at least 0 actors and 1 workspace"):
        SimulatedOrganization(workspaces=0)


def test_ten_thousand_actors_make_twenty_thousand_records() -> None:
    organization = SimulatedOrganization(actors=10_000)
    records = organization.claude_code_rows(FRIDAY, datetime(2026, 11, 20, 22, tzinfo=UTC))
    assert len(records) >= 18_000
    assert len({record.actor for record in organization.claude_code_rows(FRIDAY, LATER)}) > 9_000
