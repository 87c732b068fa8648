from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.redact import LONGEST_MESSAGE
from exporter.api.refusal import ERROR_TYPES, FOREIGN, Refusal, foreign, refusal_of

JSON = "application/json"


def own(error_type: str = "permission_error", **more: object) -> bytes:
    return json.dumps({"type": "error", "error": {"type": error_type, "message": "no", **more}}).encode()


# Whether the API says it


@pytest.mark.parametrize("error_type", [*ERROR_TYPES, "a_new_error"])
def test_an_error_in_the_api_s_envelope_is_the_api_s_own(error_type: str) -> None:
    assert refusal_of(own(error_type), JSON) == Refusal(error_type, None, "no")


@pytest.mark.parametrize("details", [None, "text", [], {}, {"error_code": 5}, {"error_code": None}])
def test_details_without_a_code_leave_the_bare_type(details: object) -> None:
    assert refusal_of(own(details=details), JSON) == Refusal("permission_error", None, "no")


def test_the_error_code_is_read() -> None:
    body = own(details={"error_code": "organization_type_not_supported"})
    assert refusal_of(body, JSON).error_code == "organization_type_not_supported"


def test_a_message_that_is_no_text_is_none() -> None:
    assert refusal_of(own(message={"text": "no"}), JSON) == Refusal("permission_error", None, "")


def test_bytes_that_are_no_unicode_do_not_hide_the_api_s_own_error() -> None:
    body = b'\xef\xbb\xbf{"type":"error","error":{"type":"permission_error","message":"caf\xe9 \\ud83d"}}'
    refusal = refusal_of(body, JSON)
    assert refusal.error_type == "permission_error"
    assert refusal.message == "caf\ufffd"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"5",
        b'{"message": "Service Unavailable"}',
        b'{"error": "text"}',
        b'{"error": null}',
        b'{"error": {"type": 5}}',
        b'{"error": {"type": "forbidden", "message": "no"}}',
        b'{"type": "error", "error": {"type": "forbidden"}}',
        b'{"error": {"type": "auth_error"}}',
        b'{"error": {"type": "_error"}}',
        b'{"error": [{"type": "permission_error"}]}',
        b'{"type": "permission_error"}',
        b'[{"type":"error","error":{"type":"permission_error"}}]',
        b'{"error":' + b"[" * 60_000,
        b"9" * 60_000,
        b'{"type":"error","error":{"type":"permission_error"}',
        b"<html>permission_error</html>",
    ],
    ids=lambda body: body[:60].decode(),
)
def test_everything_else_is_not(body: bytes) -> None:
    refusal = refusal_of(body, JSON)
    assert (refusal.error_type, refusal.error_code) == (None, None)
    assert FOREIGN in refusal.message


# What is said of the others


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b"<html><head><title>Just a\n moment...</title>", "text/html; charset=UTF-8", 'text/html, "Just a moment..."'),
        (b"<TITLE lang='en'>A &amp; B", "text/html", 'text/html, "A & B"'),
        (b'{"message": "Service Unavailable"}', JSON, "application/json"),
        (b'{"error": "no upstream"}', JSON, "application/json"),
        (b'{"error": {"type": "x", "message": "quota"}, "message": "m"}', JSON, "application/json"),
        (b"{}", JSON, "application/json"),
        (b"<html><body>secret</body></html>", "text/html", "text/html"),
        (b"plain secret", "", "no content type"),
        (b"", "text/plain", "text/plain"),
    ],
)
def test_another_answer_is_told_by_its_kind_and_title_never_by_its_body(
    body: bytes, content_type: str, said: str
) -> None:
    assert foreign(body, content_type) == f"{said}: {FOREIGN}"
    assert refusal_of(body, content_type).message == f"{said}: {FOREIGN}"


def test_keys_in_a_title_are_not_shown() -> None:
    assert "abc123" not in foreign(b"<title>sk-ant-admin01-abc123 /x?token=abc123</title>", "text/html")


@given(before=st.integers(0, 120))
def test_a_secret_of_any_look_is_not_shown_in_part_either(before: int) -> None:
    body = b"<title>" + b"x" * before + b"hunter2-hunter3</title>"
    for said in (foreign(body, "text/html", "hunter2-hunter3"), refusal_of(body, "", "hunter2-hunter3").message):
        assert "hun" not in said


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(scalars, lambda some: st.lists(some) | st.dictionaries(st.text(), some), max_leaves=8)
shaped = st.fixed_dictionaries(
    {},
    optional={"type": anything, "error": st.fixed_dictionaries({}, optional={"type": anything, "message": anything})},
)


@given(
    body=st.binary() | (anything | shaped).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    content_type=st.text(),
)
def test_no_body_of_any_shape_is_more_than_a_short_line(body: bytes, content_type: str) -> None:
    message = foreign(body, content_type)
    assert message.endswith(FOREIGN)
    assert len(message) <= LONGEST_MESSAGE
    assert message.isprintable()
    assert isinstance(refusal_of(body, content_type), Refusal)
