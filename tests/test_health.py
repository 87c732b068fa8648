"""The container's health check, against real processes. That it is run as such is for `make image-test`."""

from __future__ import annotations

import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from exporter.health import is_healthy
from exporter.web import health_socket
from tests.support.processes import PATIENCE_SECONDS, environment, eventually, exporter_command, free_port, started

LISTEN = "ANTHROPIC_EXPORTER_WEB_LISTEN_ADDRESS"


def assert_found(*arguments: str, **environ: str) -> None:
    with started(exporter_command("demo", *arguments), environment(**environ)) as running:
        eventually(lambda: running.process.poll() is not None or is_healthy(running.process.pid), "health")
        assert running.process.poll() is None, running.output
        running.process.send_signal(signal.SIGSTOP)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("exporter.health.TIMEOUT_SECONDS", 0.2)
            assert not is_healthy(running.process.pid)  # it listens, but does not answer
        running.process.kill()
        running.process.wait()
        assert not is_healthy(running.process.pid)


@pytest.mark.parametrize("address", [":0", "127.0.0.1:0", "localhost:0", "[::1]:0", "[::]:0", "127.0.0.2:0,[::1]:0"])
def test_each_form_of_address_is_found(address: str) -> None:
    assert_found("--web.listen-address", address)


def test_the_environment_is_found() -> None:
    assert_found(**{LISTEN: "127.0.0.3:0"})


def test_the_file_is_found_even_after_it_changed(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text("web: {listen_address: ['127.0.0.4:0'], telemetry_path: /m}\n")
    assert_found("--config.file", str(config))


def test_two_that_share_a_network_are_told_from_each_other() -> None:
    command = exporter_command("demo", "--web.listen-address=127.0.0.1:0")
    with started(command, environment()) as one, started(command, environment()) as other:
        eventually(lambda: is_healthy(one.process.pid) and is_healthy(other.process.pid), "health")
        other.process.send_signal(signal.SIGSTOP)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("exporter.health.TIMEOUT_SECONDS", 0.2)
            assert not is_healthy(other.process.pid)
        assert is_healthy(one.process.pid)


def test_where_sockets_cannot_be_listed_the_one_of_the_usual_port_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setattr("exporter.health.SOCKETS", tmp_path / "none")
    monkeypatch.setattr("exporter.health.DEFAULT_PORT", port)
    command = exporter_command("demo", f"--web.listen-address=127.0.0.1:{port}")
    with started(command, environment()) as running:
        eventually(lambda: is_healthy(running.process.pid), "health")
        monkeypatch.setattr("exporter.health.DEFAULT_PORT", port + 1)
        assert not is_healthy(running.process.pid)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 501 No\r\n\r\n", b"hello\n", b""])
def test_whoever_answers_something_else_under_its_name_is_not_healthy(answer: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(health_socket.name(os.getuid(), 1))
        listening.listen()

        listening.settimeout(PATIENCE_SECONDS)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert not is_healthy(os.getpid())
        thread.join()


def test_whoever_answers_something_else_is_not_healthy() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:  # it answers 501
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert not is_healthy(os.getpid())
        finally:
            server.shutdown()
            thread.join()
