from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.redact import LONGEST_MESSAGE, one_line, redact

KEY = "sk-ant-admin01-AbC_123-xyz/+=~.AA"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (KEY, "sk-ant-…"),
        (f"invalid x-api-key: {KEY}", "invalid x-api-key: sk-ant-…"),
        (f'"{KEY}", {KEY}', '"sk-ant-…", sk-ant-…'),
        (
            "GET https://api.anthropic.com/v1/me?page=abc%3D&limit=1 failed",
            "GET https://api.anthropic.com/v1/me?… failed",
        ),
        ("'/v1/me?token=x'", "'/v1/me?…'"),
        ("https://host/?a=b", "https://host/?…"),
    ],
)
def test_keys_and_queries_are_taken_out(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "kind", ["sk-ant-admin", "sk-ant-api03-", "sk-ant-api01-", "sk-ant-oat"], ids=lambda kind: kind.removeprefix("sk-")
)
def test_the_bare_kind_of_a_key_stays_and_a_key_of_it_goes(kind: str) -> None:
    assert redact(f"begins with {kind}, not {kind}…") == f"begins with {kind}, not {kind}…"
    assert redact(f"{kind}x {kind}-x {kind}01") == "sk-ant-… sk-ant-… sk-ant-…"


@pytest.mark.parametrize("text", ["is the URL right?", "why? because a=b", "what?", "bad value in ?group_by", "a=b"])
def test_prose_stays(text: str) -> None:
    assert redact(text) == text


def test_a_secret_of_any_look_is_taken_out() -> None:
    assert one_line("the key hunter2 is wrong: hunter2", "hunter2") == "the key … is wrong: …"
    assert one_line("hunter2 and hunter3", "hunter2", "", "hunter3") == "… and …"


def test_no_secret_changes_nothing() -> None:
    assert one_line("plain", "") == "plain"


def test_control_characters_and_line_breaks_become_single_spaces() -> None:
    assert one_line("\x1b[31mred\x00\r\n\tand\u2028more\u202e ") == "[31mred and more"


def test_a_long_text_ends_with_an_ellipsis() -> None:
    assert one_line("x" * LONGEST_MESSAGE) == "x" * LONGEST_MESSAGE
    line = one_line("x" * (LONGEST_MESSAGE + 1))
    assert len(line) == LONGEST_MESSAGE
    assert line.endswith("x…")


@given(before=st.text(), after=st.text(), secret=st.text("abcdefgh0123456789-_", min_size=12))
def test_a_line_is_short_printable_and_without_the_secret(before: str, after: str, secret: str) -> None:
    line = one_line(before + secret + after, secret)
    assert len(line) <= LONGEST_MESSAGE
    assert all(character.isprintable() for character in line)
    assert secret not in line


@given(before=st.text(), after=st.text(" \n\"',;<>)"))
def test_a_key_is_taken_out_wherever_it_stands(before: str, after: str) -> None:
    assert KEY not in one_line(before + KEY + after)
    assert KEY not in redact(before + KEY + after)
