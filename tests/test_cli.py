"""The command before there is anything to run: with little memory, and with defects."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

import httpx
import pytest

from tests.support.processes import PATIENCE_SECONDS, environment, eventually, exporter_command, free_port, get

NO_MEMORY = "anthropic-exporter: not enough memory or threads, raise the limits (ulimit -v, ulimit -u)\n"
CHECK = ("check", "--api.base-url=http://127.0.0.1:9")
FAILING = """
import exporter.cli, exporter.settings.model
def load(*_): raise {error}
exporter.settings.model.load = load
exporter.cli.main()
"""


def limited(command: Sequence[str], megabytes: int) -> list[str]:
    """The command with so much address space."""
    return ["sh", "-c", f'ulimit -v {megabytes * 1024}; exec "$@"', "sh", *command]


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment(ANTHROPIC_ADMIN_API_KEY="key"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def least() -> int:
    """Megabytes with which Python starts, with some to spare for what it does before any of our code."""
    python = [sys.executable, "-c", "import runpy"]
    return next(size for size in range(8, 400, 4) if run(limited(python, size)).returncode == 0) + 4


@pytest.mark.parametrize("more", [0, 8, 24, 40, 44, 48, 52, 56, 64, 100])
def test_with_little_memory_it_works_or_says_so_in_one_line(least: int, more: int) -> None:
    version = run(limited(exporter_command("--version"), least + more))
    checked = run(limited(exporter_command(*CHECK), least + more))
    if version.returncode:
        assert (version.returncode, version.stderr) == (1, NO_MEMORY)
    else:
        assert version.stdout.startswith("anthropic-exporter, version ")
    assert checked.returncode == 1
    assert checked.stderr == NO_MEMORY or (checked.stderr, checked.stdout[:9]) == ("", "No report")


def test_there_is_too_little_memory_and_enough(least: int) -> None:
    assert run(limited(exporter_command("--version"), least)).stderr == NO_MEMORY
    assert run(limited(exporter_command("--version"), 400)).returncode == 0


@pytest.mark.parametrize("megabytes", [64, 112, 128, 144, 160, 192, 240, 400])
@pytest.mark.parametrize("command", ["demo", "serve"])
def test_what_serves_starts_or_says_in_one_line_that_it_cannot(command: str, megabytes: int) -> None:
    port = free_port()
    flags = (f"--web.listen-address=127.0.0.1:{port}", "--api.base-url=http://127.0.0.1:9", "--api.retry-seconds=0.1")
    process = subprocess.Popen(
        limited(exporter_command(command, *flags), megabytes),
        env=environment(ANTHROPIC_ADMIN_API_KEY="key"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: process.poll() is not None or is_ready(port), "an end or a start")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0 or (process.returncode, said) == (1, NO_MEMORY)
    assert "Traceback" not in said


def is_ready(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/-/ready").is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    "error",
    [
        "MemoryError",
        "ImportError('x.so: failed to map segment from shared object')",
        "ImportError('x.so: cannot allocate memory in static TLS block')",
        "OSError(12, 'Cannot allocate memory')",
        """RuntimeError("can't start new thread")""",
    ],
)
def test_lack_of_memory_is_one_line(error: str) -> None:
    done = run([sys.executable, "-c", FAILING.format(error=error)])
    assert (done.returncode, done.stdout, done.stderr) == (1, "", NO_MEMORY)


@pytest.mark.parametrize(
    "error",
    [
        "RuntimeError('a defect')",
        "ImportError('No module named x')",
        "ModuleNotFoundError('failed')",
        "PermissionError(13, 'Permission denied')",
        "KeyError('a defect')",
    ],
)
def test_a_defect_shows_its_traceback(error: str) -> None:
    done = run([sys.executable, "-c", FAILING.format(error=error)])
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert error.partition("(")[0] in done.stderr.splitlines()[-1]


def test_nothing_is_imported_before_there_is_a_line_for_what_fails() -> None:
    code = "import sys; before = {*sys.modules}; import exporter.cli; print(*sorted({*sys.modules} - before))"
    assert set(run([sys.executable, "-c", code]).stdout.split()) <= {
        "__future__",
        "errno",
        "exporter",
        "exporter.cli",
        "exporter.shortage",
    }
