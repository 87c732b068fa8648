"""Label text: whatever the API calls things, values are bounded and two stay two."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.contract.labels import label_text

BOUND = 1000

characters = st.characters(codec="utf-8")
short = st.text(characters, max_size=40)
# Of one, two, three and four bytes, around the bound and far above it.
filling = st.builds(str.__mul__, st.sampled_from('aé€😀\\"\n'), st.integers(0, 1100) | st.just(100_000))
long = st.builds(lambda start, middle, end: start + middle + end, short, filling, short)
values = short | long
# That differ at their end alone, or go on where another ends.
families = st.builds(
    lambda start, ends: [start + end for end in ends], long, st.lists(st.text(characters, max_size=5), max_size=8)
)


def shown(value: str) -> str:
    """The value as it is scraped, in valid UTF-8."""
    exposed = f"m{{{label_text([('name', value)])}}} 1\n".encode().decode()
    (family,) = text_string_to_metric_families(exposed)
    (sample,) = family.samples
    return sample.labels["name"]


@given(values)
def test_no_value_is_longer_than_the_bound(value: str) -> None:
    assert len(shown(value).encode()) <= BOUND


@given(values)
@example("x" * (BOUND - 1))
@example("x" * BOUND)
@example("€" * 333)
@example("😀" * 249 + "é")
def test_what_is_shorter_than_the_bound_is_as_it_was(value: str) -> None:
    assert (shown(value) == value) == (len(value.encode()) < BOUND)


@given(families)
def test_equal_values_are_equal_and_different_ones_different(many: list[str]) -> None:
    # What a long value becomes may itself be what another is called.
    many = [*many, *map(shown, many)]
    assert len(set(map(shown, many))) == len(set(many))


@given(values)
def test_a_long_value_begins_as_it_did(value: str) -> None:
    whole, _, digest = shown(value).rpartition("-") if len(value.encode()) >= BOUND else (value, "", "")
    assert value.startswith(whole.rstrip("-"))
    assert len(whole.encode()) >= BOUND - 20 or not digest


@given(st.lists(st.tuples(values, values), max_size=3))
def test_each_value_is_bounded_for_itself(pairs: list[tuple[str, str]]) -> None:
    for one, other in pairs:
        both = label_text([("one", one), ("other", other)])
        assert both == ",".join([label_text([("one", one)]), label_text([("other", other)])])


def test_the_text_of_a_long_value_is_the_same_on_every_replica() -> None:
    assert shown("x" * 5000) == "x" * 983 + "-77831c42f099d1a1"
