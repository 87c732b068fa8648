from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.api.errors import ApiError, ConnectionSettingsError
from exporter.contract.state import Reason
from tests.support.asking import FINE, PATH, failure, get, where
from tests.support.scripted import KEY, REQUEST_ID, Answer, ScriptedApi, connect
from tests.support.tunnels import Tunnels

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def test_a_refused_connection_is_the_network_s() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    problem = failure(connect(f"http://127.0.0.1:{port}", retry_seconds=0))
    assert problem.reason is Reason.NETWORK
    assert str(problem).startswith("me: ConnectError: ")
    assert str(problem).endswith(f", at 127.0.0.1:{port}")
    assert problem.status is None


def test_a_host_without_an_address_is_the_network_s(no_proxy: None) -> None:
    problem = failure(connect("http://api.invalid", retry_seconds=0))
    assert problem.reason is Reason.NETWORK
    assert problem.message.endswith(", at api.invalid:80")


@pytest.mark.parametrize(
    "environ", [{"ALL_PROXY": "socks9://user:secret@proxy"}, {"HTTPS_PROXY": "ftp://user:secret@proxy"}]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    remote = ScriptedApi()
    remote.base_url = "https://api.example"
    with pytest.raises(ConnectionSettingsError, match=next(iter(environ))) as raised:
        connect(remote)
    assert "secret" not in str(raised.value)


# Redirects, proxies, certificates


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_other_host_never_sees_the_key(api: ScriptedApi, status: int) -> None:
    with ScriptedApi() as other:
        api.on(PATH, Answer(b"", status, {"location": f"{other.base_url}/v1/organizations/me?code=secret"}))
        problem = failure(connect(api))
        assert other.requests == []
    assert problem.reason is Reason.REQUEST
    assert str(problem) == (
        f"me answered {status}: an unexpected redirect, not followed: is the base URL right? (request id {REQUEST_ID})"
    )
    assert len(api.requests) == 1


def test_a_redirect_to_nowhere_is_an_error_like_others(api: ScriptedApi) -> None:
    api.on(PATH, Answer(b"", 302, {"location": "http://[::1:port"}))
    assert isinstance(failure(connect(api, retry_seconds=0)), ApiError)


def through(monkeypatch: pytest.MonkeyPatch, proxy: ScriptedApi) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, proxy.base_url)
        monkeypatch.setenv(name.lower(), proxy.base_url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_a_proxy_never_sees_loopback_traffic(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    api.on(PATH, FINE)
    with ScriptedApi() as proxy:
        through(monkeypatch, proxy)
        get(connect(api))
        assert proxy.requests == []
    assert len(api.requests) == 1


def test_a_proxy_of_the_environment_is_used_for_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedApi() as proxy:
        proxy.on(PATH, FINE)
        through(monkeypatch, proxy)
        assert get(connect("http://api.invalid")) == b'{"id": "1"}'
        assert proxy.requests[0].headers["host"] == "api.invalid"


def server_tls(certificates: Path) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    return tls


@pytest.fixture
def secure_api(certificates: Path, no_proxy: None) -> Iterator[ScriptedApi]:
    """Under a private authority, for https://127.0.0.1 and https://api.test."""
    with ScriptedApi(server_tls(certificates)) as api:
        api.on(PATH, FINE)
        yield api


def test_a_tunnel_is_asked_for_with_the_password_and_the_proxy_never_sees_the_key(
    secure_api: ScriptedApi, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Tunnels(secure_api) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"user:hunter2%40@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "fd00::/8,[::1],10.0.0.0/8, other.test")
        assert get(connect("https://api.test", ca_file=certificates / "ca.pem")) == b'{"id": "1"}'
        (head,) = proxy.heads
    assert head.startswith("CONNECT api.test:443 ")
    assert b64encode(b"user:hunter2@").decode() in head
    assert KEY not in head


def test_a_proxy_that_speaks_tls_itself_may_be_of_the_same_authority(
    secure_api: ScriptedApi, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Tunnels(secure_api, server_tls(certificates)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        refused = failure(connect("https://api.test", retry_seconds=0))
        assert "CERTIFICATE_VERIFY_FAILED" in refused.message
        assert get(connect("https://api.test", ca_file=certificates / "ca.pem")) == b'{"id": "1"}'
        assert len(proxy.heads) == 1


def test_an_exception_of_the_proxy_is_reached_directly(
    secure_api: ScriptedApi, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Tunnels(secure_api) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", ".test")
        problem = failure(connect("https://api.test", ca_file=certificates / "ca.pem", retry_seconds=0))
        assert proxy.heads == []
    assert problem.reason is Reason.NETWORK
    assert problem.message.endswith(", at api.test:443")


@pytest.mark.parametrize(
    "status_line",
    ["407 Proxy Authentication Required for someone:hunter2", "502 no", "200", "nonsense hunter2", ""],
)
def test_a_proxy_that_opens_no_tunnel_is_named_without_its_password(
    no_proxy: None, status_line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(ScriptedApi):
        async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 {status_line}\r\ncontent-length: 0\r\n\r\n".encode())
            return False

    with Refusing() as proxy:
        address = where(proxy)
        monkeypatch.setenv("HTTPS_PROXY", f"http://someone:hunter2@{address}")
        problem = failure(connect("https://api.test", retry_seconds=0))
    assert problem.reason is Reason.NETWORK
    assert problem.message.endswith(f", at api.test:443 through the proxy http://{address} (HTTPS_PROXY)")
    assert "hunter2" not in str(problem)
    assert "someone" not in str(problem)


def test_a_dead_proxy_is_named(no_proxy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        port = closing.getsockname()[1]
    monkeypatch.setenv("https_proxy", f"user:hunter2@127.0.0.1:{port}")
    assert str(failure(connect("https://api.test", retry_seconds=0))) == (
        "me: ConnectError: All connection attempts failed, at api.test:443"
        f" through the proxy http://127.0.0.1:{port} (https_proxy)"
    )


@pytest.fixture
def certificates(tmp_path: Path, program: Callable[[str], str]) -> Path:
    """The folder with `ca.pem`, and `server.pem` for 127.0.0.1 signed by it."""
    openssl = program("openssl")
    new = f"{openssl} req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    (tmp_path / "server.ext").write_text(
        "subjectAltName=IP:127.0.0.1,DNS:api.test\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\n"
    )
    authority = f"{new} -x509 -days 2 -subj /CN=private-ca -addext keyUsage=critical,keyCertSign,cRLSign"
    sign = f"{openssl} x509 -req -days 2 -CA ca.pem -CAkey ca.key -CAcreateserial -extfile server.ext"
    for command in (
        f"{authority} -keyout ca.key -out ca.pem",
        f"{new} -subj /CN=127.0.0.1 -keyout server.key -out server.csr",
        f"{sign} -in server.csr -out server.pem",
    ):
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_a_private_authority_is_trusted_only_with_its_file(secure_api: ScriptedApi, certificates: Path) -> None:
    problem = failure(connect(secure_api, retry_seconds=0))
    assert problem.reason is Reason.NETWORK
    assert "CERTIFICATE_VERIFY_FAILED" in problem.message
    assert problem.message.endswith(
        f", at {where(secure_api)}: --api.ca-file names a company's own certificate authority"
    )
    assert secure_api.requests == []
    assert get(connect(secure_api, ca_file=certificates / "ca.pem")) == b'{"id": "1"}'


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_authority_of_the_environment_is_trusted(
    secure_api: ScriptedApi, certificates: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(certificates / "ca.pem"))
    assert get(connect(secure_api)) == b'{"id": "1"}'


@pytest.mark.parametrize("variable", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_a_folder_of_authorities_of_the_environment_is_trusted(
    secure_api: ScriptedApi, certificates: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = certificates / "authorities"
    folder.mkdir()
    hashed = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", "ca.pem"], cwd=certificates, check=True, capture_output=True
    )
    (folder / f"{hashed.stdout.decode().strip()}.0").write_text((certificates / "ca.pem").read_text())
    listed = f"/missing{os.pathsep}{folder}" if variable == "SSL_CERT_DIR" else str(folder)
    monkeypatch.setenv(variable, listed)
    assert get(connect(secure_api)) == b'{"id": "1"}'


def test_several_authorities_are_trusted_together(
    secure_api: ScriptedApi, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "server.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    assert get(connect(secure_api)) == b'{"id": "1"}'


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("kind", ["missing", "pipe", "text"])
def test_certificates_that_cannot_be_used_blame_the_variable_that_names_them(
    no_proxy: None, tmp_path: Path, variable: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "text":
        path.write_text("no certificate")
    monkeypatch.setenv("HTTPS_PROXY", "http://innocent:3128")
    monkeypatch.setenv(variable, str(path))
    with pytest.raises(ConnectionSettingsError, match=f"^cannot use {path} of {variable}: it must be a PEM file"):
        connect("https://api.test")


def test_without_https_no_certificates_are_needed(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/missing")
    api.on(PATH, FINE)
    assert get(connect(api)) == b'{"id": "1"}'
