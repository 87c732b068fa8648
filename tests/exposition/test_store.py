"""The store: what has been put, as one text and one gzip member in each format."""

from __future__ import annotations

import gzip

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.contract.metric import Declared, Kind
from exporter.exposition.formats import Format
from exporter.exposition.store import CLOCK, SHELF_ORGANIZATIONS, STRETCH_BYTES, Key, Snapshot, Store

GAUGE = Declared("cost", "dollars", "US dollars")
COUNTER = Declared("failures_total", "failures", "failures", kind=Kind.COUNTER)
LARGE = Declared("sessions", "sessions", "sessions")
CHAPTERS = ((GAUGE,), (COUNTER, LARGE))
NAMES = {family.name: family for page in CHAPTERS for family in page}


def pieces(name: str, key: Key, value: int) -> tuple[bytes, ...]:
    line = f'{name}{{organization="{key.organization}",job="{key.job}"}} {value}.0\n'.encode()
    filler = (b"# " + b"x" * STRETCH_BYTES + b"\n",) if value == 3 else ()
    return (line, *filler)


keys = st.one_of(st.builds(Key, st.integers(0, 3 * SHELF_ORGANIZATIONS - 1), st.integers(-1, 2)), st.just(CLOCK))
puts = st.lists(
    st.tuples(keys, st.dictionaries(st.sampled_from(sorted(NAMES)), st.integers(0, 3), max_size=3), st.booleans()),
    max_size=25,
)


def text(snapshot: Snapshot, form: Format) -> bytes:
    plain = b"".join(snapshot.plain[form].chunks)
    assert gzip.decompress(b"".join(snapshot.gzipped[form].chunks)) == plain
    assert snapshot.plain[form].length == len(plain)
    return plain


@given(puts, st.sampled_from([1, SHELF_ORGANIZATIONS, 3 * SHELF_ORGANIZATIONS]))
def test_however_it_came_there_what_is_put_is_exposed_by_family_and_then_by_key(
    puts: list[tuple[Key, dict[str, int], bool]], organizations: int
) -> None:
    store = Store(CHAPTERS, organizations)
    held: dict[Key, dict[str, int]] = {}
    for key, families, folds in puts:
        held[key] = families
        store.put(key, {name: pieces(name, key, value) for name, value in families.items()})
        if folds:
            store.snapshot(is_ready=False)
    snapshot = store.snapshot(is_ready=True)
    for form in Format:
        wanted = b""
        for name, family in NAMES.items():
            lines = [pieces(name, key, held[key][name]) for key in sorted(held) if name in held[key]]
            wanted += form.header(family) if lines else b""
            wanted += b"".join(piece for of_key in lines for piece in of_key)
        assert text(snapshot, form) == wanted + form.end


def test_both_formats_are_what_prometheus_client_reads() -> None:
    store = Store(CHAPTERS)
    key = Key(0, 0)
    store.put(key, {name: pieces(name, key, 1) for name in NAMES})
    snapshot = store.snapshot(is_ready=False)
    read = {
        Format.TEXT: list(parse_text(text(snapshot, Format.TEXT).decode())),
        Format.OPENMETRICS: list(parse_openmetrics(text(snapshot, Format.OPENMETRICS).decode())),  # type: ignore[no-untyped-call]  # prometheus-client has no types here
    }
    for families in read.values():
        assert [(family.name, family.type) for family in families] == [
            ("cost", "gauge"),
            ("failures", "counter"),
            ("sessions", "gauge"),
        ]
        assert [sample.value for family in families for sample in family.samples] == [1, 1, 1]


def test_a_snapshot_goes_on_while_another_one_is_made() -> None:
    store = Store(CHAPTERS)
    key = Key(0, 0)
    store.put(key, {"cost": pieces("cost", key, 1)})
    first = store.snapshot(is_ready=False)
    before = text(first, Format.TEXT)
    store.put(key, {"cost": pieces("cost", key, 2)})
    assert text(store.snapshot(is_ready=True), Format.TEXT) != before
    assert text(first, Format.TEXT) == before
