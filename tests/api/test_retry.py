from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.retry import (
    FIRST_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    asked_delay_seconds,
    backoff_seconds,
    should_retry,
)
from exporter.contract.state import Reason

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RESET = "anthropic-ratelimit-requests-reset"
NONSENSE = ["-1", "-0.5", "nan", "inf", "-inf", "1e999", "", " ", "soon", "12 s", "Mon, 99 Nov 2026 12:00:00 GMT"]
# Dates whose numbers are too large for the parser's own arithmetic.
MONSTROUS = ["Mon, 20 Nov 1995 19:12:08 +" + "9" * 20, "Mon, 20 Nov 1995 " + "9" * 20 + ":12:08 GMT"]


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


# Whether to ask again


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529, 599])
def test_what_may_pass_is_asked_again(status: int) -> None:
    assert should_retry(status, {})


@pytest.mark.parametrize("status", [204, 301, 302, 400, 401, 402, 403, 404, 413, 422])
def test_what_does_not_pass_by_itself_is_not_asked_again(status: int) -> None:
    assert not should_retry(status, {})


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_of_something_else_than_the_api_may_pass(status: int) -> None:
    assert should_retry(status, {}, Reason.REQUEST)
    assert not should_retry(status, {"x-should-retry": "false"}, Reason.REQUEST)
    assert not should_retry(status, {}, Reason.FORBIDDEN)


@pytest.mark.parametrize("status", [302, 400, 402, 422])
def test_a_request_that_is_wrong_stays_wrong(status: int) -> None:
    assert not should_retry(status, {}, Reason.REQUEST)


@given(status=st.integers(100, 599), text=st.sampled_from(["true", "True", "TRUE"]))
def test_x_should_retry_true_goes_before_the_status(status: int, text: str) -> None:
    assert should_retry(status, {"x-should-retry": text})


@given(status=st.integers(100, 599), text=st.sampled_from(["false", "False", "FALSE"]))
def test_x_should_retry_false_goes_before_the_status(status: int, text: str) -> None:
    assert not should_retry(status, {"x-should-retry": text})


@given(status=st.integers(100, 599), text=st.sampled_from(["", "yes", "1", "truefalse"]))
def test_any_other_x_should_retry_leaves_it_to_the_status(status: int, text: str) -> None:
    assert should_retry(status, {"x-should-retry": text}) == should_retry(status, {})


# The delay that the API asks for


def test_headers_are_heard_in_the_order_of_their_precision() -> None:
    headers = {"retry-after-ms": "1500", "retry-after": "20", RESET: after(300).isoformat()}
    found = []
    while headers:
        found.append(asked_delay_seconds(429, headers, NOW))
        headers.pop(next(iter(headers)))
    assert found == [1.5, 20, 300]
    assert asked_delay_seconds(429, {}, NOW) is None


@given(status=st.integers(100, 999).filter(lambda status: status != 429))
def test_the_reset_of_the_rate_limit_is_no_delay_of_an_outage(status: int) -> None:
    assert asked_delay_seconds(status, {RESET: after(300).isoformat()}, NOW) is None
    assert asked_delay_seconds(status, {"retry-after": "7", RESET: after(300).isoformat()}, NOW) == 7


@pytest.mark.parametrize("text", NONSENSE)
def test_a_nonsense_value_leaves_it_to_the_next_header(text: str) -> None:
    assert asked_delay_seconds(429, {"retry-after-ms": text, "retry-after": "7"}, NOW) == 7
    assert asked_delay_seconds(429, {"retry-after": text, RESET: after(9).isoformat()}, NOW) == 9
    assert asked_delay_seconds(429, {"retry-after-ms": text, "retry-after": text, RESET: text}, NOW) is None


@pytest.mark.parametrize("text", MONSTROUS)
def test_a_monstrous_date_is_nonsense_too(text: str) -> None:
    assert asked_delay_seconds(429, {"retry-after": text, RESET: text}, NOW) is None


def test_zero_is_a_delay() -> None:
    assert asked_delay_seconds(429, {"retry-after-ms": "0", "retry-after": "7"}, NOW) == 0


def test_retry_after_is_seconds_or_a_date() -> None:
    assert asked_delay_seconds(429, {"retry-after": "2.5"}, NOW) == 2.5
    assert asked_delay_seconds(429, {"retry-after": format_datetime(after(90), usegmt=True)}, NOW) == 90
    assert asked_delay_seconds(429, {"retry-after": "Sat, 21 Nov 2026 13:01:00 +0100"}, NOW) == 60


def test_a_date_without_a_zone_is_utc() -> None:
    assert asked_delay_seconds(429, {"retry-after": "Sat, 21 Nov 2026 12:01:00 -0000"}, NOW) == 60
    assert asked_delay_seconds(429, {RESET: "2026-11-21T12:01:00"}, NOW) == 60


def test_a_date_that_has_passed_asks_for_no_delay() -> None:
    assert asked_delay_seconds(429, {"retry-after": format_datetime(after(-60), usegmt=True)}, NOW) == 0
    assert asked_delay_seconds(429, {RESET: after(-60).isoformat()}, NOW) == 0


@pytest.mark.parametrize("text", ["2026-11-21T12:00:30Z", "2026-11-21T12:00:30.000Z", "2026-11-21T13:00:30+01:00"])
def test_the_reset_is_rfc3339(text: str) -> None:
    assert asked_delay_seconds(429, {RESET: text}, NOW) == 30


PARTS_OF_DATES = ["Mon,", "20", "Nov", "1995", "19:12:08", "9" * 12, "+9999", "GMT", "T", ":", "-"]


@given(st.text(st.characters(max_codepoint=255)) | st.lists(st.sampled_from(PARTS_OF_DATES)).map(" ".join))
def test_no_header_raises_or_asks_for_less_than_nothing(text: str) -> None:
    delay = asked_delay_seconds(429, {"retry-after-ms": text, "retry-after": text, RESET: text}, NOW)
    assert delay is None or 0 <= delay < float("inf")


# The delay of our own


@given(attempt=st.integers(0, 1000), fraction=st.floats(0, 1))
def test_back_off_is_never_negative_and_never_longer_than_the_longest(attempt: int, fraction: float) -> None:
    assert 0 <= backoff_seconds(attempt, fraction) <= LONGEST_DELAY_SECONDS


@given(attempt=st.integers(0, 1000))
def test_back_off_doubles_up_to_the_longest(attempt: int) -> None:
    before, after_it = backoff_seconds(attempt, 1), backoff_seconds(attempt + 1, 1)
    assert after_it == min(2 * before, LONGEST_DELAY_SECONDS)
    assert backoff_seconds(0, 1) == FIRST_DELAY_SECONDS
