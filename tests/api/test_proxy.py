from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.api.errors import ConnectionSettingsError
from exporter.api.proxy import proxy_of

API = "https://api.anthropic.com"


def excepts(no_proxy: str, base_url: str = API) -> bool:
    return proxy_of(base_url, {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": no_proxy}) is None


# Which variable


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://a:1"}, "http://a:1 (HTTPS_PROXY)"),
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "http://a:1 (https_proxy)"),
        ({"https_proxy": "", "HTTPS_PROXY": " http://b:2 "}, "http://b:2 (HTTPS_PROXY)"),
        ({"ALL_PROXY": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "http://b:2 (HTTPS_PROXY)"),
        ({"ALL_PROXY": "http://a:1"}, "http://a:1 (ALL_PROXY)"),
        ({"all_proxy": "http://a:1", "ALL_PROXY": "socks9://b"}, "http://a:1 (all_proxy)"),
        ({"http_proxy": "http://a:1", "HTTP_PROXY": "http://a:1"}, None),
    ],
)
def test_the_variables_are_those_of_curl(environ: dict[str, str], named: str | None) -> None:
    proxy = proxy_of(API, environ)
    assert (str(proxy) if proxy else None) == named


def test_for_http_there_is_only_the_lower_case_variable() -> None:
    assert proxy_of("http://api.example", {"HTTP_PROXY": "http://a:1"}) is None
    assert str(proxy_of("http://api.example", {"http_proxy": "a:1"})) == "http://a:1 (http_proxy)"


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1", "https://localhost", "http://[::1]:1"])
def test_loopback_has_no_proxy(base_url: str) -> None:
    named = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://proxy:3128")
    assert proxy_of(base_url, named) is None


# Its address


@pytest.mark.parametrize(
    ("text", "url", "auth"),
    [
        ("proxy:3128", "http://proxy:3128", None),
        ("proxy", "http://proxy:80", None),
        ("HTTP://Proxy:3128/", "http://proxy:3128", None),
        ("https://proxy", "https://proxy:443", None),
        ("http://[fd00::1]:3128", "http://[fd00::1]:3128", None),
        ("user:secret@proxy:3128", "http://proxy:3128", ("user", "secret")),
        ("http://user:p%40ss%23@proxy:3128", "http://proxy:3128", ("user", "p@ss#")),
        ("http://user:p@ss@proxy:3128", "http://proxy:3128", ("user", "p@ss")),
        ("http://user@proxy:3128", "http://proxy:3128", ("user", "")),
    ],
)
def test_an_address_may_lack_its_scheme_and_have_a_password(text: str, url: str, auth: tuple[str, str] | None) -> None:
    proxy = proxy_of(API, {"HTTPS_PROXY": text})
    assert proxy is not None
    assert (proxy.url, proxy.auth) == (url, auth)
    assert str(proxy) == f"{url} (HTTPS_PROXY)"
    assert "secret" not in f"{proxy} {proxy!r}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("socks9://user:secret@proxy", "its scheme must be http or https"),
        ("socks4://user:secret@proxy", "its scheme must be http or https"),
        ("ftp://user:secret@proxy", "its scheme must be http or https"),
        ("socks5://user:secret@proxy:1080", "SOCKS needs the package"),
        ("http://", "it must be like http://host:3128"),
        (":3128", "it must be like http://host:3128"),
        ("http://user:secret@:3128", "it must be like http://host:3128"),
        ("http://user:sec#ret@proxy:3128", "it must be like http://host:3128"),
        ("http://proxy:port", "it must be like http://host:3128"),
        ("http://proxy:99999", "it must be like http://host:3128"),
        ("http://[::1", "it must be like http://host:3128"),
        ("http://pro xy:3128", "it must be like http://host:3128"),
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
def test_an_address_that_cannot_be_used_blames_its_own_variable(variable: str, text: str, why: str) -> None:
    with pytest.raises(ConnectionSettingsError) as caught:
        proxy_of(API, {variable: text, "http_proxy": "http://innocent:1"})
    assert f"cannot use the proxy of {variable}: {why}" in str(caught.value)
    assert "secret" not in str(caught.value)


passwords = st.text(st.characters(codec="utf-8", exclude_characters=" \t"), min_size=6)


@given(
    text=st.builds(
        "{}{}:{}@{}".format,
        st.sampled_from(["", "http://", "ftp://", "://"]),
        st.just("user"),
        passwords,
        st.sampled_from(["proxy:3128", "", ":", "[", "pro xy", "proxy:port"]),
    ),
)
def test_no_address_shows_its_password_or_raises_anything_else(text: str) -> None:
    password = text.partition("user:")[2].rpartition("@")[0]
    try:
        shown = str(proxy_of(API, {"HTTPS_PROXY": text}))
    except ConnectionSettingsError as error:
        shown = str(error)
    assert password not in shown


# The exceptions


@pytest.mark.parametrize(
    "no_proxy",
    [
        "*",
        "localhost, *",
        "api.anthropic.com",
        "API.Anthropic.COM",
        ".api.anthropic.com",
        "anthropic.com",
        ".anthropic.com",
        "*.anthropic.com",
        "anthropic.com.",
        "com",
        "api.anthropic.com:443",
        "localhost,.corp ,anthropic.com",
        "localhost anthropic.com",
        ",, ,anthropic.com,",
        "[::1],fd00::/8,10.0.0.0/8,anthropic.com",
    ],
)
def test_a_name_excepts_itself_and_what_is_below_it(no_proxy: str) -> None:
    assert excepts(no_proxy)


@pytest.mark.parametrize(
    "no_proxy",
    [
        "",
        ",",
        ".",
        "*.",
        "thropic.com",
        "pi.anthropic.com",
        "v1.api.anthropic.com",
        "anthropic.com.evil",
        "anthropic.com:80",
        "anthropic.com:",
        "anthropic",
        "127.0.0.1",
        "0.0.0.0/0",
        "::/0",
        "https://api.anthropic.com",
        "api.anthropic.com/",
        "[api.anthropic.com",
    ],
)
def test_another_name_or_nonsense_excepts_nothing(no_proxy: str) -> None:
    assert not excepts(no_proxy)


@pytest.mark.parametrize(
    ("no_proxy", "host"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3:443", "10.1.2.3"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("10.1.2.3/8", "10.200.0.1"),
        ("10.1.2.3/32", "10.1.2.3"),
        ("0.0.0.0/0", "10.1.2.3"),
        ("fd00::1", "[fd00::1]"),
        ("fd00:0:0::1", "[fd00::1]"),
        ("[fd00::1]", "[fd00::1]"),
        ("[FD00::1]:443", "[fd00::1]"),
        ("fd00::/8", "[fdab::1]"),
        ("[fd00::]/8", "[fdab::1]"),
        ("*", "[fd00::1]"),
    ],
)
def test_an_address_or_network_excepts_its_addresses(no_proxy: str, host: str) -> None:
    assert excepts(no_proxy, f"https://{host}")


@pytest.mark.parametrize(
    ("no_proxy", "host"),
    [
        ("10.1.2.3", "10.1.2.30"),
        ("1.2.3", "10.1.2.3"),
        ("2.3", "10.1.2.3"),
        ("10.0.0.0/8", "11.0.0.1"),
        ("10.0.0.0/33", "10.0.0.1"),
        ("10.1.2.3:80", "10.1.2.3"),
        ("fd00::/8", "10.1.2.3"),
        ("fd00::/8", "[fe80::1]"),
        ("fd00::/129", "[fd00::1]"),
        ("[fd00::1]:80", "[fd00::1]"),
        ("[fd00::1", "[fd00::1]"),
        ("10.0.0.0/8", "[::ffff:10.0.0.1]"),
    ],
)
def test_another_address_is_not_excepted(no_proxy: str, host: str) -> None:
    assert not excepts(no_proxy, f"https://{host}")


@given(st.text() | st.lists(st.sampled_from("[]:/.*,%0123456789af "), max_size=12).map("".join))
def test_no_list_of_exceptions_is_an_error(no_proxy: str) -> None:
    for host in ("api.anthropic.com", "10.1.2.3", "[fd00::1]"):
        assert excepts(no_proxy, f"https://{host}") in (True, False)
