import asyncio
import json
from datetime import UTC, datetime
from email.utils import format_datetime
from math import isnan
from time import perf_counter

import httpx
import pytest

from exporter.demo.api.asgi import AdminApi
from exporter.demo.faults.fault import Fault
from tests.support.processes import PATIENCE_SECONDS, eventually

COST = {"starting_at": "2026-11-18T00:00:00Z", "limit": "1"}
CONTROL = "/demo/faults"


def control_url(client: httpx.Client) -> httpx.URL:
    return client.base_url.copy_with(path=CONTROL)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "api_error"),
        (529, "overloaded_error"),
    ],
)
def test_a_status_comes_in_the_error_envelope(client: httpx.Client, api: AdminApi, status: int, kind: str) -> None:
    api.faults.add(Fault(kind="status", status=status, error_code="made_to_order"))
    response = client.get("me")
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["type"], error["details"]) == (kind, {"error_code": "made_to_order"})
    assert client.get("me").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": "7"},
        {"retry-after-ms": "1500"},
        {"retry-after": format_datetime(datetime(2026, 11, 20, tzinfo=UTC), usegmt=True)},
        {"anthropic-ratelimit-requests-reset": "2026-11-20T15:31:00Z"},
        {"x-should-retry": "false"},
    ],
)
def test_headers_are_added_as_ordered(client: httpx.Client, api: AdminApi, headers: dict[str, str]) -> None:
    api.faults.add(Fault(kind="status", status=429, headers=headers))
    response = client.get("me")
    assert response.status_code == 429
    assert headers.items() <= dict(response.headers).items()
    assert bool(headers) or "retry-after" not in response.headers


def test_a_healthy_answer_can_have_extra_headers(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="headers", headers={"x-extra": "1"}))
    response = client.get("me")
    assert (response.status_code, response.headers["x-extra"]) == (200, "1")


def test_faults_meet_their_endpoint_only_as_often_as_ordered(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="status", status=500, endpoint="users", count=2, after=1))
    assert client.get("me").status_code == 200
    assert [client.get("users").status_code for _ in range(4)] == [200, 500, 500, 200]
    assert api.faults.pending == []


def test_html_is_not_an_envelope(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="html"))
    response = client.get("me")
    assert (response.status_code, response.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert response.text.startswith("<html>")


def test_a_redirect_leads_to_another_host(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="redirect"))
    response = client.get("me")
    assert response.status_code == 302
    assert httpx.URL(response.headers["location"]).host != client.base_url.host


def test_a_stall_is_followed_by_the_answer(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="stall", seconds=0.1))
    started = perf_counter()
    assert client.get("me").status_code == 200
    assert perf_counter() - started >= 0.1


def test_a_client_may_give_up_on_a_stall(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="stall"))
    with pytest.raises(httpx.ReadTimeout):
        client.get("me", timeout=httpx.Timeout(PATIENCE_SECONDS, read=0.1))
    eventually(lambda: not api.faults.pending, "the request that was given up")
    assert client.get("me").status_code == 200


def test_a_dripping_body_is_slow_but_whole(client: httpx.Client, api: AdminApi) -> None:
    healthy = client.get("me").json()
    api.faults.add(Fault(kind="drip", seconds=0.001))
    started = perf_counter()
    assert client.get("me").json() == healthy
    assert perf_counter() - started > 0.001 * len(json.dumps(healthy)) / 2


@pytest.mark.parametrize("endpoint", ["me", "cost_report"])
def test_a_cut_answer_ends_too_early(client: httpx.Client, api: AdminApi, endpoint: str) -> None:
    api.faults.add(Fault(kind="cut"))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        client.get(endpoint, params=COST if endpoint == "cost_report" else {})


def test_a_cut_leaves_nothing_in_the_log(client: httpx.Client, api: AdminApi, caplog: pytest.LogCaptureFixture) -> None:
    api.faults.add(Fault(kind="cut"))
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("me")
    assert client.get("me").status_code == 200
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]


def test_garbage_is_not_json(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="garbage"))
    response = client.get("me")
    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


def test_a_number_can_be_nan(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="nan", count=2))
    usage = client.get("usage_report/messages", params=COST)
    assert isnan(usage.json()["data"][0]["results"][0]["uncached_input_tokens"])
    assert client.get("cost_report", params=COST).json()["data"][0]["results"][0]["amount"] == "NaN"


def test_a_number_can_be_missing(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="missing"))
    api.faults.add(Fault(kind="missing", field="output_tokens"))
    first, second = (client.get("usage_report/messages", params=COST).json()["data"][0]["results"][0] for _ in range(2))
    assert "uncached_input_tokens" not in first
    assert first["output_tokens"] > 0
    assert "output_tokens" not in second


def test_a_number_can_be_of_another_type(client: httpx.Client, api: AdminApi) -> None:
    params = {"starting_at": "2026-11-19"}
    healthy = client.get("usage_report/claude_code", params=params).json()["data"][0]["core_metrics"]
    api.faults.add(Fault(kind="mistyped", count=2))
    spoiled = client.get("usage_report/claude_code", params=params).json()["data"][0]["core_metrics"]
    assert spoiled == {**healthy, "num_sessions": str(healthy["num_sessions"])}
    assert client.get("cost_report", params=COST).json()["data"][0]["results"][0]["amount"].endswith(" USD")


@pytest.mark.parametrize("endpoint", ["cost_report", "usage_report/messages"])
def test_a_cursor_can_repeat(client: httpx.Client, api: AdminApi, endpoint: str) -> None:
    api.faults.add(Fault(kind="repeat_cursor", count=3))
    first = client.get(endpoint, params=COST).json()
    again = client.get(endpoint, params={**COST, "page": first["next_page"]}).json()
    assert again == first
    assert again["has_more"] is True


def test_a_cursor_can_repeat_in_lists_paged_by_id(client: httpx.Client, api: AdminApi) -> None:
    first = client.get("users", params={"limit": "1"}).json()
    api.faults.add(Fault(kind="repeat_cursor"))
    second = client.get("users", params={"limit": "1", "after_id": first["last_id"]}).json()
    assert (second["last_id"], second["has_more"]) == (first["last_id"], True)


@pytest.mark.parametrize(
    ("endpoint", "cursor"), [("cost_report", "next_page"), ("users", "last_id"), ("usage_report/messages", "next_page")]
)
def test_a_cursor_can_be_lacking(client: httpx.Client, api: AdminApi, endpoint: str, cursor: str) -> None:
    api.faults.add(Fault(kind="no_cursor"))
    body = client.get(endpoint, params={} if endpoint == "users" else COST).json()
    assert (body["has_more"], body[cursor]) == (True, None)


def test_faults_are_ordered_and_forgotten_over_http(client: httpx.Client, api: AdminApi) -> None:
    order = {"kind": "status", "status": 529, "endpoint": "me", "count": 5, "headers": {"retry-after": "1"}}
    created = httpx.post(control_url(client), json=order, trust_env=False, timeout=PATIENCE_SECONDS)
    assert created.status_code == 201
    assert created.json()[0]["status"] == 529
    assert client.get("me").status_code == 529
    assert httpx.get(control_url(client), trust_env=False, timeout=PATIENCE_SECONDS).json()[0]["count"] == 4
    assert httpx.delete(control_url(client), trust_env=False, timeout=PATIENCE_SECONDS).status_code == 204
    assert client.get("me").status_code == 200
    assert api.faults.pending == []


@pytest.mark.parametrize("order", [b"{", b'{"kind": "gremlin"}', b'{"kind": "status", "status": 200}', b'{"knd": 1}'])
def test_an_impossible_fault_is_refused(client: httpx.Client, api: AdminApi, order: bytes) -> None:
    response = httpx.post(control_url(client), content=order, trust_env=False, timeout=PATIENCE_SECONDS)
    assert (response.status_code, response.json()["error"]["type"]) == (400, "invalid_request_error")
    assert api.faults.pending == []


def test_an_async_client_can_cancel_a_stalled_request(client: httpx.Client, api: AdminApi) -> None:
    api.faults.add(Fault(kind="stall"))

    async def cancelled() -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=3600) as other:
            request = asyncio.create_task(other.get(client.base_url.join("me"), headers=client.headers))
            await asyncio.to_thread(eventually, lambda: not api.faults.pending, "the request")
            request.cancel()
            await asyncio.wait([request])
            assert request.cancelled()

    asyncio.run(cancelled())
    assert client.get("me").status_code == 200
