from __future__ import annotations

import pytest

from exporter.settings.model import load
from tests.support.loading import KEY, SECRET, problems


@pytest.mark.parametrize("path", ["metrics", "/metrics?x=1", "/a b", "/{day}", "/é"])
def test_a_wrong_telemetry_path(path: str) -> None:
    assert problems(f"--web.telemetry-path={path}") == [
        f"--web.telemetry-path: must be a path such as /metrics, of letters, digits and ._~-/, got {path!r}"
    ]


@pytest.mark.parametrize(
    "address", ["9817", ":65536", ":-1", "::1:9817", "a b:1", "[]:1", "[::z]:1", "[1.2.3.4]:1", "host:", "h:1:2"]
)
def test_a_wrong_listen_address(address: str) -> None:
    assert problems(f"--web.listen-address=:1,{address}") == [
        f"--web.listen-address: must be :PORT, HOST:PORT or [IPV6]:PORT, got {address!r}"
    ]


@pytest.mark.parametrize("address", [":9817", "my-host.example:0", "127.0.0.1:65535", "[::1]:80"])
def test_a_good_listen_address(address: str) -> None:
    assert load([f"--web.listen-address={address}"], KEY).web.listen_address == (address,)


@pytest.mark.parametrize("command", ["serve", "check", "once"])
def test_only_the_demo_is_for_this_machine_alone_unless_told_otherwise(command: str) -> None:
    assert load([command], KEY).web.listen_address == (":9817",)
    assert load(["demo"], {}).web.listen_address == ("127.0.0.1:9817",)
    assert load(["demo", "--web.page=false"], {}).web.listen_address == ("127.0.0.1:9817",)
    assert load(["demo", "--web.listen-address=:1"], {}).web.listen_address == (":1",)
    assert load(["demo"], {"ANTHROPIC_EXPORTER_WEB_LISTEN_ADDRESS": ":2"}).web.listen_address == (":2",)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("api.anthropic.com", "must be an http or https address"),
        ("ftp://host", "must be an http or https address"),
        ("https://", "must be an http or https address"),
        ("https://host:port", "must be an http or https address"),
        ("https://[::1", "must be an http or https address"),
        ("https://ho st", "must be an http or https address"),
        (f"https://user:{SECRET}@host", "must be without user, password, query and fragment"),
        (f"https://host/?{SECRET}", "must be without user, password, query and fragment"),
        ("https://host#", "must be without user, password, query and fragment"),
        (
            "http://127.0.0.1.example.com",
            "must be https, for the key would travel in the clear: http is for loopback addresses only",
        ),
    ],
)
def test_a_wrong_base_url(url: str, problem: str) -> None:
    assert problems(ANTHROPIC_BASE_URL=url) == [f"ANTHROPIC_BASE_URL: {problem}"]


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.3.2.1", "http://[::1]:80", "https://proxy.example/api", "HTTPS://host"]
)
def test_a_good_base_url_loses_its_slash(url: str) -> None:
    assert load([f"--api.base-url={url}/"], KEY).api.base_url == url


@pytest.mark.parametrize("url", ["https://host", "https://host/proxy", "http://127.0.0.1:1", "https://v1", "HTTPS://h"])
@pytest.mark.parametrize("end", ["/v1", "/v1/organizations", "/v1/organizations/cost_report", "/v1/messages"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_base_url_is_without_what_the_exporter_adds(url: str, end: str, slash: str) -> None:
    said = f"must be without {end}, which the exporter adds: write {url}"
    assert problems(f"--api.base-url={url}{end}{slash}") == [f"--api.base-url: {said}"]
    assert load([f"--api.base-url={url}{slash}"], KEY).api.base_url == url


@pytest.mark.parametrize(
    "url", ["https://v1", "https://host/v10", "https://host/apiv1", "https://host/v1/gateway", "https://v1.host"]
)
def test_a_base_url_may_look_alike(url: str) -> None:
    assert load([f"--api.base-url={url}"], KEY).api.base_url == url


@pytest.mark.parametrize(
    "url", [f"https://user:{SECRET}@host/v1", f"https://host/v1?key={SECRET}", f"https://host/v1#{SECRET}"]
)
def test_a_base_url_with_a_secret_is_not_quoted(url: str) -> None:
    assert problems(f"--api.base-url={url}") == ["--api.base-url: must be without user, password, query and fragment"]
