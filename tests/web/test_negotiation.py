from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.formats import Format
from exporter.web.negotiation import accepts_gzip, choose_format

PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
# What Prometheus sends, by its version and settings.
PROMETHEUS = {
    "2.30": (
        "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        Format.TEXT,
    ),
    "2.42": (
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ),
        Format.OPENMETRICS,
    ),
    "2.42 with native histograms": (
        (
            f"{PROTOBUF},application/openmetrics-text;version=1.0.0;q=0.8,"
            "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ),
        Format.OPENMETRICS,
    ),
    "3.3": (
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,*/*;q=0.2"
        ),
        Format.OPENMETRICS,
    ),
    "3.11": (
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        ),
        Format.OPENMETRICS,
    ),
    "3.11 with native histograms": (
        (
            f"{PROTOBUF};q=0.7,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        ),
        Format.OPENMETRICS,
    ),
    "3.11 with text first": (
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,"
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.3"
        ),
        Format.TEXT,
    ),
    "3.11 with text only": ("text/plain;version=0.0.4;q=0.6,*/*;q=0.5", Format.TEXT),
}


@pytest.mark.parametrize(("accept", "form"), PROMETHEUS.values(), ids=PROMETHEUS)
def test_prometheus_gets_what_it_likes_best(accept: str, form: Format) -> None:
    assert choose_format(accept) is form


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/*",
        "text/plain",
        "text/plain; version=0.0.4; charset=utf-8",
        "application/json",
        PROTOBUF,
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;q=0",
    ],
)
def test_the_text_format_is_what_others_get(accept: str) -> None:
    assert choose_format(accept) is Format.TEXT


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text",
        "application/openmetrics-text; version=1.0.0",
        'application/openmetrics-text ; charset=utf-8 ; version="1.0.0" ; q=0.1',
        "APPLICATION/OpenMetrics-Text;Version=1.0.0;Q=0.5",
        "application/*",
        "text/plain;q=0.5,application/openmetrics-text",
        "text/plain;q=0,*/*",
    ],
)
def test_openmetrics_is_for_those_who_ask_for_it(accept: str) -> None:
    assert choose_format(accept) is Format.OPENMETRICS


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        # The exact version goes before the type, that before `text/*`, and that before `*/*`, whatever their q-values.
        ("text/plain;version=0.0.4;q=0.1,text/plain;q=0.9,application/openmetrics-text;q=0.5", Format.OPENMETRICS),
        ("text/plain;q=0.1,text/*;q=0.9,application/openmetrics-text;q=0.5", Format.OPENMETRICS),
        ("text/*;q=0.1,*/*;q=0.5", Format.OPENMETRICS),
        ("application/*;q=0.1,*/*;q=0.5", Format.TEXT),
        ("application/openmetrics-text;q=0,*/*;q=0.5", Format.TEXT),
    ],
)
def test_the_most_specific_range_decides(accept: str, form: Format) -> None:
    assert choose_format(accept) is form


def test_the_text_format_wins_a_tie() -> None:
    assert choose_format("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.5") is Format.TEXT


@pytest.mark.parametrize("quality", ["", "high", "-1", "1.1", "nan", "inf", "1e999"])
def test_a_nonsense_q_value_is_no_welcome(quality: str) -> None:
    assert choose_format(f"application/openmetrics-text;q={quality},text/plain;q=0.1") is Format.TEXT
    assert not accepts_gzip(f"gzip;q={quality}")


@pytest.mark.parametrize(
    "accept_encoding",
    [
        "gzip",
        "GZIP",
        "x-gzip",
        "*",
        "gzip, deflate, br, zstd",
        "deflate, gzip;q=0.5",
        "gzip;q=0.001",
        "br, *;q=0.1",
        "gzip, identity",
        "identity;q=0.5, gzip;q=1.0",
        "identity;q=0, gzip",
        " gzip ; q=1 ",
    ],
)
def test_gzip_is_for_those_who_take_it(accept_encoding: str) -> None:
    assert accepts_gzip(accept_encoding)


@pytest.mark.parametrize(
    "accept_encoding",
    [
        "",
        "identity",
        "deflate, br",
        "gzip;q=0",
        "gzip;q=0.0, *",
        "*;q=0",
        "gzipped",
        "gzip;q=0.5, identity",
        "*;q=0.1, identity;q=0.2",
        "identity, *;q=0",
        ",;=",
        "gzip;q",
    ],
)
def test_the_plain_text_is_for_those_who_do_not(accept_encoding: str) -> None:
    assert not accepts_gzip(accept_encoding)


PARTS_OF_HEADERS = ["text/plain", "gzip", "*/*", "*", ",", ";", "=", "q", "q=", "version", '"', "\\", " ", "0.5", "''"]


@given(st.text(st.characters(max_codepoint=255)) | st.lists(st.sampled_from(PARTS_OF_HEADERS)).map("".join))
def test_no_header_raises(header: str) -> None:
    assert choose_format(header) in Format
    assert accepts_gzip(header) in (True, False)


@pytest.mark.parametrize(
    "header", ["text/plain;q*=utf-8''1", "text/plain;q*1*=x", "text/plain;q*" + "1" * 5000 + "=2"], ids=range(3)
)
def test_parameters_in_the_manner_of_mail_are_only_unknown(header: str) -> None:
    assert choose_format(header) is Format.TEXT


@pytest.mark.parametrize("character", [";", ",", '"', "=", "1", " ", "\\", ";q=", '";'])
def test_a_header_costs_no_more_than_its_length(character: str) -> None:
    # Whatever takes the square of it would not end.
    header = 'text/plain;q="' + character * 300_000
    assert choose_format(header) is Format.TEXT
    assert not accepts_gzip(header)
