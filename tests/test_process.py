"""The process itself, from start to signal."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
from pathlib import Path

import httpx
import pytest

from exporter.demo.api.asgi import AdminApi
from exporter.demo.api.server import running
from exporter.demo.faults.fault import Fault
from exporter.demo.simulation.organization import SimulatedOrganization
from tests.support.exporting import KEY
from tests.support.processes import (
    PATIENCE_SECONDS,
    environment,
    eventually,
    exporter,
    exporter_command,
    free_port,
    get,
    started,
    until_ready,
)

KEY_VARIABLE = "ANTHROPIC_ADMIN_API_KEY"
FILE_VARIABLE = "ANTHROPIC_ADMIN_API_KEY_FILE"
# Of all but the first snapshot, which the main thread makes before anybody is served.
ENDLESS_COMPRESSION = """
import threading, zlib
ordinary = zlib.compressobj
def compressobj(*arguments, **named):
    if threading.current_thread() is not threading.main_thread():
        print("endless", flush=True)
        while True:
            pass
    return ordinary(*arguments, **named)
zlib.compressobj = compressobj
"""


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        exporter_command(*arguments),
        env=environment(**environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_without_a_key_it_says_what_to_do_and_exits_with_2() -> None:
    done = run()
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert all(word in line for word in (KEY_VARIABLE, FILE_VARIABLE, "anthropic-exporter demo"))


def test_wrong_settings_are_refused_all_at_once() -> None:
    done = run("--usage.days", "32", "--usages.days", "1", **{KEY_VARIABLE: KEY, "ANTHROPIC_EXPORTER_NONSENSE": "1"})
    assert done.returncode == 2
    for name in ("--usage.days", "--usages.days", "ANTHROPIC_EXPORTER_NONSENSE"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "key"
    empty.write_text("\n")
    done = run(**{FILE_VARIABLE: str(empty)})
    assert done.returncode == 2
    assert str(empty) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_address_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("demo", "--web.listen-address", address)
    assert done.returncode == 1
    assert address in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_starts_gets_ready_is_scraped_and_ends_with_0(number: int) -> None:
    with exporter("demo") as (process, base_url):
        until_ready(base_url)
        answer = get(f"{base_url}/metrics")
        assert "anthropic_usage_tokens{" in answer.text
        assert "anthropic_exporter_demo 1.0" in answer.text
        assert process.stop(number) == 0
    assert "msg=stopped" in process.output
    assert "Traceback" not in process.output


def test_a_signal_ends_it_before_the_end_of_a_refresh() -> None:
    api = AdminApi(SimulatedOrganization(actors=3, workspaces=2), key=KEY)
    api.faults.add(Fault(kind="stall", seconds=10 * PATIENCE_SECONDS, count=99))
    with (
        running(api) as api_url,
        exporter("--api.timeout-seconds", "3600", ANTHROPIC_BASE_URL=api_url, **{KEY_VARIABLE: KEY}) as (
            process,
            base_url,
        ),
    ):
        eventually(lambda: len(api.requests) >= 3, "requests")
        assert get(f"{base_url}/-/ready").status_code == 503
        assert get(f"{base_url}/-/healthy").status_code == 200
        assert 'collector_up{collector="usage"} 0.0' in get(f"{base_url}/metrics").text
        assert process.stop(signal.SIGTERM) == 0


def test_a_signal_ends_it_while_a_name_server_hangs(tmp_path: Path) -> None:
    hanging = "import socket, threading\nsocket.getaddrinfo = lambda *_, **__: threading.Event().wait()\n"
    (tmp_path / "sitecustomize.py").write_text(hanging)
    environ = {"ANTHROPIC_BASE_URL": "https://api.example", "PYTHONPATH": str(tmp_path), KEY_VARIABLE: KEY}
    port = free_port()
    command = exporter_command("--web.listen-address", f":{port}")
    with started(command, environment(**environ)) as process:
        eventually(lambda: process.answers(f"http://127.0.0.1:{port}/-/healthy"), "the endpoint")
        assert process.stop(signal.SIGTERM) == 0


def test_scrapes_and_a_signal_come_before_the_end_of_a_rendering(tmp_path: Path) -> None:
    """It holds the interpreter for all the time that it is given, and here it never ends."""
    (tmp_path / "sitecustomize.py").write_text(ENDLESS_COMPRESSION)
    with exporter("demo", PYTHONPATH=str(tmp_path)) as (process, base_url):
        process.find("(endless)")
        assert get(f"{base_url}/metrics").status_code == 200
        assert process.stop(signal.SIGTERM) == 0


def test_a_signal_ends_it_while_it_renders_a_large_organization() -> None:
    with exporter("demo", "--demo.actors", "20000", "--claude-code.days", "3") as (process, base_url):
        eventually(lambda: 'api_endpoint="usage_report/claude_code"' in get(f"{base_url}/metrics").text, "a first page")
        assert process.stop(signal.SIGTERM) == 0


def test_it_ends_well_when_nobody_reads_its_output() -> None:
    port = free_port()
    command = [
        "sh",
        "-c",
        'exec "$@" >&-',
        "sh",
        *exporter_command("demo", "--web.listen-address", f"127.0.0.1:{port}"),
    ]
    with started(command, environment()) as process:
        eventually(lambda: process.answers(f"http://127.0.0.1:{port}/-/healthy"), "the endpoint")
        assert process.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_the_key_is_in_no_output_at_any_log_level(level: str, tmp_path: Path) -> None:
    """Neither while all is well, nor while every request fails with the key in the API's own message."""
    api = AdminApi(SimulatedOrganization(actors=3, workspaces=2), key=KEY)
    api.faults.add(Fault(kind="status", status=401, count=2, message=f"invalid x-api-key {KEY}"))
    api.faults.add(Fault(kind="redirect", count=2))
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    with (
        running(api) as api_url,
        exporter(
            "--log.level",
            level,
            "--usage.interval-seconds",
            "0.2",
            ANTHROPIC_BASE_URL=api_url,
            **{FILE_VARIABLE: str(file)},
        ) as (process, base_url),
    ):
        until_ready(base_url)
        eventually(lambda: 'collector_up{collector="usage"} 1.0' in get(f"{base_url}/metrics").text, "recovery")
        pages = "".join(get(base_url + path).text for path in ("/", "/metrics", "/-/ready"))
        process.stop(signal.SIGTERM)
        assert KEY not in process.output + pages
        assert not re.search(r"starting_at|group_by", process.output)


def test_a_rotated_key_file_needs_no_restart(tmp_path: Path) -> None:
    api = AdminApi(SimulatedOrganization(actors=3, workspaces=2), key="sk-ant-admin01-new")
    file = tmp_path / "key"
    file.write_text("sk-ant-admin01-old")
    with (
        running(api) as api_url,
        exporter("--usage.interval-seconds", "0.2", ANTHROPIC_BASE_URL=api_url, **{FILE_VARIABLE: str(file)}) as (
            _,
            base_url,
        ),
    ):
        until_ready(base_url)
        assert 'collector_failing{collector="usage",reason="auth"} 1.0' in get(f"{base_url}/metrics").text
        file.write_text("sk-ant-admin01-new\n")
        eventually(lambda: 'collector_up{collector="usage"} 1.0' in get(f"{base_url}/metrics").text, "recovery")


def test_the_demo_ignores_the_environments_key_and_base_url() -> None:
    environ = {KEY_VARIABLE: "not a key", "ANTHROPIC_BASE_URL": "http://example.com"}
    with exporter("demo", **environ) as (_, base_url):
        until_ready(base_url)
        assert "anthropic_exporter_up 1.0" in get(f"{base_url}/metrics").text


def test_a_demos_api_can_be_made_to_fail_by_hand() -> None:
    with exporter("demo", "--usage.interval-seconds", "0.2") as (process, base_url):
        api_url = process.find(r"Admin API\s+(\S+)")
        until_ready(base_url)
        fault = {"kind": "status", "status": 500, "endpoint": "usage_report/messages", "count": 99}
        fault |= {"headers": {"x-should-retry": "false"}}
        assert (
            httpx.post(f"{api_url}/demo/faults", json=fault, trust_env=False, timeout=PATIENCE_SECONDS).status_code
            == 201
        )
        eventually(lambda: 'collector_up{collector="usage"} 0.0' in get(f"{base_url}/metrics").text, "the failure")
        httpx.delete(f"{api_url}/demo/faults", trust_env=False, timeout=PATIENCE_SECONDS)
        eventually(lambda: 'collector_up{collector="usage"} 1.0' in get(f"{base_url}/metrics").text, "recovery")


def test_settings_come_from_a_file_and_the_endpoint_has_a_path_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("web:\n  telemetry_path: /measures\norganization:\n  name: acme\nlog:\n  format: json\n")
    with exporter("demo", "--config.file", str(file)) as (process, base_url):
        until_ready(base_url)
        assert 'organization="acme"' in get(f"{base_url}/measures").text
        assert get(f"{base_url}/metrics").status_code == 404
        assert process.find(r'("msg": "listening")')


def test_help_and_version_answer_whatever_else_is_wrong() -> None:
    assert run("--help").returncode == 0
    done = run("--version")
    assert (done.returncode, done.stdout.startswith("anthropic-exporter, version ")) == (0, True)


def test_checks_table_is_printed_by_the_command() -> None:
    with running(
        AdminApi(SimulatedOrganization(actors=3, workspaces=2), key=KEY, forbidden=frozenset({"cost_report"}))
    ) as url:
        done = run("check", ANTHROPIC_BASE_URL=url, **{KEY_VARIABLE: KEY})
        refused = run("check", ANTHROPIC_BASE_URL=url, **{KEY_VARIABLE: "sk-ant-admin01-wrong"})
    assert (done.returncode, refused.returncode) == (3, 1)
    assert re.search(r"^cost_report +cost +no ", done.stdout, re.MULTILINE)
    assert re.search(r"^usage_report/messages +usage +yes ", done.stdout, re.MULTILINE)
    assert "wrong" not in refused.stdout + refused.stderr
    assert KEY not in done.stdout + done.stderr


def test_loopback_is_reached_directly_whatever_proxy_the_environment_has() -> None:
    with (
        running(AdminApi(SimulatedOrganization(actors=3, workspaces=2), key=KEY)) as api_url,
        exporter(
            ANTHROPIC_BASE_URL=api_url,
            HTTP_PROXY="http://127.0.0.1:9",
            ALL_PROXY="http://127.0.0.1:9",
            **{KEY_VARIABLE: KEY},
        ) as (_, base_url),
    ):
        until_ready(base_url)
        assert "anthropic_exporter_up 1.0" in get(f"{base_url}/metrics").text


def test_many_scrapes_at_once_are_all_answered_whole() -> None:
    async def scrape(base_url: str) -> set[bytes]:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
            answers = await asyncio.gather(*(client.get(f"{base_url}/metrics") for _ in range(60)))
        assert {answer.status_code for answer in answers} == {200}
        return {answer.content[answer.content.index(b"# HELP anthropic_usage_tokens") :] for answer in answers}

    with exporter("demo", "--demo.actors", "300") as (_, base_url):
        until_ready(base_url)
        bodies = asyncio.run(scrape(base_url))
        assert all(body.count(b"\nanthropic_claude_code_sessions{") > 100 for body in bodies)
