"""The certificate authorities that are trusted: those that the environment names, else certifi's; and one's own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from os import pathsep
from pathlib import Path

import httpx

from exporter.api.errors import ConnectionSettingsError
from exporter.api.redact import one_line

# OpenSSL's own, and those of requests and curl.
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def tls(environ: Mapping[str, str], ca_file: Path | None) -> ssl.SSLContext:
    """For connections to the API. Raises `ConnectionSettingsError` for certificates that cannot be used."""
    context: ssl.SSLContext | None = None
    for variable, path in _named(environ):
        try:
            context = _trusting(context, path)
        except (OSError, ValueError):
            raise ConnectionSettingsError(
                f"cannot use {one_line(str(path))} of {variable}: it must be a PEM file of certificate authorities,"
                " or a folder of them"
            ) from None
    context = context or httpx.create_ssl_context(trust_env=False)
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ValueError):
            raise ConnectionSettingsError("cannot use --api.ca-file: it must be a PEM file of certificates") from None
    return context


def _named(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    for variable in VARIABLES:
        text = environ.get(variable, "").strip()
        # OpenSSL's folders are a list, of which some may be missing.
        paths = [Path(part) for part in (text.split(pathsep) if variable == "SSL_CERT_DIR" else [text]) if part]
        for path in [path for path in paths if path.exists()] or paths[:1]:
            yield variable, path


def _trusting(context: ssl.SSLContext | None, path: Path) -> ssl.SSLContext:
    if not path.is_dir() and not path.is_file():  # a pipe would block
        raise FileNotFoundError
    cafile, capath = (None, path) if path.is_dir() else (path, None)
    if context is None:
        return ssl.create_default_context(cafile=cafile, capath=capath)
    context.load_verify_locations(cafile, capath)
    return context
