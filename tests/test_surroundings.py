"""The process where something that most machines have is lacking, as in a container that is locked down."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import environment, eventually, exporter_command, free_port, get, started, until_ready

NO_PROC = "mount -t tmpfs -o ro none /proc"
NO_DEV = "mount -t tmpfs -o ro none /dev"
NO_SHARED_MEMORY = "mkdir -p /dev/shm && mount -t tmpfs -o ro none /dev/shm"
# Beside the root there may be other file systems for temporary files; the checkout may lie in one.
READ_ONLY = (
    "for at in / /tmp /var/tmp /run /dev/shm; do ! mountpoint -q $at || mount -o remount,bind,ro $at || exit 1; done"
)
UNPRIVILEGED = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--no-new-privs")


def without(*mounts: str) -> list[str]:
    """A command that runs the one that follows in file systems of its own."""
    return ["unshare", "--mount", "sh", "-c", " && ".join((*mounts, 'exec "$@"')), "sh"]


def needs_root(find: Callable[[str], str]) -> None:
    for name in ("unshare", "setpriv", "mountpoint"):
        find(name)
    if os.geteuid() != 0:
        pytest.skip("only root can mount, and become another user")
    probe = subprocess.run(without(NO_PROC, "true"), check=False, capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"root cannot mount here: {probe.stderr}")


@pytest.mark.parametrize(
    ("around", "proof"),
    [
        (without(NO_PROC), "! test -e /proc/self"),
        (without(NO_SHARED_MEMORY), "! touch /dev/shm/x"),
        (without(NO_DEV), "! test -e /dev/null"),
        (without(READ_ONLY), "! touch /x && ! touch /tmp/x && ! touch /var/tmp/x"),
        ([*UNPRIVILEGED], "! touch /x && ! touch /proc/1/oom_score_adj"),
        (
            [*without(READ_ONLY, NO_PROC, NO_DEV), *UNPRIVILEGED],
            "! touch /x && ! test -e /proc/self && ! test -e /dev/null",
        ),
    ],
    ids=["no proc", "no shared memory", "no devices", "read-only", "unprivileged", "all of it"],
)
def test_it_serves_and_ends_as_ever(program: Callable[[str], str], around: list[str], proof: str) -> None:
    needs_root(program)
    environ = {name: text for name, text in environment().items() if name not in {"HOME", "TMPDIR"}}
    run_python = [*around, *exporter_command("--version")]
    version = subprocess.run(run_python, check=False, capture_output=True, text=True, env=environ)
    if version.returncode and "Permission denied" in version.stderr:
        pytest.skip("another user cannot read this checkout")
    proven = subprocess.run([*around, "sh", "-c", proof], check=False, capture_output=True, text=True)
    assert proven.returncode == 0, proven.stderr
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    command = [*around, *exporter_command("demo", "--web.listen-address", f"127.0.0.1:{port}")]
    with started(command, environ) as process:
        eventually(lambda: process.answers(f"{base_url}/-/healthy"), "the endpoint")
        until_ready(base_url)
        eventually(lambda: "\nanthropic_exporter_up 1.0" in get(f"{base_url}/metrics").text, "every collector up")
        metrics = get(f"{base_url}/metrics").text
        assert process.stop(signal.SIGTERM) == 0
    assert "\nanthropic_usage_tokens{" in metrics
    # It is read from /proc.
    assert ("\nprocess_resident_memory_bytes " in metrics) == (NO_PROC not in " ".join(around))
    assert "msg=stopped" in process.output
    assert "Traceback" not in process.output
    assert "level=error" not in process.output


def test_a_key_file_that_its_user_may_not_read_is_named(program: Callable[[str], str], tmp_path: Path) -> None:
    needs_root(program)
    file = tmp_path / "key"
    file.write_text("sk-ant-admin01-tests")
    file.chmod(0o600)
    command = [*without(READ_ONLY, NO_PROC, NO_DEV), *UNPRIVILEGED, *exporter_command("--api.key-file", str(file))]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
    if str(file) not in done.stderr and "Permission denied" in done.stderr:
        pytest.skip("another user cannot read this checkout")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert str(file) in line
