from __future__ import annotations

import asyncio

import pytest

from exporter.api.errors import ApiError
from exporter.api.pages import decode
from exporter.api.redact import LONGEST_MESSAGE
from exporter.api.refusal import FOREIGN
from exporter.api.shapes.inventory import Me
from exporter.contract.state import Reason
from tests.support.asking import PATH, REQUEST, failure
from tests.support.scripted import KEY, REQUEST_ID, Answer, ScriptedApi, connect, error

# What an error says


def test_an_error_names_status_endpoint_request_id_and_the_api_s_message(api: ScriptedApi) -> None:
    api.on(PATH, error(403, "missing scope", "permission_error"))
    problem = failure(connect(api))
    assert str(problem) == f"me answered 403: missing scope (request id {REQUEST_ID})"
    assert (problem.status, problem.request_id) == (403, REQUEST_ID)


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>cf-ray hunter2</body></html>",
        b"hunter2",
        b'{"error": ["hunter2"]}',
        b'{"error": {"message": 2}}',
        b'{"error":' + b"[" * 100_000,
        b'"\xffhunter2"',
    ],
    ids=["html", "text", "error of another type", "message of another type", "deep", "not UTF-8"],
)
def test_no_part_of_a_body_in_another_format_is_shown(api: ScriptedApi, body: bytes) -> None:
    api.on(PATH, Answer(body, 502, {"content-type": "text/html"}))
    problem = failure(connect(api, retry_seconds=0))
    assert problem.reason is Reason.SERVER
    assert str(problem) == f"me answered 502: text/html: {FOREIGN} (request id {REQUEST_ID})"


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_what_answers_in_place_of_the_api_is_told_by_its_title(api: ScriptedApi, status: int) -> None:
    page = f"<html><title>Corporate login {KEY}</title><body>hunter2</body></html>".encode()
    api.on(PATH, Answer(page, status, {"content-type": "text/html; charset=utf-8"}))
    message = failure(connect(api, retry_seconds=0)).message
    assert message == f'text/html, "Corporate login …": {FOREIGN}'


def test_a_page_that_is_none_of_the_api_s_is_told_by_its_title(api: ScriptedApi) -> None:
    api.on(PATH, Answer(b"<title>Corporate login</title>", 200, {"content-type": "text/html"}))

    async def ask() -> None:
        async with connect(api) as client:
            decode(await client.get(REQUEST), Me, "me")

    with pytest.raises(ApiError) as caught:
        asyncio.run(ask())
    assert caught.value.reason is Reason.SCHEMA
    assert caught.value.message == f'text/html, "Corporate login": {FOREIGN}'
    assert len(api.requests) == 1


@pytest.mark.parametrize(("message", "said"), [("", "not found"), ("no such", "not found: no such"), ("Not Found", "")])
def test_the_api_s_own_404_says_not_found(api: ScriptedApi, message: str, said: str) -> None:
    api.on(PATH, error(404, message, "not_found_error"))
    problem = failure(connect(api))
    assert (problem.reason, problem.message) == (Reason.FORBIDDEN, said or message)


@pytest.mark.parametrize(("status", "is_said"), [(400, False), (401, True), (403, True), (404, False), (500, False)])
def test_a_refusal_of_the_key_says_what_kind_it_looks_like(api: ScriptedApi, status: int, is_said: bool) -> None:
    api.on(PATH, error(status, "no"))
    message = failure(connect(api, key="sk-ant-api03-hunter2", retry_seconds=0)).message
    assert ("the key looks like a workspace's key (sk-ant-api03-…)" in message) == is_said
    assert "hunter2" not in message


def test_a_refusal_of_something_else_says_nothing_of_the_key(api: ScriptedApi) -> None:
    api.on(PATH, Answer({"message": "forbidden"}, 403))
    problem = failure(connect(api, key="sk-ant-api03-hunter2", retry_seconds=0))
    assert problem.message == f"application/json: {FOREIGN}"


def test_a_message_is_made_fit_to_be_shown(api: ScriptedApi) -> None:
    hostile = (
        f"bad key {KEY}\r\n\x1b[31mlevel=info\u2028 sk-ant-api03-other https://api.anthropic.com/v1/me?email=a@b.c&x=1 "
    )
    api.on(PATH, error(400, hostile + "x" * 1000))
    message = failure(connect(api)).message
    assert message.startswith("bad key … [31mlevel=info sk-ant-… https://api.anthropic.com/v1/me?… xxx")
    assert len(message) == LONGEST_MESSAGE


def test_a_key_of_another_look_is_not_shown_either(api: ScriptedApi) -> None:
    api.on(PATH, error(400, "unknown key hunter2"))
    assert failure(connect(api, key="hunter2")).message == "unknown key …"


def test_a_request_id_is_made_fit_to_be_shown(api: ScriptedApi) -> None:
    api.on(PATH, error(400, request_id="req_\x7f" + "y" * 1000))
    request_id = failure(connect(api)).request_id
    assert request_id is not None
    assert request_id.startswith("req_ yyy")
    assert len(request_id) == 100


def test_an_answer_without_a_request_id_has_none(api: ScriptedApi) -> None:
    api.on(PATH, error(400, "no", request_id=""))
    assert str(failure(connect(api))) == "me answered 400: no"
