"""The kinds of value that settings have, each checked in words that say what to write instead."""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from exporter.api.address import is_loopback
from exporter.settings.actors_files import read_hash_key, read_teams
from exporter.settings.prices_file import read_prices

SHORTEST_INTERVAL_SECONDS = 60  # the API asks for at most one poll a minute
LAST_PORT = 65_535
TAKEN_PATHS = ("", "/-/healthy", "/-/ready", "/api/v1/status")


def _words(value: object) -> object:
    """Texts with commas as a list of words; what else there is pydantic refuses."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        return value
    return [word.strip() for text in texts for word in str(text).split(",") if word.strip()]


def _listen_address(address: str) -> str:
    match = re.fullmatch(r"(?:\[([^]]+)]|[\w.-]*):(\d{1,5})", address, re.ASCII)
    if match is None or int(match[2]) > LAST_PORT or (match[1] and not _is_ipv6(match[1])):
        raise ValueError(f"must be :PORT, HOST:PORT or [IPV6]:PORT, got {address!r}")
    return address


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _at_least_one(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if not addresses:
        raise ValueError("must name at least one address")
    return addresses


def _telemetry_path(path: str) -> str:
    if not re.fullmatch(r"(/[\w.~-]+)*/?", path, re.ASCII):
        raise ValueError(f"must be a path such as /metrics, of letters, digits and ._~-/, got {path!r}")
    if path.rstrip("/") in TAKEN_PATHS:
        raise ValueError(f"must not be {path}, which serves something else")
    return path


def _distinct(dimensions: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(dimensions)) < len(dimensions):
        raise ValueError(f"must name each dimension once, got {', '.join(dimensions)}")
    return dimensions


def _tag(tag: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9_]+", tag, re.ASCII):
        raise ValueError(f"must be letters, digits and _, as labels are, got {tag!r}")
    return tag


def _base_url(url: str) -> str:
    # The address is not quoted in the messages: it may hold a password or a token.
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("must be an http or https address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not re.fullmatch(r"[!-~]+", url):
        raise ValueError("must be an http or https address")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("must be without user, password, query and fragment")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("must be https, for the key would travel in the clear: http is for loopback addresses only")
    if path := re.search(r"/+v1(/+((organizations|messages)(/.*)?)?)?$", parts.path):
        right = url.removesuffix(path[0]).rstrip("/")
        raise ValueError(f"must be without {path[0].rstrip('/')}, which the exporter adds: write {right}")
    return url.rstrip("/")


def _key(key: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", key.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return key


def _readable(path: Path) -> Path:
    reason: str | None = None
    try:
        # Looked at, not opened: a pipe could be read only once.
        if stat.S_ISDIR(path.stat().st_mode):
            reason = "it is a folder"
        elif not os.access(path, os.R_OK):
            reason = "Permission denied"
    except OSError as error:
        reason = error.strerror
    except ValueError:  # a null or half a character in it
        raise ValueError("must be the name of a file") from None
    if reason:
        raise ValueError(f"cannot read {path}: {reason}")
    return path


def _prices(path: Path) -> Path:
    read_prices(path)
    return path


def _hash_key(path: Path) -> Path:
    read_hash_key(path)
    return path


def _teams(path: Path) -> Path:
    read_teams(path)
    return path


def _certificates(path: Path) -> Path:
    import ssl  # noqa: PLC0415, seldom needed, and not free

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError):
        raise ValueError(f"{path} is not a PEM file of certificates") from None
    return path


Words = BeforeValidator(_words)
Distinct = AfterValidator(_distinct)
Tag = Annotated[str, AfterValidator(_tag)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
Key = Annotated[SecretStr, AfterValidator(_key)]
ReadableFile = Annotated[Path, AfterValidator(_readable)]
HashKeyFile = Annotated[ReadableFile, AfterValidator(_hash_key)]
TeamsFile = Annotated[ReadableFile, AfterValidator(_teams)]
PricesFile = Annotated[ReadableFile, AfterValidator(_prices)]
CertificatesFile = Annotated[ReadableFile, AfterValidator(_certificates)]
ListenAddress = Annotated[str, AfterValidator(_listen_address)]
ListenAddresses = Annotated[tuple[ListenAddress, ...], NoDecode, Words, AfterValidator(_at_least_one)]
TelemetryPath = Annotated[str, AfterValidator(_telemetry_path)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Interval = Annotated[
    Seconds,
    Field(description=f"Time between two refreshes; at least {SHORTEST_INTERVAL_SECONDS} for the real API"),
]
WithinAnHour = Annotated[
    Interval,
    Field(
        le=3000,
        description=f"Time between two refreshes, at most 3000, so that no minute is missed; at least "
        f"{SHORTEST_INTERVAL_SECONDS} for the real API",
    ),
]
Days = Annotated[int, Field(ge=1, le=31, description="Number of UTC days to expose, today included")]
