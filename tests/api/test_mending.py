from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.client import Reply
from exporter.api.mending import whole_unicode
from exporter.api.pages import decode
from exporter.api.shapes.inventory import ApiKey, ApiKeyPage
from exporter.api.shapes.usage import UsagePage
from tests.support.answers import usage_row
from tests.support.reading import PATH, bucket, read, read_ids, report
from tests.support.scripted import Answer, ScriptedApi


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as api:
        yield api


fragments = st.one_of(
    st.sampled_from(
        ["\\", "\\\\", "\\u", "\\ud83d", '"', "u", "d83d", "\ud83d", "\ude00", "\udfff", "\U0001f600", "é", "\n"]
    ),
    st.text(max_size=3),
    st.characters(categories=["Cs"]),
)
texts = st.lists(fragments, max_size=12).map("".join)


def whole(text: str) -> str:
    """Pairs as the character that they are, halves as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@given(texts, st.booleans())
def test_text_keeps_all_but_its_lone_surrogates(text: str, bom: bool) -> None:
    body = json.dumps({"id": "a", "name": text}).encode()
    found = decode(Reply(b"\xef\xbb\xbf" * bom + body, None), ApiKey, "api_keys")
    assert found.name == whole(text)


@given(texts)
def test_json_of_whole_text_is_not_touched(text: str) -> None:
    for ascii_only in (True, False):
        body = json.dumps({"name": whole(text), "\U0001f600": [whole(text)]}, ensure_ascii=ascii_only).encode()
        assert whole_unicode(body) == body


@given(st.text(st.characters(max_codepoint=255), max_size=8))
def test_bytes_that_are_not_utf_8_are_replaced(text: str) -> None:
    body = b'{"id": "a", "name": "x%sx"}' % re.sub(rb'[\x00-\x1f"\\]', b"", text.encode("latin-1"))
    name = decode(Reply(body, None), ApiKey, "api_keys").name
    assert name == re.sub(rb'.*"x|x"}$', b"", body, flags=re.DOTALL).decode("utf-8", "replace").join("xx")


def test_one_name_that_is_not_whole_harms_no_other(api: ScriptedApi) -> None:
    names = [b"Team \\ud83d", b"Team \\ud83d\\ude00", b"T\xe9am", b"Team \\\\ud83d", "Té".encode()]
    rows = b", ".join(b'{"id": "%d", "name": "%s"}' % (n, name) for n, name in enumerate(names))
    api.on(PATH, Answer(b'\xef\xbb\xbf{"data": [%s], "has_more": false}' % rows))
    found = [r.name for page in read_ids(api, ApiKeyPage) for r in page.data]
    assert found == ["Team \ufffd", "Team \U0001f600", "T\ufffdam", "Team \\ud83d", "Té"]


def test_a_report_is_mended_too(api: ScriptedApi) -> None:
    body = json.dumps(report(bucket("2026-11-20", usage_row(model="claude ?")))).encode()
    api.on(PATH, Answer(body.replace(b"?", b"\\udc00")))
    ((found,),) = [page.data for page in read(api, UsagePage)]
    assert found.results[0].model == "claude \ufffd"
