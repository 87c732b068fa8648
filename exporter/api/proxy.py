"""Which proxy the environment names for an address: the variables and exceptions that curl knows."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

import httpx

from exporter.api.address import host_and_port, is_loopback, joined
from exporter.api.errors import ConnectionSettingsError

# Upper-case HTTP_PROXY is not among them: CGI sets it from a header of a request.
VARIABLES = {
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    "http": ("http_proxy", "all_proxy", "ALL_PROXY"),
}
EXCEPTIONS = ("no_proxy", "NO_PROXY")
SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the variable that names it. Its text has neither user nor password."""

    url: str
    variable: str
    auth: tuple[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.url} ({self.variable})"


def proxy_of(base_url: str, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for the address, if any. Raises `ConnectionSettingsError` for one that cannot be used."""
    # A proxy for loopback would send the demo's traffic off the machine.
    if is_loopback(base_url) or _is_excepted(base_url, _first(environ, EXCEPTIONS)[1]):
        return None
    variable, text = _first(environ, VARIABLES[urlsplit(base_url).scheme])
    return _proxy(variable, text) if text else None


def _first(environ: Mapping[str, str], variables: tuple[str, ...]) -> tuple[str, str]:
    """The first variable that is set to something, and its text."""
    return next(((name, text) for name in variables if (text := environ.get(name, "").strip())), ("", ""))


def _proxy(variable: str, text: str) -> Proxy:
    # Without the text in the messages: it may hold a password.
    scheme, _, rest = text.partition("://") if "://" in text else ("http", "", text)
    scheme = scheme.lower()
    if scheme not in SCHEMES:
        raise ConnectionSettingsError(f"cannot use the proxy of {variable}: its scheme must be http or https")
    if scheme.startswith("socks") and not find_spec("socksio"):
        raise ConnectionSettingsError(
            f"cannot use the proxy of {variable}: SOCKS needs the package httpx[socks]; or name an http or https proxy"
        )
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host, port = host_and_port(parts.geturl())
        url = f"{scheme}://{joined(host, port)}"
        is_usable = re.fullmatch(r"[\w.:%-]+", host) and httpx.URL(url).host
    except (ValueError, httpx.InvalidURL):
        is_usable = None
    if not is_usable:
        raise ConnectionSettingsError(
            f"cannot use the proxy of {variable}: it must be like http://host:3128, or http://user:password@host:3128"
            " with %23 and the like for special characters"
        )
    auth = (unquote(parts.username or ""), unquote(parts.password or "")) if "@" in parts.netloc else None
    return Proxy(url, variable, auth)


def _is_excepted(url: str, exceptions: str) -> bool:
    host, port = host_and_port(url)
    return any(_excepts(entry.lower(), host.rstrip("."), port) for entry in re.split(r"[\s,]+", exceptions) if entry)


def _excepts(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY is about the host. Nonsense is about none."""
    if entry == "*":
        return True
    # A port, which curl does not know and others do, follows a name, an IPv4 address or a bracket.
    match = re.fullmatch(r"\[([^]]+)\](/\d+)?(?::(\d+))?", entry) or re.fullmatch(r"([^:/]+)()(?::(\d+))?", entry)
    name, only_port = (match[1] + (match[2] or ""), match[3]) if match else (entry, None)
    if only_port and only_port.lstrip("0") != str(port):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = name.removeprefix("*").strip(".")
        return bool(name) and f".{host}".endswith(f".{name}")
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False
