from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.contract.days import day_label, midnight
from exporter.contract.labels import label_text
from exporter.contract.metric import Declared, Family, Group, Section
from exporter.exposition.formats import Format
from exporter.exposition.text import PIECE_SAMPLES, lines, lines_by_family, number_text, write

# Prometheus takes any valid UTF-8; prometheus-client's parser splits lines at line feeds only.
values = st.text(st.characters(codec="utf-8"), max_size=8)
numbers = st.one_of(
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15),
)
samples = st.dictionaries(st.tuples(values, values), numbers, max_size=20)


def family(samples: dict[tuple[str, str], int | float | Decimal], name: str = "anthropic_x") -> Family:
    sums = {label_text([("a", a), ("b", b)]): number for (a, b), number in samples.items()}
    return Family(Declared(name, "What it is, in its unit", "units"), [Group('days_ago="0"', sums)])


def text(*families: Family) -> str:
    return b"".join(
        part
        for family in families
        if (pieces := tuple(lines(family)))
        for part in (Format.TEXT.header(family.declared), *pieces)
    ).decode()


@given(samples)
def test_any_label_text_and_number_survives_the_round_trip_through_both_parsers(
    samples: dict[tuple[str, str], int | float | Decimal],
) -> None:
    exposed = text(family(samples))
    theirs = parse_openmetrics(exposed + "# EOF\n")  # type: ignore[no-untyped-call]  # prometheus-client has no types here
    for parsed in (parse_text(exposed), theirs):
        found = {(s.labels["a"], s.labels["b"]): s.value for f in parsed for s in f.samples}
        assert found == {labels: float(number) for labels, number in samples.items()}


@given(st.lists(samples, max_size=3))
def test_it_renders_what_prometheus_client_renders(
    many: list[dict[tuple[str, str], int | float | Decimal]],
) -> None:
    many = [samples for samples in many if samples]

    class Same(Collector):
        def collect(self) -> list[GaugeMetricFamily]:
            families = []
            for number, samples in enumerate(many):
                theirs = GaugeMetricFamily(f"m{number}", "What it is, in its unit.", labels=["days_ago", "a", "b"])
                for (a, b), value in samples.items():
                    theirs.add_metric(["0", a, b], float(value))
                families.append(theirs)
            return families

    registry = CollectorRegistry()
    registry.register(Same())
    ours = text(*(family(samples, f"m{number}") for number, samples in enumerate(many)))
    theirs = generate_latest(registry).decode()
    # Theirs sorts labels by name, ours keeps the contract's order.
    assert _parsed(ours) == _parsed(theirs)


def _parsed(exposed: str) -> list[tuple[str, str, str, list[tuple[dict[str, str], float]]]]:
    return [(f.name, f.documentation, f.type, [(s.labels, s.value) for s in f.samples]) for f in parse_text(exposed)]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**15), max_value=10**15))
def test_cents_become_the_nearest_float_of_the_exact_dollars(cents: Decimal) -> None:
    assert float(number_text(cents, 100)) == float(Fraction(cents) / 100)


@given(numbers)
@example(0)
@example(-0.0)
@example(9_999)
@example(10_000)
@example(999_999)
@example(1_000_000)
def test_every_number_is_written_as_prometheus_client_writes_it(number: float | Decimal) -> None:
    assert number_text(number) == floatToGoString(float(number))  # type: ignore[no-untyped-call]  # no types there


def test_numbers_look_as_prometheus_writes_them() -> None:
    assert number_text(0) == "0.0"
    assert number_text(1234567) == "1.234567e+06"
    assert number_text(Decimal("512.0934"), 100) == "5.120934"


def test_a_family_without_samples_is_left_out() -> None:
    assert lines_by_family([Family(Declared("m", "help", "units"), [Group('days_ago="0"', {})])]) == {}


def test_a_sample_without_labels_has_no_braces() -> None:
    declared = Declared("m", "help", "units")
    assert lines_by_family([Family(declared, [Group("", {"": 1})])]) == {"m": (b"m 1.0\n",)}
    assert lines_by_family([Family(declared, [Group('a="b"', {"": 1}, "_sum")])]) == {"m": (b'm_sum{a="b"} 1.0\n',)}


def test_a_large_family_is_written_in_pieces() -> None:
    pieces = list(lines(family({(str(n), ""): n for n in range(PIECE_SAMPLES + 1)})))
    assert [piece.count(b"\n") for piece in pieces] == [PIECE_SAMPLES, 1]


def test_a_help_text_stays_on_its_line() -> None:
    header = Format.TEXT.header(Declared("m", "one\ntwo \\ three", "units"))
    assert header.decode().splitlines()[0] == r"# HELP m one\ntwo \\ three."


# The text of days that go on

TODAY = date(2026, 11, 21)
by_day = st.dictionaries(st.integers(0, 40), samples, max_size=5)


def sections(days: dict[int, dict[tuple[str, str], Any]], today: date, written: list[date]) -> list[Section]:
    """A section for each of the days, which are counted from `TODAY`."""

    def of(day: date, sums: dict[tuple[str, str], Any]) -> Section:
        def families() -> list[Family]:
            written.append(day)
            found = family(sums)
            labels = label_text([("organization", 'days_ago="1",')]) + "," + day_label(day, today)
            return [Family(found.declared, [Group(labels, found.groups[0].sums)])]

        return Section(day, (day, tuple(sums.items())), families)

    return [of(TODAY - timedelta(days=age), sums) for age, sums in days.items()]


@given(by_day, by_day, st.integers(-5, 100))
def test_text_that_is_moved_to_another_day_is_the_text_that_would_be_written_there(
    before: dict[int, dict[tuple[str, str], Any]], after: dict[int, dict[tuple[str, str], Any]], later: int
) -> None:
    today = TODAY + timedelta(days=later)
    old = write(sections(before, TODAY, []), midnight(TODAY))
    written: list[date] = []
    moved = write(sections(after, today, written), midnight(today), old)
    anew = write(sections(after, today, []), midnight(today))
    assert moved.families == anew.families
    assert moved.samples == anew.samples
    same = {age for age in after if age in before and list(before[age].items()) == list(after[age].items())}
    assert set(written) == {TODAY - timedelta(days=age) for age in after.keys() - same}


def test_what_has_no_key_is_always_written_anew() -> None:
    written = []

    def families() -> list[Family]:
        written.append(1)
        return [family({("a", "b"): len(written)})]

    first = write([Section(None, None, families)], midnight(TODAY))
    second = write([Section(None, None, families)], midnight(TODAY), first)
    assert len(written) == 2
    assert first.families != second.families
