from __future__ import annotations

import gzip
import math
import zlib
from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from exporter.exposition import PIECE_SAMPLES, Part, gzipped, number_text, plain, render
from exporter.metrics import Family, label_text

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
    return Family(name, "What it is, in its unit.", [('days_ago="0"', sums)])


def text(*families: Family) -> str:
    return b"".join(render(families)).decode()


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
    assert text(Family("m", "help", [('days_ago="0"', {})])) == ""


def test_a_large_family_is_rendered_in_pieces_with_one_header() -> None:
    large = family({(str(n), ""): n for n in range(PIECE_SAMPLES + 1)})
    pieces = list(render([large]))
    assert max(piece.count(b"\n") for piece in pieces) == PIECE_SAMPLES
    assert b"".join(pieces).count(b"# TYPE") == 1


@given(st.lists(st.lists(st.binary(max_size=2000), max_size=3), max_size=4), st.binary(max_size=300))
def test_parts_make_one_gzip_member_with_the_plain_bytes(texts: list[list[bytes]], end: bytes) -> None:
    parts = [Part.of(pieces) for pieces in texts]
    identity = plain(parts, end)
    body = gzipped(parts, end)
    compressed = b"".join(body.chunks)
    member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    assert member.decompress(compressed) == b"".join(identity.chunks)
    assert member.eof
    assert not member.unused_data
    assert gzip.decompress(compressed) == b"".join(piece for pieces in texts for piece in pieces) + end
    assert body.length == len(compressed)


def test_a_help_text_stays_on_its_line() -> None:
    exposed = text(Family("m", "one\ntwo \\ three", [("", {'a="b"': math.pi})]))
    assert exposed.splitlines()[0] == r"# HELP m one\ntwo \\ three"
