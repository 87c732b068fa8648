from __future__ import annotations

import pytest

from exporter.api.address import host_and_port, is_loopback, joined


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10:80", "localhost", "LOCALHOST:1", "[::1]:80"])
def test_loopback_is_known_by_name_and_address(host: str) -> None:
    assert is_loopback(f"http://{host}/path")


@pytest.mark.parametrize("host", ["api.anthropic.com", "10.0.0.1", "localhost.example.com", "[2001:db8::1]", ""])
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(f"https://{host}")


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://api.anthropic.com/v1", "api.anthropic.com:443"),
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443"),
    ],
)
def test_where_a_url_leads_is_host_and_port(url: str, where: str) -> None:
    assert joined(*host_and_port(url)) == where


@pytest.mark.parametrize("url", ["https://", "https://:443", "https://host:port", "gopher://host"])
def test_a_url_without_a_host_or_a_port_leads_nowhere(url: str) -> None:
    with pytest.raises(ValueError, match=r"host|[Pp]ort"):
        host_and_port(url)
