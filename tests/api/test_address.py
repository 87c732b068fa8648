from __future__ import annotations

import pytest

from exporter.api.address import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10:80", "localhost", "LOCALHOST:1", "[::1]:80"])
def test_loopback_is_known_by_name_and_address(host: str) -> None:
    assert is_loopback(f"http://{host}/path")


@pytest.mark.parametrize("host", ["api.anthropic.com", "10.0.0.1", "localhost.example.com", "[2001:db8::1]", ""])
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(f"https://{host}")
